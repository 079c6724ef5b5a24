"""From a value and its slopes to an honest answer: interval, checks, or a refusal."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from metricstack.core.privacy import PrivacyClass
from metricstack.core.values import Answer, Check, Estimate, Reason, Refusal
from metricstack.metrics.answers.algebra import Group, Linear, Term
from metricstack.metrics.answers.contributions import with_rows
from metricstack.metrics.answers.notes import COMPLETE, checks_of, rows_of
from metricstack.metrics.answers.shape import is_count, is_share, limits, long_tailed, never_negative
from metricstack.metrics.language.dimension import dimension
from metricstack.metrics.language.formula import Node
from metricstack.metrics.model import Definition, Population
from metricstack.metrics.query.compile import GROUPS
from metricstack.metrics.query.fetch import TableData
from metricstack.metrics.query.inputs import Assumption
from metricstack.metrics.query.states import Role, State
from metricstack.numerics.intervals import (
    Spread,
    combine,
    interval,
    is_skewed,
    poisson,
    spread_of_value,
    wilson,
)
from metricstack.numerics.skewness import Skews, combined_skews, skews_of_values
from metricstack.telemetry.tables import table

__all__ = ["FEW_EVENTS", "FEW_FOR_TAILS", "Answered", "answer", "bound_of", "needed_n"]

_SKEWED = "a few large ones carry the value, and its interval may be too short; read the median beside it"
_UNSEEN = "too few to show how large the largest are, on which the value hangs: its interval may be too short"
_NOT_SKEWED = Skews(np.zeros(1), np.zeros(1))
FEW_FOR_TAILS = 150
"""Units below which intervals of what hangs on long tails may be too short, whatever their skewness seems to be."""
FEW_EVENTS = 50
"""Beyond it the exact and the normal interval agree within a tenth of their width."""


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer with the checks under which it holds."""

    answer: Answer
    checks: tuple[Check, ...] = ()
    assumptions: tuple[str, ...] = ()


def needed_n(definition: Definition, population: Population) -> int:
    """Return the fewest observations that a metric is given for."""
    if definition.requires.n is not None:
        return definition.requires.n
    return 5 if population is Population.PROCESS else 1


def answer(
    definition: Definition, tree: Node, found: Linear, group: Group, population: Population, *, level: float, unit: str
) -> Answered:
    """Give a metric's answer in a group from its value and slopes.

    Args:
        definition: The metric.
        tree: Its formula, with every metric's own tree in place of its name.
        found: Value and slopes, in base units.
        group: Where, with the notes of the computation.
        population: What the interval is about.
        level: Confidence level.
        unit: The metric's unit, with the workspace's currency.
    """
    checks, assumptions = checks_of(group), tuple(str(one) for one in group.used)
    refusal = _refuse(definition, group, population)
    if refusal is None and not math.isfinite(found.value):
        names = " and ".join(repr(name) for name in group.tables)
        refusal = Refusal(
            Reason.UNSTABLE, f"table {names} holds a number that is not finite, or too large to add",
            "`metricstack check` says in which column.",
        )  # fmt: skip
    if refusal is not None:
        return Answered(refusal, checks, assumptions)
    n = max((seen.n for seen in group.seen.values()), default=0)
    factor = dimension(definition.unit).factor
    group.skewed.clear()
    inputs = sum(slope**2 * term.variance for term, slope in found.slopes.items() if isinstance(term, Assumption))
    result: Bounds | Refusal
    if population is Population.WINDOW:
        result = _of_window(found, group, inputs, level)
    else:
        result = _of_process(definition, tree, found, group, inputs=inputs, level=level)
    if isinstance(result, Refusal):
        return Answered(result, checks, assumptions)
    checks += tuple(Check("few_for_their_skew", False, text) for text in group.skewed)
    low, high, method = result
    if low is None or high is None:
        return Answered(Estimate(found.value / factor, unit, n, method), checks, assumptions)
    estimate = Estimate(found.value / factor, unit, n, method, low / factor, high / factor, level)
    return Answered(estimate, checks, assumptions)


