"""The effect on a quantile: of independent values, of values nested in units, or of logarithmic histograms."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from metricstack.core.errors import InvalidInput
from metricstack.core.values import Check, Reason, Refusal
from metricstack.experiments.effect import Effect, effect
from metricstack.experiments.relative import relative_effect
from metricstack.experiments.samples import as_units, as_vector, same_length
from metricstack.numerics.histograms import cut
from metricstack.numerics.intervals import Spread, check_level, combine, t_quantile
from metricstack.numerics.quantiles import (
    QuantileAnswer,
    bin_inverse,
    quantile_by_group,
    quantile_of_bins,
    quantile_of_sample,
)

__all__ = ["BinnedSample", "quantile_difference"]

# The level at which Woodruff's bounds are read back into a standard error. Wider ones are too long where the tail is
# skewed (at 95 % a true p95 of 200 values is rejected in 1.5 % instead of 5 %), narrower ones rest on too few values.
_SCALE = 0.8
_ENDS = 0.95  # where bounds of this level leave the sample, no standard error is read from it
_BEYOND = 2  # units beyond a quantile; with fewer, the samples that still give bounds are those that vary too little
_FEW = 40


@dataclass(frozen=True, eq=False)
class BinnedSample:
    """One arm as a logarithmic histogram × random buckets of units: what one pass over the rows leaves.

    Args:
        bins: Bin of each entry, ``ceil(ln(x) / ln(1.0202))``, shape (m,); see `numerics.quantiles.bin_edges`.
        weights: Rows in it, shape (m,), not negative.
        buckets: Bucket of the entry's unit, by a hash of the unit, shape (m,); 64 are usual.

    Raises:
        InvalidInput: unequal lengths, a negative weight, a bin that is no whole number.

    Example:
        >>> BinnedSample(bins=[0, 1], weights=[3, 1], buckets=[0, 1]).rows
        4.0
    """

    bins: ArrayLike
    weights: ArrayLike
    buckets: ArrayLike

    def __post_init__(self) -> None:
        bins = as_vector(self.bins, "bins")
        if not (bins == np.rint(bins)).all():
            raise InvalidInput("A bin is a whole number, ceil(ln(x) / ln(1.0202)); the bins hold others.")
        weights, buckets = as_vector(self.weights, "weights", low=0.0), as_units(self.buckets, "buckets")
        same_length(bins=bins, weights=weights, buckets=buckets)
        object.__setattr__(self, "bins", bins.astype(np.int64))
        object.__setattr__(self, "weights", weights)
        object.__setattr__(self, "buckets", buckets)

    @property
    def rows(self) -> float:
        """How many rows the histogram holds."""
        return float(np.sum(np.asarray(self.weights)))


@dataclass(frozen=True, slots=True)
class _Arm:
    """One arm's quantile: its value, the spread of the value, how many rows and clusters it stands on."""

    value: float
    spread: Spread
    rows: int
    clusters: int


