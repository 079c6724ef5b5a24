"""Metrics of arms: any metric of the catalogue, computed from what the units of an arm did.

A metric is a function of sums. Its value in an arm is that function of the arm's sums; its variance is that of what
each unit adds to it, linearised, so that requests of one unit are never taken for independent ones.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

import numpy as np
from numpy.typing import NDArray

from metricstack.core.values import Moments, Reason, Refusal
from metricstack.metrics.answers.algebra import Unanswerable, compute
from metricstack.metrics.answers.percentile import share_of
from metricstack.metrics.job import Job
from metricstack.metrics.language.dimension import dimension
from metricstack.metrics.language.formula import Call
from metricstack.metrics.language.resolve import degree
from metricstack.metrics.passes import Pass
from metricstack.metrics.query.compile import Plan
from metricstack.metrics.query.fetch import TableData
from metricstack.metrics.query.grouped import Key
from metricstack.metrics.query.inputs import Assumption
from metricstack.metrics.query.states import Quantity, Role, State, states_of
from metricstack.numerics.histograms import Below, Histograms

__all__ = [
    "FEWEST_UNITS",
    "arm_of_histogram",
    "arm_of_sums",
    "counted_as_0",
    "is_total",
    "linear_of",
    "linear_of_histogram",
    "quantile_of",
    "unknown_of",
]

FEWEST_UNITS = 30
"""Fewer units in an arm are not compared: their mean is not yet normal."""
_KEY: Key = (0, ())


class _Rows:
    """Stands for the rows of one group: that there are some."""

    @staticmethod
    def of(_: Key, __: str) -> tuple[int]:
        return (1,)


@dataclass(frozen=True)
class _Table:
    """One table's sums of one arm, as formulas read them."""

    name: str
    moments: Moments
    places: Mapping[State, str]
    plan: Plan

    sums = _Rows()

    @property
    def counts(self) -> dict[str, int]:
        return {"sampled": int(self.plan.weighted)}

    def total(self, _: Key, role: Role, quantity: Quantity) -> float:
        return _total(self.moments, self.places[State(role, quantity)])

    def nests(self, _: Quantity) -> bool:
        return True


def linear_of(
    job: Job, part: Pass, moments: Moments, places: Mapping[State, str], refused: Mapping[str, Refusal]
) -> tuple[float, NDArray[np.float64]] | Refusal:
    """Compute a metric of one arm, and what it is linear in.

    Args:
        job: The metric, made of sums.
        part: The pass that it belongs to.
        moments: The arm's joint moments, one variable per sum.
        places: State → its variable.
        refused: Table → why it cannot be read by unit.

    Returns:
        The value in the metric's unit (of what grows with the number of units the mean of one), and the weight of
        each variable in what one unit adds to it, shape (variables,).

    Source:
        First-order (delta-method) linearisation of a function of means; Deng, Knoblich and Lu (2018), section 2.
    """
    unread = next((refused[name] for name in job.tables if name in refused), None)
    if unread is not None:
        return unread
    n = moments.n
    if n < FEWEST_UNITS:
        return _few(n)
    tables = {name: _Table(name, moments, places, part.tables[name].plan) for name in job.tables}
    stood_for = cast("Mapping[str, TableData]", tables)
    group = replace(part.group(job, _KEY, (_KEY,)), tables=stood_for, covers=lambda _: True)
    try:
        found = compute(job.tree, group, job.definition.table)
    except Unanswerable as error:
        return error.refusal
    if any(isinstance(term, Assumption) for term in found.slopes):
        return Refusal(
            Reason.NOT_MEASURED,
            "it rests on inputs that are stated for a use case, not measured by unit",
            "Choose a metric that is measured in each unit.",
        )
    known = [note.n for note in group.seen.values() if note.function != "count"]
    if known and min(known) < FEWEST_UNITS:
        return _few(min(known))
    factor = dimension(job.definition.unit).factor
    total = is_total(job)
    weights = np.zeros(len(moments.names))
    for term, slope in found.slopes.items():
        assert not isinstance(term, Assumption)
        weights[moments.names.index(places[term[2]])] += slope * (1.0 if total else n) / factor
    return (found.value / n if total else found.value) / factor, weights


def is_total(job: Job) -> bool:
    """Tell whether a metric grows with the number of units, so that an arm's value is the mean of one."""
    return degree(job.tree) >= 1


def arm_of_sums(
    job: Job,
    part: Pass,
    moments: Moments,
    places: Mapping[State, str],
    refused: Mapping[str, Refusal],
    *,
    covariates: Sequence[str] = (),
) -> Moments | Refusal:
    """Compute a metric of one arm: its value, how it varies from unit to unit, and what it varies with.

    Args:
        job: The metric, made of sums.
        part: The pass that it belongs to.
        moments: The arm's joint moments, one variable per sum.
        places: State → its variable.
        refused: Table → why it cannot be read by unit.
        covariates: Variables that were measured before.

    Returns:
        Moments in the metric's unit: n units; first the metric's value with the variance of what one unit adds to
        it (`linear_of`), then the covariates as they are.
    """
    found = linear_of(job, part, moments, places, refused)
    if isinstance(found, Refusal):
        return found
    at = [moments.names.index(name) for name in covariates]
    weights = np.zeros((len(moments.names), 1 + len(at)))
    weights[:, 0] = found[1]
    weights[at, range(1, len(at) + 1)] = 1.0
    cross = weights.T @ moments.cross @ weights
    cross[0, 0] = max(cross[0, 0], 0.0)
    return Moments(moments.n, np.array([found[0], *moments.means[at]]), cross, ("value", *covariates))