def _refuse(definition: Definition, group: Group, population: Population) -> Refusal | None:
    n = max((seen.n for seen in group.seen.values()), default=0)
    needed = needed_n(definition, population)
    if group.seen and n < needed:
        return Refusal(
            Reason.TOO_FEW_UNITS, f"it stands on {n:,} observations; {needed} are needed",
            "Take a longer window or a larger group.",
        )  # fmt: skip
    eligible = sum(seen.eligible for seen in group.seen.values())
    coverage = sum(seen.n for seen in group.seen.values()) / eligible if eligible else 1.0
    if coverage < definition.requires.coverage:
        return Refusal(
            Reason.LOW_COVERAGE,
            f"only {coverage:.0%} of the rows in question are known; {definition.requires.coverage:.0%} are needed",
        )
    if population is Population.WINDOW or len(group.tables) > 1:
        for name, data in group.tables.items():
            unknown = rows_of(data, group.keys, "_unknown")
            if unknown and not table(name).state_of:
                return Refusal(
                    Reason.UNKNOWN_SAMPLING,
                    f"{unknown:,} of {rows_of(data, group.keys, '_n'):,} rows of {name!r} do not say how they were "
                    "sampled, so that totals are unknown",
                    "Record 'sample_probability' (1 where nothing was dropped), or state it in the mapping.",
                )
    return None


Bounds = tuple[float | None, float | None, str]


def _of_window(found: Linear, group: Group, inputs: float, level: float) -> Bounds:
    """What happened in the window: sampling and assumed inputs are all that is uncertain."""
    sampling = _sampling_variance(found.slopes, group)
    ways = [
        *(["Horvitz–Thompson sampling variance"] if sampling > 0 else []),
        *(["assumed inputs as triangular distributions, delta method"] if inputs > 0 else []),
    ]
    if not ways:
        return None, None, _counted(found, group)
    bounds = interval(found.value, Spread(sampling + inputs, math.inf), level=level)
    return (*bounds, "; ".join(ways))


def _counted(found: Linear, group: Group) -> str:
    """Name what a number without an interval is: a census, or a bound since part of the rows is unknown."""
    if group.bounds:
        return "partial view: what is not recorded or not stated is left out"
    partial = {quantity for quantity, seen in group.seen.items() if seen.n < seen.eligible}
    if not partial:
        return "census"
    slopes = [
        slope if _only_adds(term[2], group.seen[term[2].quantity].function) else -1.0
        for term, slope in found.slopes.items()
        if not isinstance(term, Assumption) and term[2].quantity in partial
    ]
    if all(slope >= 0 for slope in slopes):
        return "lower bound: only part of the rows is known"
    return "partial view: only part of what it is about is known"


def bound_of(tree: Node, found: Linear, group: Group, home: str) -> str:
    """Say which bound a value is whose sums are known in part; empty where they are known, or pull both ways.

    An interval about the part would pretend: what is missing is no matter of chance. A share of a sum is of the
    rows that are known, as a mean is.
    """
    if limits(tree, home) == (0.0, 1.0):
        return ""
    signs = {
        slope > 0
        for term, slope in found.slopes.items()
        if slope and not isinstance(term, Assumption) and term[2].role is Role.TOTAL
        and (seen := group.seen[term[2].quantity]).function == "sum"
        and seen.n < COMPLETE * seen.eligible and never_negative(term[2].quantity)
    }  # fmt: skip
    if len(signs) != 1:
        return ""
    return f"{'lower' if signs.pop() else 'upper'} bound: only part of what is added is known"


def _only_adds(state: State, function: str) -> bool:
    """True for a total that further rows can only raise: of a count, or of what is never negative."""
    if state.role is not Role.TOTAL or function not in ("sum", "count"):
        return False
    return never_negative(state.quantity)


