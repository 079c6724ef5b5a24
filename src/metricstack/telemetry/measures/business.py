"""Measures of what users and the business get: sessions, first successes, surveys."""

from typing import TYPE_CHECKING

from metricstack.telemetry.measures.model import Given, flag, number, seconds_between

if TYPE_CHECKING:
    import ibis.expr.types as ir

__all__ = [
    "DIMENSIONS",
    "assisted",
    "churned",
    "return_known",
    "sequence_value",
    "to_value_so_far",
    "value_reached",
]


@flag("sessions", "the user did not come back within 28 days", needs=("returned_28d",))
def churned(rows: "ir.Table", _: Given) -> "ir.Value":
    """The opposite of a return, unknown until 28 days have passed."""
    return ~rows.returned_28d


@flag("sessions", "it is known whether the user came back within 28 days", needs=("returned_28d",))
def return_known(rows: "ir.Table", _: Given) -> "ir.Value":
    """True once 28 days have passed, or the user came back."""
    return rows.returned_28d.notnull()


@flag("sessions", "an AI run served it", joins=("session_runs",))
def assisted(rows: "ir.Table", _: Given) -> "ir.Value":
    """True for a session with a run of its own."""
    return (rows["session_runs.runs"] > 0).fill_null(False)


@number(
    "sessions",
    "currency",
    "what its sequence of runs left over: revenue − cost to serve − cost of the runs",
    needs=("revenue", "cost_to_serve"),
    joins=("session_runs",),
    minimum=None,
)
def sequence_value(rows: "ir.Table", _: Given) -> "ir.Value":
    """What the session earned less what it took; unknown where one of the three is."""
    return rows.revenue - rows.cost_to_serve - rows["session_runs.cost"]


def _first(rows: "ir.Table", _: Given) -> "ir.Value":
    """The rows of which time to value is told: one for each user, the first run."""
    return (rows.run == rows["first_of_user.run"]).fill_null(False)


@flag(
    "requests", "the user had a successful outcome", needs=("user", "outcome"), among=_first, joins=("first_of_user",)
)
def value_reached(rows: "ir.Table", bound: Given) -> "ir.Value":
    """True on a user's first run where a success had come by the end of what the data tell; else null or false."""
    import ibis

    reached = rows["first_of_user.succeeded"].notnull()
    if bound.until is not None:
        reached = reached & (rows["first_of_user.succeeded"] < ibis.literal(bound.until, type="timestamp('UTC')"))
    return ibis.ifelse(_first(rows, bound), reached.fill_null(False), ibis.null("boolean"))


@number(
    "requests",
    "s",
    "the user's first run → first success; without one, up to the end of what the data tell",
    needs=("user", "outcome"),
    among=_first,
    joins=("first_of_user",),
)
def to_value_so_far(rows: "ir.Table", bound: Given) -> "ir.Value":
    """How long a user waited for value, or has waited so far; told on the first run."""
    import ibis

    end = rows["first_of_user.succeeded"]
    if bound.until is not None:
        end = ibis.ifelse(value_reached(rows, bound), end, ibis.literal(bound.until, type="timestamp('UTC')"))
    return ibis.ifelse(_first(rows, bound), seconds_between(end, rows.start), ibis.null("float64"))


def _about(dimension: str, about: str) -> None:
    """Register the questions of one SPACE dimension as a flag of their own."""

    def expression(rows: "ir.Table", _: Given) -> "ir.Value":
        return (rows.dimension == dimension).fill_null(False)

    expression.__name__ = f"about_{dimension}"
    flag("survey_responses", about)(expression)


DIMENSIONS: dict[str, str] = {
    "satisfaction": "the question is about satisfaction and well-being",
    "performance": "the question is about performance: what the work leads to",
    "activity": "the question is about activity: how much gets done",
    "communication": "the question is about communication and collaboration",
    "efficiency": "the question is about efficiency and flow",
}
"""The five SPACE dimensions of a survey, and what a question of each is about."""

for _dimension, _says in DIMENSIONS.items():
    _about(_dimension, _says)
