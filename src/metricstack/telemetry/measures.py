"""Measures: named row-level expressions of a table, written once, that every definition may aggregate.

A measure says what one row means (`successful`, `within_sla`); null means unknown and is never 0.
It may take parameters, bound by the workspace's ``[parameters]`` (defaults stand in `PARAMETERS`, once)
and by its use-case cards; bound values are part of a definition's hash. Every column of a table's
contract may be aggregated as it is, without a measure.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from metricstack.core.errors import InvalidInput, UnknownName
from metricstack.telemetry.tables import table

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from metricstack.telemetry.config import WorkspaceConfig

__all__ = [
    "ASSUMED",
    "MEASURES",
    "PARAMETERS",
    "Given",
    "Measure",
    "flag",
    "given",
    "measures_of",
    "number",
    "seconds_between",
]

PARAMETERS: dict[str, tuple[float, str, str]] = {
    "sla_latency": (10.0, "s", "time target of a run, where its use-case card states none"),
    "sla_step_ingestion": (2.0, "s", "time target of the step 'ingestion'"),
    "sla_step_feature_creation": (2.0, "s", "time target of the step 'feature_creation'"),
    "sla_step_inference": (8.0, "s", "time target of the step 'inference'"),
    "sla_step_human_review": (14400.0, "s", "time target of the step 'human_review'"),
    "sla_step_other": (5.0, "s", "time target of any other step"),
    "availability_timeout": (60.0, "s", "a run that took longer was not available"),
    "review_requires_safety": (0.0, "1", "1 = a responsible-AI review must pass safety"),
    "review_requires_human_oversight": (0.0, "1", "1 = a responsible-AI review must pass human oversight"),
}
"""Name → default, unit, meaning."""

ASSUMED: dict[str, str] = {
    "minutes_before": "min",
    "minutes_after": "min",
    "minutes_new_steps": "min",
    "hourly_wage": "currency/h",
    "error_cost": "currency",
    "errors_avoided_share": "fraction",
    "engineering_cost": "currency/d",
    "monitoring_cost": "currency/d",
    "compliance_cost": "currency/d",
    "vendor_cost": "currency/d",
}
"""Inputs that the table ``assumptions`` may state per use case, and their units."""


@dataclass(frozen=True)
class Given:
    """What a workspace binds into its measures.

    Args:
        parameters: Every name of `PARAMETERS` with its value.
        acceptable_latency: Use case → time target of a run, in seconds, from its card.
        until: The end of what the data tell: what is due from then on is not judged yet. None = all is told.
            It belongs to the data, not to the definition, and so is in no hash.
    """

    parameters: Mapping[str, float] = field(default_factory=lambda: {name: row[0] for name, row in PARAMETERS.items()})
    acceptable_latency: Mapping[str, float] = field(default_factory=dict)
    until: datetime | None = None

    def __getitem__(self, name: str) -> float:
        if name not in self.parameters:
            raise UnknownName("parameter", name, PARAMETERS)
        return self.parameters[name]

    def bound(self, measure: "Measure") -> tuple[tuple[str, float], ...]:
        """Return what is bound into one measure, for its hash."""
        values = [(name, self[name]) for name in measure.parameters]
        if measure.by_card:
            values += [(f"{name}.acceptable_latency", value) for name, value in self.acceptable_latency.items()]
        return tuple(sorted(values))


def given(config: "WorkspaceConfig") -> Given:
    """Bind a workspace's parameters and use-case cards.

    Raises:
        UnknownName: ``[parameters]`` names something that no measure takes.
    """
    for name in config.parameters:
        if name not in PARAMETERS:
            raise UnknownName(
                "parameter", name, PARAMETERS, remedy="Mend it under [parameters] in the metricstack.toml."
            )
    cards = {
        name: card.acceptable_latency for name, card in config.use_cases.items() if card.acceptable_latency is not None
    }
    return Given({name: config.parameters.get(name, row[0]) for name, row in PARAMETERS.items()}, cards)


Expression = Callable[["ir.Table", Given], "ir.Value"]


@dataclass(frozen=True)
class Measure:
    """One named row-level expression.

    Args:
        table: The table whose rows it reads.
        name: Its name, unlike any column's.
        about: What it says of a row.
        unit: Unit of a number; empty for a flag.
        expression: Builds it from the rows and what is bound.
        needs: Columns that the data must have; without them it is unknown, not false.
        either: Columns of which the data must have one at least.
        among: Flag of the rows that it could say something of at all; None = all of them.
        joins: Referencing columns whose tables it reads (``change`` → columns ``changes.…``).
        parameters: Names of `PARAMETERS` that it takes.
        by_card: It takes the acceptable latency of the use-case cards.
        minimum: Smallest possible number, None where there is none.
        maximum: Largest possible number, None where there is none.
    """

    table: str
    name: str
    about: str
    unit: str
    expression: Expression
    needs: tuple[str, ...] = ()
    among: Expression | None = None
    joins: tuple[str, ...] = ()
    parameters: tuple[str, ...] = ()
    by_card: bool = False
    minimum: float | None = None
    maximum: float | None = None
    either: tuple[str, ...] = ()

    @property
    def is_flag(self) -> bool:
        """True where it is true, false or unknown."""
        return not self.unit


MEASURES: dict[tuple[str, str], Measure] = {}
"""(table, name) → measure: every one there is."""


def measures_of(name: str) -> dict[str, Measure]:
    """Return the measures of one table by name.

    Raises:
        UnknownName: the schema has no such table.
    """
    table(name)
    return {measure: value for (owner, measure), value in MEASURES.items() if owner == name}


def _add(measure: Measure) -> None:
    contract = table(measure.table)
    if measure.name in contract or (measure.table, measure.name) in MEASURES:
        raise InvalidInput(f"Table {measure.table!r} already has a column or measure {measure.name!r}.")
    for column in (*measure.needs, *measure.either, *measure.joins):
        contract[column]
    MEASURES[measure.table, measure.name] = measure


def flag(
    table: str,
    about: str,
    *,
    needs: tuple[str, ...] = (),
    among: Expression | None = None,
    joins: tuple[str, ...] = (),
    parameters: tuple[str, ...] = (),
    by_card: bool = False,
    either: tuple[str, ...] = (),
) -> Callable[[Expression], Expression]:
    """Register a function as a measure that is true, false or unknown; the measure takes its name."""

    def register(expression: Expression) -> Expression:
        _add(
            Measure(
                table, expression.__name__, about, "", expression, needs, among, joins, parameters, by_card,
                0.0, 1.0, either,
            )
        )  # fmt: skip
        return expression

    return register


def number(
    table: str,
    unit: str,
    about: str,
    *,
    needs: tuple[str, ...] = (),
    among: Expression | None = None,
    joins: tuple[str, ...] = (),
    minimum: float | None = 0.0,
    maximum: float | None = None,
) -> Callable[[Expression], Expression]:
    """Register a function as a measure that is a number with a unit; the measure takes its name."""

    def register(expression: Expression) -> Expression:
        _add(
            Measure(
                table, expression.__name__, about, unit, expression, needs, among, joins,
                minimum=minimum, maximum=maximum,
            )
        )  # fmt: skip
        return expression

    return register


def seconds_between(later: "ir.Value", earlier: "ir.Value") -> "ir.Value":
    """Seconds from one instant to another, to the microsecond.

    By whole epoch seconds and their fractions: differences of timestamps vary between engines, and an
    engine's epoch may hold the fraction (DuckDB) or not (Spark).
    """
    a, b = later.cast("timestamp"), earlier.cast("timestamp")  # the session's zone is UTC
    whole = a.truncate("s").epoch_seconds() - b.truncate("s").epoch_seconds()
    return whole + (a.microsecond() - b.microsecond()) / 1e6


def _unless_unknown(rows: "ir.Table", value: "ir.Value") -> "ir.Value":
    import ibis

    return ibis.ifelse(_known(rows), value, ibis.null("boolean"))


def _known(rows: "ir.Table") -> "ir.Value":
    return rows.outcome.fill_null("unknown") != "unknown"


# requests ------------------------------------------------------------------------------------------------------


@flag("requests", "the outcome is known", needs=("outcome",))
def known_outcome(rows: "ir.Table", _: Given) -> "ir.Value":
    """True where somebody said how the run ended."""
    return _known(rows)


@flag("requests", "it ended in success; abandoned and escalated did not", needs=("outcome",))
def successful(rows: "ir.Table", _: Given) -> "ir.Value":
    """True where the outcome is success; unknown outcomes stay unknown."""
    return _unless_unknown(rows, rows.outcome == "success")


@flag("requests", "it was passed to a person", needs=("outcome",))
def escalated(rows: "ir.Table", _: Given) -> "ir.Value":
    """True where the outcome is escalated."""
    return _unless_unknown(rows, rows.outcome == "escalated")


@flag("requests", "the user left before the end", needs=("outcome",))
def left(rows: "ir.Table", _: Given) -> "ir.Value":
    """True where the outcome is abandoned."""
    return _unless_unknown(rows, rows.outcome == "abandoned")


@flag("requests", "it came to an end and was not abandoned", either=("end", "latency"))
def completed(rows: "ir.Table", _: Given) -> "ir.Value":
    """True where an end or a latency was reported and the user had not left."""
    ended = rows.end.notnull() | rows.latency.notnull()
    return ended & (rows.outcome.fill_null("") != "abandoned")


@flag("requests", "it succeeded and no person stepped in", needs=("outcome", "human_touches"))
def unassisted(rows: "ir.Table", _: Given) -> "ir.Value":
    """True for success without a touch; unknown where outcome or touches are.

    A failure without a count of touches is left out too: counting it, and not the successes beside it,
    would pull the share down.
    """
    import ibis

    known = _known(rows) & rows.human_touches.notnull()
    return ibis.ifelse(known, (rows.outcome == "success") & (rows.human_touches == 0), ibis.null("boolean"))


@flag(
    "requests",
    "it met both targets: within the time target, and successful",
    needs=("outcome", "latency"),
    parameters=("sla_latency",),
    by_card=True,
)
def within_sla(rows: "ir.Table", bound: Given) -> "ir.Value":
    """True within the card's acceptable latency (else ``sla_latency``) and successful; unknown where either is."""
    import ibis

    target: ir.Value = ibis.literal(bound["sla_latency"])
    for use_case, seconds in sorted(bound.acceptable_latency.items()):
        target = ibis.ifelse(rows.use_case == use_case, seconds, target)
    both = (rows.latency <= target) & (rows.outcome == "success")
    return ibis.ifelse(_known(rows) & rows.latency.notnull(), both, ibis.null("boolean"))