def _sampling_variance(slopes: Mapping[Term, float], group: Group) -> float:
    total = 0.0
    for name, data in group.tables.items():
        if not data.plan.weighted or not data.spreads:
            continue
        for key in group.keys:
            slope = [slopes.get((name, key, State(Role.TOTAL, quantity)), 0.0) for quantity in data.spreads]
            if not any(slope) or isinstance(data.sampling, Refusal):
                continue
            for i, a in enumerate(slope):
                for j in range(i, len(slope)):
                    if a and slope[j]:
                        covariance = float(data.sampling.of(key, f"v_{i}_{j}").sum())
                        total += a * slope[j] * covariance * (1 if i == j else 2)
    return total


def _of_process(
    definition: Definition, tree: Node, found: Linear, group: Group, *, inputs: float, level: float
) -> Bounds | Refusal:
    """The process behind the window: units vary, and their rows depend on one another."""
    if bound := bound_of(tree, found, group, definition.table):
        return None, None, bound
    if group.wholes:
        names = " and ".join(repr(quantity.text) for quantity in group.wholes)
        return None, None, f"count of different values of {names}, without an interval: several units share one"
    happened = _events_over_time(found, group)
    if happened is not None:
        return _poisson(*happened, level)
    home = definition.table
    varied = _varied(found, group, inputs, tails=not is_share(tree, home), long=long_tailed(tree, home))
    spread, units, way = varied.spread, varied.units, f"clusters: {' and '.join(varied.ways)}"
    if units < 2:
        return Refusal(
            Reason.TOO_FEW_UNITS,
            f"all rows belong to one {_unit_name(group)}, so that chance cannot be told from it",
            "Take a longer window or a larger group.",
        )
    if is_share(tree, home):
        share = min(max(found.value, 0.0), 1.0)
        known = _known(found, group)
        between = spread.variance > 0 and 0 < share < 1
        effective = share * (1 - share) / spread.variance if between else _units_about(group, units)
        # Units differ no more than independent rows would: the variance follows from the share, and is not estimated.
        freedom = math.inf if between and effective >= known else spread.freedom
        effective = float(min(effective, known))
        low, high = wilson(share, effective, level=level, freedom=freedom)
        return low, high, f"Wilson, effective n {effective:,.0f}, {way}"
    low_limit, high_limit = limits(tree, home)
    rare = _rare_events(found, group) if low_limit == 0 else None
    if rare is not None:
        return _poisson(*rare, level)
    if found.value == 0 and low_limit == 0 and spread.variance == 0:
        slope = max((abs(s) for term, s in found.slopes.items() if _is_count(term)), default=0.0)
        if slope:
            return 0.0, poisson(0, level=level)[1] * slope, "none seen: exact Poisson bound"
    low, high = interval(found.value, spread, level=level, low=low_limit, high=high_limit, skews=varied.skews)
    if varied.skewed and (varied.skews is not None or high_limit is None):
        group.skewed.append(f"{' and '.join(varied.skewed)}: {_SKEWED}")
    elif varied.skews is not None and _units_about(group, units) < FEW_FOR_TAILS:
        group.skewed.append(f"{' and '.join(varied.ways)}: {_UNSEEN}")
    return low, high, f"delta method, {way}"


def _known(found: Linear, group: Group) -> float:
    """What a share stands on at most: its known rows; of different values, as many as there are, not their rows."""
    terms = [term for term in found.slopes if not isinstance(term, Assumption) and term[2].role is Role.DISTINCT]
    different = [group.tables[name].total(key, state.role, state.quantity) for name, key, state in terms]
    return min(float(sum(seen.n for seen in group.seen.values())), max(different, default=math.inf))


def _poisson(count: float, slope: float, level: float) -> Bounds:
    low, high = poisson(count, level=level)
    return low * slope, high * slope, f"exact Poisson interval of {count:g} events"


