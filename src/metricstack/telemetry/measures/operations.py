"""Measures of incidents, alerts, checks, pipelines and connectors."""

from typing import TYPE_CHECKING

from metricstack.telemetry.measures.model import Given, flag, lasting, number

if TYPE_CHECKING:
    import ibis.expr.types as ir

__all__ = [
    "age",
    "before_ai",
    "check_failed",
    "check_passed",
    "drift_or_bias",
    "false_alarm",
    "healthy",
    "is_bias",
    "is_drift",
    "missing_share",
    "offered",
    "past_due",
    "run_failed",
    "since_previous",
    "stale",
    "triage_done",
    "triage_so_far",
    "triaged_in_time",
    "unchecked",
    "with_ai",
]


def _duration(name: str, earlier: str, later: str, about: str) -> None:
    """Register the time between two moments of an incident's life, unknown where either is missing or they cross."""

    def expression(rows: "ir.Table", _: Given) -> "ir.Value":
        return lasting(rows[later], rows[earlier])

    expression.__name__ = name
    number("incidents", "s", about, needs=(earlier, later))(expression)


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


@flag("alerts", "somebody reviewed and resolved it", needs=("triaged",))
def triage_done(rows: "ir.Table", bound: Given) -> "ir.Value":
    """True where it was triaged by the end of what the data tell."""
    import ibis

    if bound.until is None:
        return rows.triaged.notnull()
    return (rows.triaged < ibis.literal(bound.until, type="timestamp('UTC')")).fill_null(False)


@number("alerts", "s", "fired → reviewed and resolved; what is still open counts up to the end of what the data tell",
        needs=("triaged",))  # fmt: skip
def triage_so_far(rows: "ir.Table", bound: Given) -> "ir.Value":
    """How long the alert waited, or has waited so far."""
    import ibis

    end = rows.triaged
    if bound.until is not None:
        end = ibis.ifelse(triage_done(rows, bound), rows.triaged, ibis.literal(bound.until, type="timestamp('UTC')"))
    return lasting(end, rows.fired)


@flag("alerts", "it was a false alarm", needs=("verdict",))
def false_alarm(rows: "ir.Table", _: Given) -> "ir.Value":
    """True for a false alarm; an alert that is still open is unknown."""
    import ibis

    judged = rows.verdict.isin(["true_alarm", "false_alarm"]).fill_null(False)
    return ibis.ifelse(judged, rows.verdict == "false_alarm", ibis.null("boolean"))


@flag("quality_checks", "it checks for drift", needs=("kind",))
def is_drift(rows: "ir.Table", _: Given) -> "ir.Value":
    """True for checks of drift."""
    return (rows.kind == "drift").fill_null(False)


@flag("quality_checks", "it checks for bias", needs=("kind",))
def is_bias(rows: "ir.Table", _: Given) -> "ir.Value":
    """True for checks of bias."""
    return (rows.kind == "bias").fill_null(False)


@flag("quality_checks", "the check passed", needs=("verdict",))
def check_passed(rows: "ir.Table", _: Given) -> "ir.Value":
    """True for the verdict pass; a warning is none, and too little data is unknown."""
    import ibis

    told = rows.verdict.fill_null("too_little_data") != "too_little_data"
    return ibis.ifelse(told, rows.verdict == "pass", ibis.null("boolean"))


def _of_missing(rows: "ir.Table", _: Given) -> "ir.Value":
    return ((rows.kind == "missing") & (rows.statistic_name == "missing_share")).fill_null(False)


@number(
    "quality_checks",
    "fraction",
    "share of values that were missing",
    needs=("kind", "statistic_name", "statistic"),
    among=_of_missing,
    maximum=1.0,
)
def missing_share(rows: "ir.Table", bound: Given) -> "ir.Value":
    """The statistic of checks for missing values."""
    import ibis

    return ibis.ifelse(_of_missing(rows, bound), rows.statistic, ibis.null("float64"))


@flag("quality_checks", "it checks for drift or bias")
def drift_or_bias(rows: "ir.Table", _: Given) -> "ir.Value":
    """True for the two kinds of check that models need in production."""
    return rows.kind.isin(["drift", "bias"]).fill_null(False)


@number("quality_checks", "s", "time since the same was last checked", needs=("previous",))
def since_previous(rows: "ir.Table", _: Given) -> "ir.Value":
    """Time between a check and the one before it; unknown for the first."""
    return lasting(rows.checked, rows.previous)


@flag("quality_checks", "the check failed", needs=("verdict",))
def check_failed(rows: "ir.Table", _: Given) -> "ir.Value":
    """True for the verdict fail; too little data is unknown, not a pass."""
    import ibis

    told = rows.verdict.fill_null("too_little_data") != "too_little_data"
    return ibis.ifelse(told, rows.verdict == "fail", ibis.null("boolean"))


@number("pipeline_runs", "s", "age of the newest event when the data were usable", needs=("max_event_time",))
def age(rows: "ir.Table", _: Given) -> "ir.Value":
    """Finished − newest event; a feed that nobody checked, or whose clocks disagree, is unknown, not fresh."""
    return lasting(rows.finished, rows.max_event_time)


@flag("pipeline_runs", "its data came later than they were due, or not at all", needs=("expected_by",))
def past_due(rows: "ir.Table", _: Given) -> "ir.Value":
    """True where the run failed or ended after its due time; unknown without a schedule."""
    import ibis

    late = (rows.status == "failure").fill_null(False) | (rows.finished > rows.expected_by)
    return ibis.ifelse(rows.expected_by.notnull(), late, ibis.null("boolean"))


@flag("pipeline_runs", "nobody looked how old its data were", needs=("max_event_time",))
def unchecked(rows: "ir.Table", _: Given) -> "ir.Value":
    """True where the newest event is not known."""
    return rows.max_event_time.isnull()


@flag("pipeline_runs", "it failed", needs=("status",))
def run_failed(rows: "ir.Table", _: Given) -> "ir.Value":
    """True for the status failure; a late run did deliver."""
    return rows.status == "failure"


@flag("pipeline_runs", "its newest event was too old when it was usable", needs=("max_event_time",),
      parameters=("stale_features_after",))  # fmt: skip
def stale(rows: "ir.Table", bound: Given) -> "ir.Value":
    """True beyond ``stale_features_after``; unknown where nobody checked."""
    return age(rows, bound) > bound["stale_features_after"]


@number("pipeline_runs", "count", "rows that came in: delivered and rejected", needs=("rows", "rejected"))
def offered(rows: "ir.Table", _: Given) -> "ir.Value":
    """Rows delivered and rows rejected; unknown where one of the two is."""
    return rows["rows"] + rows.rejected


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