@overload
def quantile_difference(
    *,
    control: ArrayLike | BinnedSample,
    treatment: ArrayLike | BinnedSample,
    q: float = ...,
    units: tuple[ArrayLike, ArrayLike] | None = ...,
    relative: bool = ...,
    level: float = ...,
    unit: str = ...,
) -> Effect | Refusal: ...
@overload
def quantile_difference(
    *,
    control: ArrayLike | BinnedSample,
    treatment: ArrayLike | BinnedSample,
    q: Sequence[float],
    units: tuple[ArrayLike, ArrayLike] | None = ...,
    relative: bool = ...,
    level: float = ...,
    unit: str = ...,
) -> tuple[Effect | Refusal, ...]: ...
def quantile_difference(
    *,
    control: ArrayLike | BinnedSample,
    treatment: ArrayLike | BinnedSample,
    q: float | Sequence[float] = 0.5,
    units: tuple[ArrayLike, ArrayLike] | None = None,
    relative: bool = False,
    level: float = 0.95,
    unit: str = "1",
) -> Effect | Refusal | tuple[Effect | Refusal, ...]:
    """Estimate how far the treatment moved a quantile, and how sure that is.

    Requests of one user resemble one another: an interval that takes them for independent is too narrow (of no
    effect at all, it finds one in half of the tests of a p95). Give the unit of every value, and the units are what
    is counted.

    Args:
        control: Values, shape (n,), or a `BinnedSample`.
        treatment: The same of the treatment arm.
        q: Share below the quantile, in (0, 1); of several, several effects are returned in their order.
        units: The unit of each value of control and of treatment; None where every value is its own unit. A
            `BinnedSample` carries its units as buckets.
        relative: Give the effect as a fraction of control's size (Fieller; the p-value of the absolute test).
        level: Confidence level, a fraction in (0, 1).
        unit: Unit of the values.

    Returns:
        The effect (n counts units where they are known, else rows; of histograms rows); or a refusal: ``NO_DATA``,
        ``TOO_FEW_UNITS`` (the quantile lies too near the end of the sample for an interval), ``NO_VARIATION`` (it
        lies inside equal values), ``MEAN_TOO_CLOSE_TO_ZERO`` (control's quantile, for a relative effect).

    Raises:
        InvalidInput: a quantile or level outside (0, 1), values that are not finite, unequal lengths.

    Derivation:
        The share of an arm's values at or below its quantile is a ratio of sums per unit: its standard error s comes
        from the units' contributions ``(values below - q values) / all values``. Woodruff (1952) carries the bounds
        ``q ± t s`` back through the arm's own distribution; half their distance over t is the quantile's standard
        error (t of 80 %: of skewed tails the bounds of 95 % are too far apart, those of 50 % rest on too few values).
        The arms are independent: variances add, degrees of freedom after Satterthwaite.

    Source:
        Woodruff (1952), *Confidence intervals for medians and other position measures*; the distance of the bounds
        as a standard error: Francisco and Fuller (1991), *Quantile estimation with a complex survey design*.

    Example:
        >>> control, treatment = np.arange(1.0, 102.0), np.arange(11.0, 112.0)
        >>> found = quantile_difference(control=control, treatment=treatment, q=0.5, unit="s")
        >>> found.value, round(found.standard_error, 2)
        (10.0, 7.14)
    """
    check_level(level)
    wanted = [float(share) for share in np.atleast_1d(np.asarray(q, dtype=np.float64))]
    for share in wanted:
        if not 0 < share < 1:
            raise InvalidInput(f"The quantile {share} is outside (0, 1); 0.95 is the 95th percentile.")
    if isinstance(control, BinnedSample) != isinstance(treatment, BinnedSample):
        raise InvalidInput("One arm is a histogram and the other a sample; give both alike.")
    if units is not None and not (isinstance(units, tuple | list) and len(units) == 2):
        raise InvalidInput("Units are a pair: the unit of each value of control, and of each of treatment.")
    sides: list[_Sampled | _Binned] = []
    for name, arm, side in (("control", control, 0), ("treatment", treatment, 1)):
        if isinstance(arm, BinnedSample):
            if units is not None:
                raise InvalidInput("Histograms carry their units as buckets; leave `units` out.")
            sides.append(_Binned(arm))
        else:
            sides.append(_Sampled(as_vector(arm, f"values of {name}"), None if units is None else units[side], name))
    found = tuple(
        _difference(sides[0].arm(share), sides[1].arm(share), share, relative=relative, level=level, unit=unit)
        for share in wanted
    )
    return found[0] if np.ndim(q) == 0 else found