@flag("requests", "an error ended it for the user", needs=("error_type",))
def failed(rows: "ir.Table", _: Given) -> "ir.Value":
    """True where an error ended it end to end; a handled retry is none. Unknown where nothing was reported."""
    import ibis

    reported = rows.outcome.notnull() | rows.error_type.notnull()
    return ibis.ifelse(reported, rows.error_type.notnull(), ibis.null("boolean"))


@flag(
    "requests",
    "it was answered, without an error, within the time-out",
    needs=("error_type",),
    either=("latency", "end"),
    parameters=("availability_timeout",),
)
def available(rows: "ir.Table", bound: Given) -> "ir.Value":
    """True for a good event: no end-to-end error and not beyond the time-out; a fallback's answer is one too.

    Without a latency the time from start to end counts; without either a run is not good, but unknown.
    """
    import ibis

    took = ibis.coalesce(rows.latency, seconds_between(rows.end, rows.start))
    good = ibis.ifelse(rows.error_type.notnull(), False, took <= bound["availability_timeout"])
    reported = rows.outcome.notnull() | rows.error_type.notnull()
    return ibis.ifelse(reported, good, ibis.null("boolean"))


@flag("requests", "it took more than one attempt", needs=("retries",))
def retried(rows: "ir.Table", _: Given) -> "ir.Value":
    """True where an attempt after the first was made."""
    return rows.retries > 0


