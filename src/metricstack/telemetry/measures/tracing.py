"""Measures of what a step, an inference or a collector says of itself."""

from typing import TYPE_CHECKING

from metricstack.telemetry.measures.model import Given, flag, number

if TYPE_CHECKING:
    import ibis.expr.types as ir

__all__ = [
    "at_dependency",
    "attempt_failed",
    "clock_offset",
    "clock_skewed",
    "for_retrieval",
    "has_step",
    "in_failed_run",
    "known_operation",
    "step_within_sla",
    "step_within_time",
]

_STEPS = ("ingestion", "feature_creation", "inference", "human_review")
_STEP_TARGETS = (*(f"sla_step_{step}" for step in _STEPS), "sla_step_other")


def _step_target(rows: "ir.Table", bound: Given) -> "ir.Value":
    import ibis

    target: ir.Value = ibis.literal(bound["sla_step_other"])
    for step in _STEPS:
        target = ibis.ifelse(rows.step == step, bound[f"sla_step_{step}"], target)
    return target


@flag("spans", "it is a step of the workflow", needs=("step",))
def has_step(rows: "ir.Table", _: Given) -> "ir.Value":
    """True where the span names its step."""
    return rows.step.notnull()


@flag(
    "spans",
    "a step that met its time target",
    needs=("step", "latency"),
    among=lambda rows, _: rows.step.notnull(),
    parameters=_STEP_TARGETS,
)
def step_within_time(rows: "ir.Table", bound: Given) -> "ir.Value":
    """True where a step's span kept its time target."""
    import ibis

    return ibis.ifelse(rows.step.notnull(), rows.latency <= _step_target(rows, bound), ibis.null("boolean"))


@flag(
    "spans",
    "a step that met both its targets: time and quality",
    needs=("step", "quality_ok"),
    among=lambda rows, _: rows.step.notnull(),
    parameters=_STEP_TARGETS,
)
def step_within_sla(rows: "ir.Table", bound: Given) -> "ir.Value":
    """True where a step's span kept its time target and passed its quality check; unknown where either is."""
    import ibis

    both = (rows.latency <= _step_target(rows, bound)) & rows.quality_ok
    known = rows.step.notnull() & rows.latency.notnull() & rows.quality_ok.notnull()
    return ibis.ifelse(known, both, ibis.null("boolean"))


@flag("llm_calls", "the attempt ended in an error", needs=("error_type",))
def attempt_failed(rows: "ir.Table", _: Given) -> "ir.Value":
    """True where the inference reports an error; null means none was reported."""
    return rows.error_type.notnull()


@flag("llm_calls", "it is known what the inference was for", needs=("operation",))
def known_operation(rows: "ir.Table", _: Given) -> "ir.Value":
    """True where an operation was recorded."""
    return rows.operation.notnull()


@flag("llm_calls", "the inference served retrieval: an embedding, a search, a ranking", needs=("operation",))
def for_retrieval(rows: "ir.Table", _: Given) -> "ir.Value":
    """True for inferences that find material for an answer, and do not write it."""
    return rows.operation.isin(["retrieval", "embedding", "rerank"])


@flag("spans", "it called an external system and ended in an error", needs=("dependency", "status"))
def at_dependency(rows: "ir.Table", _: Given) -> "ir.Value":
    """True for a step's error at a system outside."""
    return (rows.dependency.notnull() & (rows.status == "error")).fill_null(False)


@flag("spans", "an error ended its run for the user", joins=("run",))
def in_failed_run(rows: "ir.Table", _: Given) -> "ir.Value":
    """True where the run reports an end-to-end error; a run whose errors were handled is none."""
    return rows["run.error_type"].notnull()


@flag("spans", "its clock disagreed with the server's", needs=("dq_flags",))
def clock_skewed(rows: "ir.Table", _: Given) -> "ir.Value":
    """True where whoever read it flagged the disagreement."""
    return rows.dq_flags.fill_null("").contains("clock_skew")


@number("collection_health", "s", "how far the collector's clock is off, either way", needs=("clock_skew",))
def clock_offset(rows: "ir.Table", _: Given) -> "ir.Value":
    """Distance between the collector's clock and the server's."""
    return rows.clock_skew.abs()
