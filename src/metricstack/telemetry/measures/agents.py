"""Measures of what agents do: actions and their attempts, plans, handoffs."""

from typing import TYPE_CHECKING

from metricstack.telemetry.measures.model import Given, flag, grouping, lasting, number, seconds_between

if TYPE_CHECKING:
    import ibis.expr.types as ir

__all__ = [
    "asked_for",
    "attempt_retried",
    "between_agents",
    "carried_out",
    "first_between_agents",
    "first_failure",
    "last_attempt",
    "never_taken",
    "not_asked_for",
    "plan_match",
    "replanned",
    "run_succeeded",
    "run_unassisted",
    "taken",
    "to_human",
    "unneeded",
    "until_taken",
]


# actions ---------------------------------------------------------------------------------------------------------


@flag("actions", "it repeats an attempt that failed", needs=("attempt",))
def attempt_retried(rows: "ir.Table", _: Given) -> "ir.Value":
    """True for every attempt after the first."""
    return rows.attempt > 1


@flag("actions", "a plan asked for it, as far as is told")
def asked_for(rows: "ir.Table", _: Given) -> "ir.Value":
    """True unless the action is known to be none that the plan asked for."""
    return rows.intended.fill_null(True)


@flag("actions", "no plan asked for it", needs=("intended",))
def not_asked_for(rows: "ir.Table", _: Given) -> "ir.Value":
    """True where the action is known to be none that the plan asked for."""
    return ~rows.intended


@flag("actions", "the last attempt at an action that can be judged", needs=("ok",), across=True)
def last_attempt(rows: "ir.Table", _: Given) -> "ir.Value":
    """True for one attempt of each action: the last of those whose success is known."""
    import ibis

    judged = rows.ok.notnull()
    place = ibis.row_number().over(
        group_by=[rows.action, judged, *grouping(rows)], order_by=[rows.attempt.desc(), rows.start.desc()]
    )
    return judged & (place == 0)


@flag("actions", "an attempt at the action succeeded, this one or another", needs=("ok",), across=True)
def carried_out(rows: "ir.Table", _: Given) -> "ir.Value":
    """True where any attempt at the action succeeded."""
    import ibis

    succeeded = rows.ok.fill_null(False).cast("int64")
    return succeeded.max().over(ibis.window(group_by=[rows.action, *grouping(rows)])) == 1


@flag("actions", "the first attempt in its run that failed", needs=("ok", "run"), across=True)
def first_failure(rows: "ir.Table", _: Given) -> "ir.Value":
    """True for one attempt of each run with a failed attempt, so that such runs are counted once."""
    import ibis

    bad = ~rows.ok.fill_null(True) & rows.run.notnull()
    place = ibis.row_number().over(
        group_by=[rows.run, bad, *grouping(rows)], order_by=[rows.start, rows.action, rows.attempt]
    )
    return bad & (place == 0)


@flag("actions", "its run ended in success", joins=("run",))
def run_succeeded(rows: "ir.Table", _: Given) -> "ir.Value":
    """True where the run of the action succeeded; unknown where its outcome is."""
    import ibis

    known = rows["run.outcome"].fill_null("unknown") != "unknown"
    return ibis.ifelse(known, rows["run.outcome"] == "success", ibis.null("boolean"))


# plans -----------------------------------------------------------------------------------------------------------


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


@flag("plans", "it was replaced at least once", needs=("replans",))
def replanned(rows: "ir.Table", _: Given) -> "ir.Value":
    """True where the agent had to plan anew."""
    return rows.replans > 0


# handoffs --------------------------------------------------------------------------------------------------------


@flag("handoffs", "it went to a person", needs=("to_kind",))
def to_human(rows: "ir.Table", _: Given) -> "ir.Value":
    """True where a person was asked."""
    return rows.to_kind == "human"


@flag("handoffs", "one agent asked another", needs=("from_kind", "to_kind"))
def between_agents(rows: "ir.Table", _: Given) -> "ir.Value":
    """True where both sides are agents."""
    return (rows.from_kind == "agent") & (rows.to_kind == "agent")


@flag("handoffs", "the first in its run that one agent made to another", needs=("from_kind", "to_kind"), across=True)
def first_between_agents(rows: "ir.Table", bound: Given) -> "ir.Value":
    """True for one handoff of each run in which several agents worked, so that such runs are counted once."""
    import ibis

    agents = between_agents(rows, bound).fill_null(False) & rows.run.notnull()
    place = ibis.row_number().over(
        group_by=[rows.run, agents, *grouping(rows)], order_by=[rows.requested, rows.handoff]
    )
    return agents & (place == 0)


@flag("handoffs", "its run succeeded and no person stepped in", joins=("run",))
def run_unassisted(rows: "ir.Table", _: Given) -> "ir.Value":
    """True for a run's success without a touch; unknown where its outcome or its touches are."""
    import ibis

    outcome, touches = rows["run.outcome"], rows["run.human_touches"]
    known = (outcome.fill_null("unknown") != "unknown") & touches.notnull()
    return ibis.ifelse(known, (outcome == "success") & (touches == 0), ibis.null("boolean"))


@flag("handoffs", "a review says that it was not needed", needs=("was_needed",))
def unneeded(rows: "ir.Table", _: Given) -> "ir.Value":
    """The opposite of needed; unknown where nobody reviewed it."""
    return ~rows.was_needed


@flag("handoffs", "somebody took it", needs=("accepted",))
def taken(rows: "ir.Table", _: Given) -> "ir.Value":
    """True where it was accepted."""
    return rows.accepted.notnull()


@number("handoffs", "s", "asked → taken; for one that nobody took yet the time so far", needs=("accepted",))
def until_taken(rows: "ir.Table", bound: Given) -> "ir.Value":
    """Requested → accepted; without that, requested → the end of what the data tell."""
    import ibis

    if bound.until is None:
        return lasting(rows.accepted, rows.requested)
    until = ibis.literal(bound.until, type="timestamp('UTC')")
    return lasting(ibis.coalesce(rows.accepted, until), rows.requested)


@flag("handoffs", "nobody took it", needs=("accepted",), parameters=("handoff_timeout",))
def never_taken(rows: "ir.Table", bound: Given) -> "ir.Value":
    """True where nobody accepted it within ``handoff_timeout``; unknown while that has not passed."""
    import ibis

    patience = bound["handoff_timeout"]
    late = seconds_between(rows.accepted, rows.requested) > patience
    if bound.until is None:
        return ibis.ifelse(rows.accepted.isnull(), True, late)
    until = ibis.literal(bound.until, type="timestamp('UTC')")
    due = seconds_between(until, rows.requested) > patience
    return ibis.ifelse(rows.accepted.notnull(), late, ibis.ifelse(due, True, ibis.null("boolean")))