@flag("requests", "a person stepped in", needs=("human_touches",))
def touched(rows: "ir.Table", _: Given) -> "ir.Value":
    """True where a person stepped in at least once."""
    return rows.human_touches > 0


def _bucket_sum(rows: "ir.Table", *names: str) -> "ir.Value":
    """Add disjoint token buckets; unknown only where all are, since vendors leave out the empty ones."""
    import ibis

    total = rows[names[0]].fill_null(0)
    for name in names[1:]:
        total = total + rows[name].fill_null(0)
    reported = rows[names[0]].notnull()
    for name in names[1:]:
        reported = reported | rows[name].notnull()
    return ibis.ifelse(reported, total, ibis.null("int64"))


@number("requests", "tokens", "tokens of all five disjoint buckets")
def tokens(rows: "ir.Table", _: Given) -> "ir.Value":
    """All tokens of the run, each counted once."""
    return _bucket_sum(
        rows, "tokens_input_uncached", "tokens_cache_read", "tokens_cache_write", "tokens_output", "tokens_reasoning"
    )


@number("requests", "tokens", "prompt tokens, cached or not", needs=("tokens_cache_read",))
def tokens_prompt(rows: "ir.Table", _: Given) -> "ir.Value":
    """All prompt tokens, where the cache's share of them is known."""
    import ibis

    total = _bucket_sum(rows, "tokens_input_uncached", "tokens_cache_read", "tokens_cache_write")
    return ibis.ifelse(rows.tokens_cache_read.notnull(), total, ibis.null("int64"))


