"""Measures of what a run, a step, an inference or a plan says of itself."""

from typing import TYPE_CHECKING

from metricstack.telemetry.measures.model import Given, flag, number, seconds_between

if TYPE_CHECKING:
    import ibis.expr.types as ir

__all__ = [
    "attempt_failed",
    "available",
    "completed",
    "escalated",
    "failed",
    "known_outcome",
    "left",
    "plan_match",
    "retried",
    "step_within_sla",
    "successful",
    "tokens",
    "tokens_context",
    "tokens_prompt",
    "touched",
    "unassisted",
    "within_sla",
]


def _unless_unknown(rows: "ir.Table", value: "ir.Value") -> "ir.Value":
    import ibis

    return ibis.ifelse(_known(rows), value, ibis.null("boolean"))


def _known(rows: "ir.Table") -> "ir.Value":
    return rows.outcome.fill_null("unknown") != "unknown"


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
