"""The same numbers as `algebra` and `answer`, of all groups at once: a formula is walked once, over arrays.

What has no place in an array (assumed inputs, totals over a dimension, parts that may be unknown, what no
sum gives) is answered group by group, as `evaluate` does; `is_plain` tells which.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from metricstack.core.privacy import PrivacyClass
from metricstack.core.values import Reason, Refusal
from metricstack.metrics.answers.algebra import MONTH, Group
from metricstack.metrics.answers.answer import FEW_EVENTS, needed_n
from metricstack.metrics.answers.contributions import Family
from metricstack.metrics.answers.laid import Laid, added, contributed
from metricstack.metrics.answers.notes import COMPLETE
from metricstack.metrics.answers.shape import is_count, is_share, limits, long_tailed, never_negative
from metricstack.metrics.job import Job
from metricstack.metrics.language.dimension import dimension
from metricstack.metrics.language.formula import Binary, Call, Negative, Node, Number, Scope
from metricstack.metrics.model import Population
from metricstack.metrics.query.compile import GROUPS
from metricstack.metrics.query.fetch import TableData
from metricstack.metrics.query.grouped import Key
from metricstack.metrics.query.states import Quantity, Role, State, quantity_of
from metricstack.numerics.many import (
    Spreads,
    combined,
    intervals,
    poisson_bounds,
    spreads_of_values,
    wilson_bounds,
)
from metricstack.numerics.skewness import Skews, combined_skews, skews_of_values
from metricstack.telemetry.tables import table

__all__ = ["Answers", "answers", "is_plain"]

Vector = NDArray[np.float64]
Mask = NDArray[np.bool_]
_DAY = 86_400.0
_SAME = 1e-9
_PLAIN = ("sum", "count", "mean", "days", "month")


def is_plain(job: Job) -> bool:
    """Tell whether a metric is arithmetic of sums, so that `answers` can give it."""
    return not job.over and not job.per and _is_plain(job.tree)


def _is_plain(node: Node) -> bool:
    match node:
        case Number():
            return True
        case Scope(inner) | Negative(inner):
            return _is_plain(inner)
        case Binary(_, left, right):
            return _is_plain(left) and _is_plain(right)
        case Call(function):
            return function in _PLAIN and not node.per
        case _:
            return False


@dataclass(frozen=True, eq=False)
class Answers:
    """What is known of every group, in the order of the keys asked; arrays of shape (groups,).

    Args:
        value: In the metric's unit, NaN where refused.
        low: NaN where refused or without an interval.
        high: NaN where refused or without an interval.
        n: Observations that it stands on.
        reason: `Reason` of a refusal, None where there is none.
    """

    value: Vector
    low: Vector
    high: Vector
    n: NDArray[np.int64]
    reason: NDArray[np.object_]

    def without_intervals(self) -> "Answers":
        """Return the same values alone."""
        nothing = np.full(len(self.value), np.nan)
        return replace(self, low=nothing, high=nothing)


Term = tuple[str, State]


@dataclass(frozen=True, eq=False)
class _Linear:
    """Values and their slopes by state, each of shape (groups,)."""

    value: Vector
    slopes: Mapping[Term, Vector] = field(default_factory=dict)

    def scaled(self, factor: Vector | float) -> dict[Term, Vector]:
        return {term: slope * factor for term, slope in self.slopes.items()}


def _sum(*parts: Mapping[Term, Vector]) -> dict[Term, Vector]:
    total: dict[Term, Vector] = {}
    for part in parts:
        for term, slope in part.items():
            total[term] = total[term] + slope if term in total else slope
    return total


@dataclass(eq=False)
class _Work:
    """One metric in all groups: what was met on the way, and who was refused for what."""

    job: Job
    at: NDArray[np.int64]
    periods: Mapping[int, Group]
    tables: Mapping[str, TableData]
    laid: Mapping[str, Laid]
    reason: NDArray[np.object_]
    seen: dict[Quantity, tuple[Vector, Vector]] = field(default_factory=dict)
    summed: dict[State, None] = field(default_factory=dict)

    def refuse(self, mask: Mask, reason: Reason) -> None:
        """Refuse groups that are not refused yet: the first reason stands."""
        for i in np.flatnonzero(mask):
            if self.reason[i] is None:
                self.reason[i] = reason

    def total(self, name: str, state: State) -> Vector:
        return self.laid[name].total(self.tables[name].column(state))

    def by_period(self, ask: Callable[[Group], float]) -> Vector:
        """Ask of one group of each period what does not depend on dimensions."""
        found = {i: ask(group) for i, group in self.periods.items()}
        return np.array([found[i] for i in self.at.tolist()], dtype=np.float64)


def answers(
    job: Job,
    keys: Sequence[Key],
    periods: Mapping[int, Group],
    laid: Mapping[str, Laid],
    *,
    sampling: Mapping[str, Laid],
    level: float,
    intervals_too: bool,
) -> Answers:
    """Answer a plain metric in all its groups.

    Args:
        job: The metric, see `is_plain`.
        keys: The groups, in order.
        periods: Number of a period → any group of it, to ask what does not depend on dimensions.
        laid: Table → its sums by the groups' keys.
        sampling: Table → sampling variances of its totals, where it was sampled.
        level: Confidence level.
        intervals_too: Give intervals; else what needs units is not asked.
    """
    count = len(keys)
    at = np.array([key[0] for key in keys], dtype=np.int64)
    work = _Work(job, at, periods, periods[keys[0][0]].tables, laid, np.full(count, None, dtype=object))
    with np.errstate(all="ignore"):  # refused groups hold anything
        found = _compute(job.tree, work, job.definition.table)
        _refuse(work, found)
        low = high = np.full(count, np.nan)
        if intervals_too:
            _quiet(work, found)
            window = job.population is Population.WINDOW
            low, high = _of_window(work, found, sampling, level) if window else _of_process(work, found, level)
            bound = np.full(count, fill_value=False) if window else _bounded(work, found)
            low, high = np.where(bound, np.nan, low), np.where(bound, np.nan, high)
    factor = dimension(job.definition.unit).factor
    refused = np.array([reason is not None for reason in work.reason], dtype=bool)
    value, low, high = (np.where(refused, np.nan, part / factor) for part in (found.value, low, high))
    return Answers(value, low, high, _most(work).astype(np.int64), work.reason)


def _quiet(work: _Work, found: _Linear) -> None:
    """Put harmless numbers where a group is refused, so that what follows need not look."""
    refused = np.array([reason is not None for reason in work.reason], dtype=bool)
    found.value[refused] = 0.0
    for slope in found.slopes.values():
        slope[refused] = 0.0


def _compute(node: Node, work: _Work, home: str) -> _Linear:
    count = len(work.at)
    match node:
        case Number(value):
            return _Linear(np.full(count, value))
        case Scope(inner, owner):
            return _compute(inner, work, owner)
        case Negative(inner):
            found = _compute(inner, work, home)
            return _Linear(-found.value, found.scaled(-1.0))
        case Binary(sign, left, right):
            return _arithmetic(sign, _compute(left, work, home), _compute(right, work, home), work)
        case Call("days"):
            return _Linear(work.by_period(lambda group: group.days(home) * _DAY))
        case Call("month"):
            return _Linear(np.full(count, MONTH * _DAY))
        case Call():
            return _aggregate(node, work, home)
        case _:
            raise AssertionError(f"{node} has no place in an array")


def _arithmetic(sign: str, a: _Linear, b: _Linear, work: _Work) -> _Linear:
    if sign in "+-":
        factor = 1.0 if sign == "+" else -1.0
        return _Linear(a.value + factor * b.value, _sum(a.slopes, b.scaled(factor)))
    if sign == "*":
        return _Linear(a.value * b.value, _sum(a.scaled(b.value), b.scaled(a.value)))
    work.refuse(b.value == 0, Reason.UNDEFINED_RATIO)
    value = a.value / b.value
    return _Linear(value, _sum(a.scaled(1 / b.value), b.scaled(-value / b.value)))


def _aggregate(call: Call, work: _Work, home: str) -> _Linear:
    data, quantity, count = work.tables[home], quantity_of(call, home), len(work.at)
    everywhere = np.ones(count, dtype=bool)
    sums = data.sums
    refusal = sums if isinstance(sums, Refusal) else next(iter(work.periods.values())).missing(quantity)
    if refusal is not None:
        work.refuse(everywhere, refusal.reason)
        return _Linear(np.zeros(count))

    def total(role: Role) -> Vector:
        return work.total(home, State(role, quantity))

    n, eligible = total(Role.N), total(Role.ELIGIBLE)
    work.seen.setdefault(quantity, (n, eligible))
    covers = work.by_period(lambda group: float(group.covers(home)))
    work.refuse((work.laid[home].total("_n") == 0) & (covers == 0), Reason.NO_DATA)
    work.refuse((eligible > 0) & (n == 0), Reason.NOT_MEASURED)
    if call.function in ("sum", "count"):
        if call.function == "sum":
            work.summed.setdefault(State(Role.TOTAL, quantity))
        return _Linear(total(Role.TOTAL).copy(), {(home, State(Role.TOTAL, quantity)): np.ones(count)})
    work.refuse(n == 0, Reason.NO_DATA)
    known = total(Role.KNOWN)
    mean = total(Role.TOTAL) / known
    slopes = {(home, State(Role.TOTAL, quantity)): 1 / known, (home, State(Role.KNOWN, quantity)): -mean / known}
    return _Linear(mean, slopes)


def _most(work: _Work) -> Vector:
    most = np.zeros(len(work.at))
    for n, _ in work.seen.values():
        most = np.maximum(most, n)
    return most


def _refuse(work: _Work, found: _Linear) -> None:
    """Refuse what stands on too little, on too small a part, or on rows of unknown sampling."""
    job = work.job
    if work.seen:
        work.refuse(_most(work) < needed_n(job.definition, job.population), Reason.TOO_FEW_UNITS)
        eligible = sum((among for _, among in work.seen.values()), np.zeros(len(work.at)))
        known = sum((n for n, _ in work.seen.values()), np.zeros(len(work.at)))
        coverage = np.where(eligible > 0, known / eligible, 1.0)
        work.refuse(coverage < job.definition.requires.coverage, Reason.LOW_COVERAGE)
    if job.population is Population.WINDOW or len(work.tables) > 1:
        for name in work.tables:
            if name in work.laid and not table(name).state_of:
                work.refuse(work.laid[name].total("_unknown") > 0, Reason.UNKNOWN_SAMPLING)
    work.refuse(~np.isfinite(found.value), Reason.UNSTABLE)


def _of_window(work: _Work, found: _Linear, sampling: Mapping[str, Laid], level: float) -> tuple[Vector, Vector]:
    variance = np.zeros(len(work.at))
    for name, laid in sampling.items():
        data = work.tables[name]
        slopes = [found.slopes.get((name, State(Role.TOTAL, quantity))) for quantity in data.spreads]
        for i, a in enumerate(slopes):
            for j in range(i, len(slopes)):
                b = slopes[j]
                if a is not None and b is not None:
                    covariance = laid.total(f"v_{i}_{j}")
                    variance += np.where((a != 0) & (b != 0), a * b * covariance * (1 if i == j else 2), 0.0)
    low, high = intervals(found.value, Spreads(np.maximum(variance, 0.0), np.full(len(variance), np.inf)), level=level)
    return np.where(variance > 0, low, np.nan), np.where(variance > 0, high, np.nan)


def _bounded(work: _Work, found: _Linear) -> Mask:
    """Where a sum that is known in part makes the value a bound (`answer.bound_of`)."""
    down, up = (np.zeros(len(work.at), dtype=bool) for _ in range(2))
    if limits(work.job.tree, work.job.definition.table) == (0.0, 1.0):
        return down
    for (_, state), slope in found.slopes.items():
        if state in work.summed and never_negative(state.quantity):
            n, eligible = work.seen[state.quantity]
            partial = n < COMPLETE * eligible
            down, up = down | (partial & (slope > 0)), up | (partial & (slope < 0))
    return np.asarray(down != up)


def _of_process(work: _Work, found: _Linear, level: float) -> tuple[Vector, Vector]:
    home, tree, value = work.job.definition.table, work.job.tree, found.value
    spreads, skews, units = _spread(work, found, tails=not is_share(tree, home), long=long_tailed(tree, home))
    steady, count, slope = _events_over_time(work, found)
    work.refuse(~steady & (units < 2), Reason.TOO_FEW_UNITS)
    if is_share(tree, home):
        share = np.clip(value, 0.0, 1.0)
        known = sum((n for n, _ in work.seen.values()), np.zeros(len(value)))
        varied = (spreads.variance > 0) & (share > 0) & (share < 1)
        spoken = np.where(varied, share * (1 - share) / spreads.variance, _units_about(work, units))
        freedom = np.where(varied & (spoken >= known), np.inf, spreads.freedom)
        low, high = wilson_bounds(share, np.minimum(spoken, known), level=level, freedom=freedom)
    else:
        least, most = limits(tree, home)
        low, high = intervals(value, spreads, level=level, low=least, high=most, skews=skews)
        if least == 0:
            none = (value == 0) & (spreads.variance == 0)
            each = np.zeros(len(value))
            for (name, state), slope_of in found.slopes.items():
                if is_count(name, state):
                    each = np.maximum(each, np.abs(slope_of))
            above = poisson_bounds(np.zeros(1), level=level)[1][0] * each
            low, high = np.where(none & (each > 0), 0.0, low), np.where(none & (each > 0), above, high)
            rare, number, worth = _rare_events(work, found)
            low, high = _poisson_where(rare, number, worth, (low, high), level)
    return _poisson_where(steady, count, slope, (low, high), level)


def _poisson_where(
    where: Mask, count: Vector, slope: Vector, bounds: tuple[Vector, Vector], level: float
) -> tuple[Vector, Vector]:
    if not where.any():
        return bounds
    below, above = poisson_bounds(np.where(where, count, 1.0), level=level)
    return np.where(where, below * slope, bounds[0]), np.where(where, above * slope, bounds[1])


def _is_close(a: Vector, b: Vector) -> Mask:
    return np.asarray(np.abs(a - b) <= _SAME * np.maximum(np.abs(a), np.abs(b)))


def _events_over_time(work: _Work, found: _Linear) -> tuple[Mask, Vector, Vector]:
    """Where a rate is one count over time: the count, and the value of one (`answer._events_over_time`)."""
    nothing = np.zeros(len(found.value))
    if len(found.slopes) != 1:
        return nothing > 0, nothing, nothing
    (((name, state), slope),) = found.slopes.items()
    contract = table(name)
    persons = any(contract[column].privacy is PrivacyClass.IDENTIFIER for column in contract.cluster)
    if not is_count(name, state) or persons or work.tables[name].plan.weighted:
        return nothing > 0, nothing, nothing
    count = work.total(name, State(Role.TOTAL, state.quantity))
    return (slope > 0) & _is_close(slope * count, found.value), count, slope


def _rare_events(work: _Work, found: _Linear) -> tuple[Mask, Vector, Vector]:
    """Where a rate is proportional to a few independent events: their number, and the value of one."""
    where = np.zeros(len(found.value), dtype=bool)
    number, worth = np.zeros(len(where)), np.zeros(len(where))
    for (name, state), slope in found.slopes.items():
        contract = table(name)
        if not is_count(name, state) or not (contract.cluster and contract.cluster[0] in contract.key):
            continue
        count = work.total(name, State(Role.TOTAL, state.quantity))
        fits = ~where & (slope > 0) & (count > 0) & (count <= FEW_EVENTS) & _is_close(slope * count, found.value)
        number, worth, where = np.where(fits, count, number), np.where(fits, slope, worth), where | fits
    return where, number, worth


def _units_about(work: _Work, units: Vector) -> Vector:
    for name, data in work.tables.items():
        if data.plan.gathered and name in work.laid:
            units = np.maximum(units, work.laid[name].total("_n") * data.units_per_row)
    return units


def _spread(work: _Work, found: _Linear, *, tails: bool, long: bool) -> tuple[Spreads, Skews | None, Vector]:
    """Variances of values by units, and skewness where asked; tables with the same units are taken together."""
    count = len(found.value)
    families: dict[Family, dict[str, list[tuple[str, str, Vector]]]] = {}
    for (name, state), slope in found.slopes.items():
        data = work.tables[name]
        terms = families.setdefault((data.plan.cluster, data.plan.gathered), {}).setdefault(name, [])
        terms.append((data.column(State(Role.N, state.quantity)), data.column(state), slope))
    spreads, units = [Spreads(np.zeros(count), np.full(count, np.inf))], np.zeros(count)
    skews = [Skews(np.zeros(count), np.zeros(count))]
    for (_, gathered), parts in families.items():
        at, amounts, rows = contributed([(work.laid[name], terms) for name, terms in parts.items()])
        units = np.maximum(units, added(at, np.ones(len(at)), count))
        gatherings = GROUPS if gathered else 0
        spreads.append(spreads_of_values(at, amounts, rows, found.value, gatherings=gatherings, tails=tails))
        if long:
            skews.append(skews_of_values(at, amounts, count))
    together = combined_skews(skews, [part.variance for part in spreads]) if long else None
    return combined(spreads), together, units