class _Sampled:
    def __init__(self, values: NDArray[np.float64], units: ArrayLike | None, name: str) -> None:
        self.values = values
        self.nested = units is not None
        self.units = np.arange(len(values), dtype=np.int64) if units is None else as_units(units, f"units of {name}")
        same_length(values=values, units=self.units)
        self.weights = np.ones(len(values))
        self.ordered = np.sort(values)

    def inverse(self, share: float) -> float:
        """Interpolate between order statistics, the i-th of n standing at (i - 1/2) / n."""
        n = len(self.ordered)
        return float(np.interp(share * n - 0.5, np.arange(n), self.ordered))

    def arm(self, q: float) -> _Arm | Refusal:
        if not len(self.values):
            return Refusal(Reason.NO_DATA, "an arm has no values", "Compare arms that were both seen.")
        clusters = int(self.units.max()) + 1
        if clusters * min(q, 1 - q) < _BEYOND - 1e-9:
            return _too_few(q, clusters, nested=self.nested)
        value = quantile_of_sample(self.values, q)
        below = (self.values <= value).astype(np.float64)
        return _arm(
            [
                quantile_by_group(self.units, self.weights, below, p=q, value=value, inverse=self.inverse, level=reach)
                for reach in (_SCALE, _ENDS)
            ],
            q, len(self.values), clusters, nested=self.nested,
        )  # fmt: skip


class _Binned:
    def __init__(self, arm: BinnedSample) -> None:
        self.bins, self.buckets = np.asarray(arm.bins), np.asarray(arm.buckets)
        self.weights, self.rows = np.asarray(arm.weights), arm.rows
        self.inverse = bin_inverse(self.bins, self.weights) if self.rows > 0 else None

    def arm(self, q: float) -> _Arm | Refusal:
        if self.inverse is None:
            return Refusal(Reason.NO_DATA, "an arm has no values", "Compare arms that were both seen.")
        value = quantile_of_bins(self.bins, self.weights, q)
        at, inside = cut(np.array([value]))
        below = np.where(self.bins < at[0], 1.0, np.where(self.bins == at[0], inside[0], 0.0))
        return _arm(
            [
                quantile_by_group(
                    self.buckets, self.weights, below, p=q, value=value, inverse=self.inverse, level=reach
                )
                for reach in (_SCALE, _ENDS)
            ],
            q, int(self.rows), int(self.buckets.max()) + 1, nested=True,
        )  # fmt: skip


def _too_few(q: float, clusters: int, *, nested: bool) -> Refusal:
    what = "units" if nested else "values"
    return Refusal(
        Reason.TOO_FEW_UNITS,
        f"the {100 * q:g}th percentile of an arm's {clusters:,} {what} lies too near the end for an interval",
        f"At least about {math.ceil(4 * max(q, 1 - q) / min(q, 1 - q)):,} independent values are needed; run longer, "
        "or ask for a quantile nearer the middle.",
    )


def _arm(answers: Sequence[QuantileAnswer], q: float, rows: int, clusters: int, *, nested: bool) -> _Arm | Refusal:
    answer, wide = answers
    if math.isinf(wide.low) or math.isinf(wide.high):
        return _too_few(q, clusters, nested=nested)
    error = (answer.high - answer.low) / (2 * t_quantile(_SCALE, clusters - 1))
    if error <= 0:
        return Refusal(
            Reason.NO_VARIATION,
            f"the {100 * q:g}th percentile lies inside equal values ({answer.value:g})",
            "Compare the share at or below it instead.",
        )
    return _Arm(answer.value, Spread(error**2, clusters - 1), rows, clusters if nested else rows)


def _difference(
    control: _Arm | Refusal, treatment: _Arm | Refusal, q: float, *, relative: bool, level: float, unit: str
) -> Effect | Refusal:
    if isinstance(control, Refusal):
        return control
    if isinstance(treatment, Refusal):
        return treatment
    spread = combine([control.spread, treatment.spread])
    fewest = min(control.clusters, treatment.clusters)
    checks = (
        Check("units", fewest >= _FEW, f"the smaller arm has {fewest:,} units of {control.rows:,} and "
              f"{treatment.rows:,} values; {_FEW} are asked for"),
    )  # fmt: skip
    n, step, error = control.clusters + treatment.clusters, treatment.value - control.value, math.sqrt(spread.variance)
    method = f"difference of quantiles ({100 * q:g}th percentile), Woodruff"
    if not relative:
        return effect(step, error, freedom=spread.freedom, level=level, unit=unit, n=n, method=method, checks=checks)
    return relative_effect(
        control.value, treatment.value, spreads=(control.spread, treatment.spread), freedom=spread.freedom,
        level=level, n=n, method=method, checks=checks,
    )  # fmt: skip