@number("requests", "tokens", "prompt tokens of whatever bucket is known")
def tokens_context(rows: "ir.Table", _: Given) -> "ir.Value":
    """All prompt tokens that were reported."""
    return _bucket_sum(rows, "tokens_input_uncached", "tokens_cache_read", "tokens_cache_write")


# spans, llm_calls, plans -----------------------------------------------------------------------------------------


@flag(
    "spans",
    "a step that met both its targets: time and quality",
    needs=("step", "quality_ok"),
    among=lambda rows, _: rows.step.notnull(),
    parameters=(
        "sla_step_ingestion",
        "sla_step_feature_creation",
        "sla_step_inference",
        "sla_step_human_review",
        "sla_step_other",
    ),
)
def step_within_sla(rows: "ir.Table", bound: Given) -> "ir.Value":
    """True where a step's span kept its time target and passed its quality check; unknown where either is."""
    import ibis

    target: ir.Value = ibis.literal(bound["sla_step_other"])
    for step in ("ingestion", "feature_creation", "inference", "human_review"):
        target = ibis.ifelse(rows.step == step, bound[f"sla_step_{step}"], target)
    both = (rows.latency <= target) & rows.quality_ok
    known = rows.step.notnull() & rows.latency.notnull() & rows.quality_ok.notnull()
    return ibis.ifelse(known, both, ibis.null("boolean"))


@flag("llm_calls", "the attempt ended in an error", needs=("error_type",))
def attempt_failed(rows: "ir.Table", _: Given) -> "ir.Value":
    """True where the inference reports an error; null means none was reported."""
    return rows.error_type.notnull()


@number(
    "plans",
    "fraction",
    "matched ÷ (matched + extra + skipped) steps; a plan without a reference is unknown",
    maximum=1.0,
)
def plan_match(rows: "ir.Table", _: Given) -> "ir.Value":
    """Share of the steps that agree with the reference."""
    whole = rows.steps_matched + rows.steps_extra + rows.steps_skipped
    return rows.steps_matched / whole.nullif(0)


# feedback --------------------------------------------------------------------------------------------------------


def _judgement(name: str, about: str) -> None:
    """Register the value of one kind of judgement as a measure of its own."""

    def expression(rows: "ir.Table", _: Given) -> "ir.Value":
        import ibis

        return ibis.ifelse(rows.name == name, rows.value, ibis.null("float64"))

    expression.__name__ = name
    number("feedback", "score", about, among=lambda rows, _: rows.name == name, maximum=1.0)(expression)


