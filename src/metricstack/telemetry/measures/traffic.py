"""Measures of what a run says of itself."""

from typing import TYPE_CHECKING

from metricstack.telemetry.measures.model import Given, flag, grouping, number, seconds_between

if TYPE_CHECKING:
    import ibis.expr.types as ir

__all__ = [
    "available",
    "completed",
    "costed",
    "elapsed",
    "escalated",
    "failed",
    "good_slice_part",
    "known_outcome",
    "left",
    "retried",
    "slice_part",
    "successful",
    "tokens",
    "tokens_context",
    "tokens_prompt",
    "touched",
    "unassisted",
    "unsuccessful",
    "waiting",
    "within_sla",
    "within_time",
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


@flag("requests", "its outcome is known and is no success", needs=("outcome",))
def unsuccessful(rows: "ir.Table", _: Given) -> "ir.Value":
    """True where it failed, was abandoned or escalated; unknown outcomes stay unknown."""
    return _unless_unknown(rows, rows.outcome != "success")


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


def _time_target(rows: "ir.Table", bound: Given) -> "ir.Value":
    import ibis

    target: ir.Value = ibis.literal(bound["sla_latency"])
    for use_case, seconds in sorted(bound.acceptable_latency.items()):
        target = ibis.ifelse(rows.use_case == use_case, seconds, target)
    return target


@flag(
    "requests",
    "it met the time target",
    needs=("latency",),
    parameters=("sla_latency",),
    by_card="acceptable_latency",
)
def within_time(rows: "ir.Table", bound: Given) -> "ir.Value":
    """True within the card's acceptable latency, else ``sla_latency``."""
    return rows.latency <= _time_target(rows, bound)


@flag(
    "requests",
    "it met both targets: within the time target, and successful",
    needs=("outcome", "latency"),
    parameters=("sla_latency",),
    by_card="acceptable_latency",
)
def within_sla(rows: "ir.Table", bound: Given) -> "ir.Value":
    """True within the card's acceptable latency (else ``sla_latency``) and successful; unknown where either is."""
    import ibis

    both = (rows.latency <= _time_target(rows, bound)) & (rows.outcome == "success")
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

    good = ibis.ifelse(rows.error_type.notnull(), False, _took(rows) <= bound["availability_timeout"])
    reported = rows.outcome.notnull() | rows.error_type.notnull()
    return ibis.ifelse(reported, good, ibis.null("boolean"))


def _took(rows: "ir.Table") -> "ir.Value":
    import ibis

    return ibis.coalesce(rows.latency, seconds_between(rows.end, rows.start))


def _slice(rows: "ir.Table", bound: Given) -> "tuple[ir.Value, ir.Value]":
    """Weight of the judged runs of a row's time slice, and the weight of the available ones among them."""
    import ibis

    judged = available(rows, bound)
    weight = 1.0 / rows.sample_probability.nullif(0).fill_null(1.0)
    length = max(int(bound["availability_slice"]), 1)
    place = (rows.start.cast("timestamp").epoch_seconds() / length).floor()
    whole = ibis.window(group_by=[place, judged.notnull(), *grouping(rows)])
    good = ibis.ifelse(judged.fill_null(False), weight, 0.0)
    return weight.sum().over(whole), good.sum().over(whole)


@number(
    "requests",
    "1",
    "its part of one time slice, so that the runs of a slice add up to 1",
    needs=("error_type",),
    either=("latency", "end"),
    parameters=("availability_timeout", "availability_slice"),
    across=True,
)
def slice_part(rows: "ir.Table", bound: Given) -> "ir.Value":
    """One over the weight of the slice's runs, for each run that can be judged: they add up to slices with traffic."""
    import ibis

    weight, _ = _slice(rows, bound)
    return ibis.ifelse(available(rows, bound).notnull(), 1.0 / weight, ibis.null("float64"))


@number(
    "requests",
    "1",
    "its part of one good time slice, 0 in a bad one",
    needs=("error_type",),
    either=("latency", "end"),
    parameters=("availability_timeout", "availability_slice", "availability_slice_share"),
    across=True,
)
def good_slice_part(rows: "ir.Table", bound: Given) -> "ir.Value":
    """The part of a slice in which enough runs were available; their sum counts good slices."""
    import ibis

    weight, good = _slice(rows, bound)
    enough = good >= bound["availability_slice_share"] * weight * (1 - 1e-12)  # a share of exactly the limit is good
    part = ibis.ifelse(enough, 1.0 / weight, 0.0)
    return ibis.ifelse(available(rows, bound).notnull(), part, ibis.null("float64"))


@number(
    "requests",
    "s",
    "start → end; for a run that is still open the time so far",
    either=("latency", "end"),
)
def elapsed(rows: "ir.Table", bound: Given) -> "ir.Value":
    """Latency, else start → end; without either, start → the end of what the data tell."""
    import ibis

    if bound.until is None:
        return _took(rows)
    until = ibis.literal(bound.until, type="timestamp('UTC')")
    return ibis.coalesce(_took(rows), seconds_between(until, rows.start))


@number("requests", "s", "time in which it waited", needs=("latency", "active"))
def waiting(rows: "ir.Table", _: Given) -> "ir.Value":
    """Latency less active time; unknown where it was longer active than it took, as clocks that disagree tell it."""
    import ibis

    return ibis.ifelse(rows.latency >= rows.active, rows.latency - rows.active, ibis.null("float64"))


@flag("requests", "its cost is known", needs=("cost",))
def costed(rows: "ir.Table", _: Given) -> "ir.Value":
    """True where the whole cost is known; a cost known in part is none."""
    return rows.cost.notnull() & ~rows.cost_state.isin(["partial", "unknown"]).fill_null(False)


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