def unknown_of(job: Job, moments: Moments, places: Mapping[State, str]) -> tuple[int, int]:
    """Count the rows that a metric is about, and those of them of which nothing is known.

    Args:
        job: The metric.
        moments: Joint moments of one arm.
        places: State → its variable.

    Returns:
        Unknown rows and all rows of the quantity of which the least is known; (0, 0) of one that is always known.
    """
    found = [(0, 0)]
    for state in states_of(job.tree, job.definition.table):
        about = State(Role.ELIGIBLE, state.quantity)
        if state.role is Role.N and about in places:
            n, among = (_total(moments, places[one]) for one in (state, about))
            found.append((round(among - n), round(among)))
    return max(found, key=lambda one: (one[0] / one[1] if one[1] else 0.0, one[1]))


def counted_as_0(places: Mapping[State, str]) -> dict[State, str]:
    """Return where states stand when a row of unknown outcome counts as one of 0."""
    return {
        state: places.get(State(Role.ELIGIBLE, state.quantity), place) if state.role in (Role.N, Role.KNOWN) else place
        for state, place in places.items()
    }


def _total(moments: Moments, name: str) -> float:
    return float(moments.means[moments.names.index(name)]) * moments.n


def _few(n: int) -> Refusal:
    return Refusal(
        Reason.TOO_FEW_UNITS,
        f"an arm has {n:,} units or observations; {FEWEST_UNITS} are needed",
        "Run longer, or read the raw counts without a comparison.",
    )


def quantile_of(call: Call, entries: NDArray[np.float64], *, beside: float = 0.0) -> tuple[float, float, float]:
    """Return a quantile of a histogram, and those at shares so much below and above it.

    Args:
        call: The quantile.
        entries: Bucket of units, bin, weight and rows of each entry, shape (entries, 4).
        beside: Distance of the other two shares.
    """
    share = share_of(call)
    bins, group = entries[:, 1].astype(np.int64), np.zeros(len(entries), dtype=np.int64)
    shape = Histograms(group, bins, entries[:, 2], 1)
    value, low, high = (float(shape.quantile(np.array([at]))[0]) for at in (share, share - beside, share + beside))
    return value, low, high


def linear_of_histogram(
    job: Job, name: str, moments: Moments, entries: NDArray[np.float64] | None
) -> tuple[float, NDArray[np.float64]] | Refusal:
    """Compute a quantile of one arm, and what it is linear in, as `linear_of` does.

    Args:
        job: The metric, one quantile.
        name: Its name among the variables.
        moments: The arm's joint moments, among them what is known of each unit and what of it lies below.
        entries: See `arm_of_histogram`.

    Source:
        Bahadur (1966): a quantile is its truth less (share below - p) / density. The density is the rise of the share
        over the quantiles one standard error, by units, to both sides.
    """
    assert job.quantile is not None
    _, call, scale = job.quantile
    n = moments.n
    if entries is None or n < FEWEST_UNITS or entries[:, 3].sum() < FEWEST_UNITS:
        return _few(n)
    share = share_of(call)
    at, below = (moments.names.index(f"{name}:{part}") for part in ("weight", "below"))
    weights = np.zeros(len(moments.names))
    weights[below], weights[at] = 1.0, -share
    total = float(moments.means[at])
    weights /= total
    error = math.sqrt(max(float(weights @ moments.cross @ weights) / (n - 1) / n, 0.0))
    if error == 0:
        return Refusal(Reason.NO_VARIATION, "no unit differs from another", "Run longer.")
    value, low, high = quantile_of(call, entries, beside=error)
    factor = scale / dimension(job.definition.unit).factor
    return value * factor, -weights * (high - low) / (2 * error) * factor


def arm_of_histogram(job: Job, n: int, entries: NDArray[np.float64] | None) -> Moments | Refusal:
    """Compute a quantile of one arm from its units' histograms.

    Args:
        job: The metric, one quantile.
        n: Units of the arm.
        entries: Bucket of units, bin, weight and rows of each entry, shape (entries, 4); None = no rows.

    Returns:
        Moments of one variable in the metric's unit: n units, the quantile, and the variance of what one unit adds
        to it, so that variance / n is the quantile's squared standard error.

    Source:
        Woodruff (1952): the clustered standard error of the share below, carried back through the histogram.
    """
    assert job.quantile is not None
    _, call, scale = job.quantile
    if entries is None or n < FEWEST_UNITS or entries[:, 3].sum() < FEWEST_UNITS:
        return _few(0 if entries is None else min(n, int(entries[:, 3].sum())))
    share = share_of(call)
    buckets, bins, weights = entries[:, 0].astype(np.int64), entries[:, 1].astype(np.int64), entries[:, 2]
    group = np.zeros(len(bins), dtype=np.int64)
    shape = Histograms(group, bins, weights, 1)
    value = shape.quantile(np.array([share]))
    below = Below.of(group, buckets, bins, weights, value)
    parts = (below.below - share * below.weight) / shape.total[0]
    k = len(parts)
    if k < 2:
        return _few(k)
    error = math.sqrt(float(((parts - parts.mean()) ** 2).sum()) * k / (k - 1))
    ends = [float(shape.quantile(np.array([share + sign * error]))[0]) for sign in (-1.0, 1.0)]
    factor = scale / dimension(job.definition.unit).factor
    return Moments.of(n, float(value[0]) * factor, ((ends[1] - ends[0]) / 2 * factor) ** 2 * n)