for _name, _about in (
    ("relevance", "how well the answer fits the question"),
    ("completeness", "how much of what was asked is answered"),
    ("consistency", "agreement with other answers to the same question"),
    ("trust", "how far people say that they rely on it"),
    ("groundedness", "share of its statements that a source supports"),
    ("click", "the user followed the answer"),
    ("correction", "the user corrected the answer"),
    ("retry", "the user asked again"),
    ("confirmed", "a person or the outcome later confirmed the decision"),
):
    _judgement(_name, _about)


# sessions, surveys -----------------------------------------------------------------------------------------------


@flag("sessions", "the user did not come back within 28 days", needs=("returned_28d",))
def churned(rows: "ir.Table", _: Given) -> "ir.Value":
    """The opposite of a return, unknown until 28 days have passed."""
    return ~rows.returned_28d


@flag("survey_responses", "the question is about satisfaction and well-being")
def about_satisfaction(rows: "ir.Table", _: Given) -> "ir.Value":
    """True for questions of SPACE's first dimension."""
    return (rows.dimension == "satisfaction").fill_null(False)


# incidents, alerts, checks ---------------------------------------------------------------------------------------


def _duration(name: str, earlier: str, later: str, about: str) -> None:
    """Register the time between two moments of an incident's life, unknown where either is missing."""

    def expression(rows: "ir.Table", _: Given) -> "ir.Value":
        return seconds_between(rows[later], rows[earlier])

    expression.__name__ = name
    number("incidents", "s", about, needs=(earlier, later), minimum=None)(expression)


_duration("to_detect", "started", "detected", "started → detected")
_duration("to_acknowledge", "detected", "acknowledged", "detected → acknowledged")
_duration("to_diagnose", "detected", "diagnosed", "detected → cause known")
_duration("to_fix", "diagnosed", "fixed", "cause known → fix live")
_duration("to_recover", "detected", "mitigated", "detected → service restored")
_duration("to_resolve", "started", "closed", "started → closed")


@flag("alerts", "it was reviewed and resolved within the agreed time", needs=("triaged", "due"))
def triaged_in_time(rows: "ir.Table", bound: Given) -> "ir.Value":
    """True where triaged by its due time; an alert that nobody triaged by then is false.

    Unknown without a due time, and where the data end before it is due: nobody has missed anything yet.
    """
    import ibis

    judged = rows.due.notnull()
    if bound.until is not None:
        judged = judged & (rows.triaged.notnull() | (rows.due < ibis.literal(bound.until, type="timestamp('UTC')")))
    return ibis.ifelse(judged, (rows.triaged <= rows.due).fill_null(False), ibis.null("boolean"))


@flag("quality_checks", "it checks for drift or bias")
def drift_or_bias(rows: "ir.Table", _: Given) -> "ir.Value":
    """True for the two kinds of check that models need in production."""
    return rows.kind.isin(["drift", "bias"]).fill_null(False)


@number("quality_checks", "s", "time since the same was last checked", needs=("previous",))
def since_previous(rows: "ir.Table", _: Given) -> "ir.Value":
    """Time between a check and the one before it; unknown for the first."""
    return seconds_between(rows.checked, rows.previous)


@flag("quality_checks", "the check failed", needs=("verdict",))
def check_failed(rows: "ir.Table", _: Given) -> "ir.Value":
    """True for the verdict fail; too little data is unknown, not a pass."""
    import ibis

    told = rows.verdict.fill_null("too_little_data") != "too_little_data"
    return ibis.ifelse(told, rows.verdict == "fail", ibis.null("boolean"))


# data and systems ------------------------------------------------------------------------------------------------


@number(
    "pipeline_runs", "s", "age of the newest event when the data were usable", needs=("max_event_time",), minimum=None
)
def age(rows: "ir.Table", _: Given) -> "ir.Value":
    """Finished − newest event; a feed that nobody checked is unknown, not fresh."""
    return seconds_between(rows.finished, rows.max_event_time)


def _at(stage: str, about: str) -> None:
    def expression(rows: "ir.Table", _: Given) -> "ir.Value":
        return rows.stage == stage

    expression.__name__ = f"at_{stage}"
    flag("pipeline_runs", about)(expression)