def _events_over_time(found: Linear, group: Group) -> tuple[float, float] | None:
    """Find the count that a rate per day is made of alone, and the value of one: deployments, not what people do.

    Time is fixed and so are the services that events belong to: what varies is how many there are. People
    are not fixed, and what one of them does comes in numbers, so that those stay the units of their rows.
    """
    if len(found.slopes) != 1:
        return None
    ((term, slope),) = found.slopes.items()
    if isinstance(term, Assumption) or not _is_count(term):
        return None
    name, key, state = term
    contract, data = table(name), group.tables[name]
    count = data.total(key, Role.TOTAL, state.quantity)
    persons = any(contract[column].privacy is PrivacyClass.IDENTIFIER for column in contract.cluster)
    same = math.isclose(slope * count, found.value, rel_tol=1e-9)
    return (count, slope) if slope > 0 and same and not persons and not data.plan.weighted else None


def _rare_events(found: Linear, group: Group) -> tuple[float, float] | None:
    """Find the few independent events that a rate is proportional to: their number and the value of one.

    A handful of events over a large denominator is far from normal on any scale; the denominator's own
    spread is nothing beside it. Events are independent where each is a unit of its own (an incident).
    """
    for term, slope in found.slopes.items():
        if isinstance(term, Assumption) or slope <= 0 or not _is_count(term):
            continue
        name, key, state = term
        contract, data = table(name), group.tables[name]
        count = data.total(key, Role.TOTAL, state.quantity)
        alone = contract.cluster and contract.cluster[0] in contract.key
        if alone and 0 < count <= FEW_EVENTS and math.isclose(slope * count, found.value, rel_tol=1e-9):
            return count, slope
    return None


def _is_count(term: Term) -> bool:
    return not isinstance(term, Assumption) and is_count(term[0], term[2])


def _unit_name(group: Group) -> str:
    names = [data.plan.cluster[0] for data in group.tables.values() if data.plan.cluster]
    return names[0] if names else "unit"


@dataclass(frozen=True, slots=True)
class _Varied:
    """How a value varies by units.

    Args:
        spread: Its variance.
        skews: Its skewness, of one group, where it hangs on long tails.
        units: How many units there are; the most of several kinds.
        ways: How many of what they are, by kind.
        skewed: Those that are too few for how skewed they are.
    """

    spread: Spread
    skews: Skews | None
    units: int
    ways: tuple[str, ...]
    skewed: tuple[str, ...]


def _varied(found: Linear, group: Group, inputs: float, *, tails: bool, long: bool) -> _Varied:
    """Find how a value varies by units, tables with the same units together, and by inputs of a known variance."""
    instants = {data.plan.cluster[0] for name, data in group.tables.items() if _by_instant(name, data)}
    spreads, skews, units, ways, skewed = [Spread(inputs, math.inf)], [_NOT_SKEWED], 0, [], []
    for (cluster, gathered), (unit, amounts, rows) in with_rows(found.slopes, group).items():
        units = max(units, len(unit))
        named = "instant" if cluster[0] in instants else cluster[0]
        if len(unit):
            gatherings = GROUPS if gathered else 0
            spreads.append(spread_of_value(amounts, rows, found.value, gatherings=gatherings, tails=tails))
            if long:
                skews.append(skews_of_values(np.zeros(len(unit), dtype=np.int64), amounts, 1))
            plural = f"{named}s" if gathered or len(unit) != 1 else named
            ways.append(f"{len(unit)} {'random groups of ' if gathered else ''}{plural}")
        if is_skewed(amounts):
            skewed.append(ways[-1])
    together = combined_skews(skews, [np.array([spread.variance]) for spread in spreads]) if long else None
    return _Varied(combine(spreads), together, units, tuple(dict.fromkeys(ways)), tuple(skewed))


def _by_instant(name: str, data: TableData) -> bool:
    return bool(data.plan.cluster) and data.plan.cluster[0] == table(name).event_time


def _units_about(group: Group, units: int) -> float:
    """About how many units a group has: as many as were seen, more where they are gathered in buckets."""
    gathered = [data for data in group.tables.values() if data.plan.gathered]
    return max([units, *(rows_of(data, group.keys, "_n") * data.units_per_row for data in gathered)])
