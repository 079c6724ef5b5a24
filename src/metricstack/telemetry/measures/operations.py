"""Measures of incidents, alerts, checks, pipelines and connectors."""

from typing import TYPE_CHECKING

from metricstack.telemetry.measures.model import Given, flag, number, seconds_between

if TYPE_CHECKING:
    import ibis.expr.types as ir

__all__ = [
    "age",
    "before_ai",
    "check_failed",
    "drift_or_bias",
    "healthy",
    "since_previous",
    "triaged_in_time",
    "with_ai",
]


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