_at("source_to_pipeline", "the way from the source into the pipeline")
_at("pipeline_to_store", "the way from the pipeline into the feature store")
_at("store_to_dashboard", "the way from the store to the dashboard")


@flag("connector_checks", "it passed every check of the day", needs=("auth_ok", "schema_ok", "latency_ok", "errors_ok"))
def healthy(rows: "ir.Table", _: Given) -> "ir.Value":
    """True where authentication, schema, latency and errors all passed; unknown where one of them is.

    A failure beside a gap is left out too: counting failures that are known in part, and not passes,
    would pull the share down.
    """
    import ibis

    flags = (rows.auth_ok, rows.schema_ok, rows.latency_ok, rows.errors_ok)
    known, passed = flags[0].notnull(), flags[0]
    for one in flags[1:]:
        known, passed = known & one.notnull(), passed & one
    return ibis.ifelse(known, passed, ibis.null("boolean"))


@flag("tool_touches", "observed with AI")
def with_ai(rows: "ir.Table", _: Given) -> "ir.Value":
    """True for runs of the workflow with AI."""
    return (rows.phase == "with_ai").fill_null(False)


@flag("tool_touches", "observed before AI")
def before_ai(rows: "ir.Table", _: Given) -> "ir.Value":
    """True for runs of the workflow before AI."""
    return (rows.phase == "before").fill_null(False)


# oversight -------------------------------------------------------------------------------------------------------


@flag(
    "model_reviews",
    "it passed every check that is required here",
    needs=("fairness", "privacy", "explainability"),
    parameters=("review_requires_safety", "review_requires_human_oversight"),
)
def passes_required(rows: "ir.Table", bound: Given) -> "ir.Value":
    """True where every required check passed; a required check that was not made is not passed."""
    passed = rows.fairness & rows.privacy & rows.explainability
    for name in ("safety", "human_oversight"):
        if bound[f"review_requires_{name}"]:
            passed = passed & rows[name]
    return passed.fill_null(False)


@flag("pilots", "it is a supported product", needs=("stage", "monitored", "on_call", "promised"))
def supported(rows: "ir.Table", _: Given) -> "ir.Value":
    """True for a product with monitoring, an on-call owner and a promise to its users."""
    return ((rows.stage == "product") & rows.monitored & rows.on_call & rows.promised).fill_null(False)


# delivery --------------------------------------------------------------------------------------------------------


@flag("deployments", "it went live", needs=("status",))
def live(rows: "ir.Table", _: Given) -> "ir.Value":
    """True for a deployment that succeeded."""
    return rows.status == "success"


@flag("deployments", "it was tried, not cancelled", needs=("status",))
def tried(rows: "ir.Table", _: Given) -> "ir.Value":
    """True unless the deployment was cancelled."""
    return (rows.status != "cancelled").fill_null(True)


@number("deployments", "s", "until the failure that it caused was over", needs=("recovered",), minimum=None)
def failure_to_recovery(rows: "ir.Table", _: Given) -> "ir.Value":
    """Deployed → recovered, for deployments that failed."""
    return seconds_between(rows.recovered, rows.deployed)


@number("change_deployments", "s", "approved → live", joins=("change",), minimum=None)
def since_approval(rows: "ir.Table", _: Given) -> "ir.Value":
    """Time from the change's approval to the deployment."""
    return seconds_between(rows.deployed, rows["change.approved"])


@number("change_deployments", "s", "first commit → live", joins=("change",), minimum=None)
def since_first_commit(rows: "ir.Table", _: Given) -> "ir.Value":
    """Time from the change's first commit to the deployment."""
    return seconds_between(rows.deployed, rows["change.first_commit"])


@flag("change_deployments", "its first way into production, by a deployment that did not fail", joins=("deployment",))
def safe(rows: "ir.Table", _: Given) -> "ir.Value":
    """True where the change reached production for the first time in a deployment known not to have failed."""
    return rows.first_production & ~rows["deployment.failed"]


__all__.extend(sorted(name for _, name in MEASURES if name in globals()))
