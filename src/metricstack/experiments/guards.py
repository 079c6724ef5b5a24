"""Guards of the split: are the arms as large as they were meant to be, and alike before the start?"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from metricstack.core.errors import InvalidInput, UnknownName
from metricstack.core.values import Check, Moments, Reason, Refusal
from metricstack.numerics.intervals import check_alpha

__all__ = ["Balance", "SampleRatio", "balance", "sample_ratio"]

Vector = NDArray[np.float64]
_METHODS = ("chi_square", "exact", "sequential")
_OUTCOMES = 2_000_000  # of an exact test


@dataclass(frozen=True, slots=True)
class SampleRatio:
    """Whether units were split as declared.

    Args:
        p_value: Of the split that was declared; for the sequential method valid at any time.
        statistic: Chi-square; chance of the counts seen for the exact method; log of the Bayes factor for the
            sequential one.
        freedom: Arms with weight, less one.
        expected: Units expected in each arm.
        deviation: The largest ``|count / expected - 1|`` of an arm, ``inf`` where an arm without weight has units.
        mismatch: The p-value is below alpha *and* the deviation above the tolerance: nothing may be read.
        method: Which test.
        n: Units of all arms.
    """

    p_value: float
    statistic: float
    freedom: int
    expected: tuple[float, ...]
    deviation: float
    mismatch: bool
    method: str
    n: int

    @property
    def check(self) -> Check:
        """The verdict as a check."""
        off = "an arm without weight has units" if math.isinf(self.deviation) else (
            f"an arm is off by {100 * self.deviation:.2f} % of itself"
        )  # fmt: skip
        return Check("sample_ratio", passed=not self.mismatch, detail=f"p = {self.p_value:.3g}; {off}; n = {self.n:,}")

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "kind": "sample_ratio", "p_value": self.p_value, "freedom": self.freedom, "n": self.n,
            "statistic": self.statistic if math.isfinite(self.statistic) else None, "expected": list(self.expected),
            "deviation": self.deviation if math.isfinite(self.deviation) else None, "mismatch": self.mismatch,
            "method": self.method,
        }  # fmt: skip


def sample_ratio(
    counts: ArrayLike,
    shares: Sequence[float] | None = None,
    method: str = "chi_square",
    *,
    alpha: float = 0.001,
    tolerance: float = 0.01,
    concentration: float | Sequence[float] = 10_000.0,
) -> SampleRatio | Refusal:
    """Test whether units were split between arms as declared.

    A broken split is a broken experiment: who is missing is seldom missing at random. With millions of units a
    split may be off significantly and harmlessly, so a mismatch must be both rare by chance and large.

    Args:
        counts: Units of each arm, shape (arms,). For the sequential method also cumulative counts, one row a look,
            shape (looks, arms): its p-value is then the smallest so far.
        shares: Declared weight of each arm, in the same order, not negative; they need not add up to 1. None for
            equal weights.
        method: ``"chi_square"``; ``"exact"`` (multinomial, for few units); or ``"sequential"``, which may be watched
            every day.
        alpha: The p-value below which chance is ruled out.
        tolerance: How far an arm may be off, as a fraction of its expected units.
        concentration: Of the sequential method's prior, in units: how near to the declared shares the true ones are
            thought to be where the split is broken. 10,000 stands for about 0.5 points around 50 %. Several are
            given equal odds: then large breaks are found early, and small ones late.

    Returns:
        The verdict; or a refusal with reason ``NO_DATA`` (no unit yet) or ``TOO_FEW_UNITS`` (fewer than 5 expected
        in an arm, for chi-square).

    Raises:
        InvalidInput: negative or broken counts, weights that are negative or fewer than two above 0, unequal lengths,
            cumulative counts that fall, or an exact test of too many outcomes.
        UnknownName: a method that is not known.

    Source:
        Pearson's chi-square. Exact: the chance of all outcomes that are no likelier than the one seen. Sequential:
        Lindon and Malek (2022), *Anytime-valid inference for multinomial count data*, NeurIPS: the
        Bayes factor of a Dirichlet prior, ``B(a + x) / B(a) / prod(share^x)``, is a martingale where the shares hold,
        so that 1 over it is an always-valid p-value (Ville).

    Example:
        >>> found = sample_ratio([821588, 815482], [0.5, 0.5])  # chi-square 6106^2 / 1637070
        >>> round(found.statistic, 3), found.p_value < 1e-5, found.mismatch  # off by 0.37 % only
        (22.774, True, False)
    """
    if method not in _METHODS:
        raise UnknownName("method", method, _METHODS)
    for name, value in (("alpha", alpha), ("tolerance", tolerance)):
        if not 0 < value < 1:
            raise InvalidInput(f"The {name} {value} is outside (0, 1).")
    priors = (concentration,) if isinstance(concentration, int | float) else tuple(concentration)
    if not priors or not all(math.isfinite(one) and one > 0 for one in priors):
        raise InvalidInput(f"The concentration {concentration} is not above 0.")
    rows = _counts(counts, sequential=method == "sequential")
    weights = _weights(shares, rows.shape[1])
    now, n = rows[-1], int(rows[-1].sum())
    if n == 0:
        return Refusal(Reason.NO_DATA, "no arm has a unit", "Check that assignments are recorded.")
    arms = weights > 0
    expected = weights * n
    stray = bool(now[~arms].any())
    deviation = math.inf if stray else float(np.abs(now[arms] / expected[arms] - 1).max())
    if stray:
        p, statistic = 0.0, math.inf
    elif method == "chi_square":
        if expected[arms].min() < 5:
            return Refusal(
                Reason.TOO_FEW_UNITS, f"an arm has {expected[arms].min():.1f} expected units; chi-square needs 5",
                "Use method='exact', or wait.",
            )  # fmt: skip
        p, statistic = _chi_square(now[arms], expected[arms])
    elif method == "exact":
        p, statistic = _exact(now[arms], weights[arms])
    else:
        each = np.stack([_log_factor(rows[:, arms], weights[arms], one) for one in priors])
        evidence = np.logaddexp.reduce(each, axis=0) - math.log(len(priors))
        p, statistic = math.exp(-max(float(evidence.max()), 0.0)), float(evidence[-1])
    mismatch = p < alpha and deviation > tolerance
    plain = tuple(float(value) for value in expected)
    return SampleRatio(p, statistic, int(arms.sum()) - 1, plain, deviation, mismatch, method, n)


def _counts(counts: ArrayLike, *, sequential: bool) -> Vector:
    rows = np.asarray(counts, dtype=np.float64)
    if rows.ndim == 1 and len(rows):
        rows = rows[None, :]
    if rows.ndim != 2 or not rows.size or (len(rows) > 1 and not sequential):
        raise InvalidInput("Counts are one number per arm; rows of cumulative counts go with method='sequential'.")
    if not np.isfinite(rows).all() or (rows < 0).any() or (rows != np.floor(rows)).any():
        raise InvalidInput(f"Counts are whole numbers, 0 or more; got {rows[-1].tolist()}.")
    if (np.diff(rows, axis=0) < 0).any():
        raise InvalidInput("Cumulative counts never fall. Give the units so far at each look, not those of the day.")
    return rows


def _weights(shares: Sequence[float] | None, arms: int) -> Vector:
    weights = np.ones(arms) if shares is None else np.asarray(shares, dtype=np.float64)
    if weights.shape != (arms,):
        raise InvalidInput(f"There are {arms} counts and {weights.size} shares; one share per arm is needed.")
    if not np.isfinite(weights).all() or (weights < 0).any() or (weights > 0).sum() < 2:
        raise InvalidInput(f"Shares are 0 or more, at least two of them above 0; got {weights.tolist()}.")
    return np.asarray(weights / weights.sum(), dtype=np.float64)


def _chi_square(counts: Vector, expected: Vector) -> tuple[float, float]:
    from scipy.special import chdtrc

    statistic = float(((counts - expected) ** 2 / expected).sum())
    return float(chdtrc(len(counts) - 1, statistic)), statistic


def _exact(counts: Vector, weights: Vector) -> tuple[float, float]:
    from scipy.special import gammaln, xlogy

    n, k = int(counts.sum()), len(counts)
    if math.comb(n + k - 1, k - 1) > _OUTCOMES:
        raise InvalidInput(f"An exact test of {n:,} units in {k} arms has too many outcomes; use method='chi_square'.")
    outcomes = _compositions(n, k)

    def log_chance(x: Vector) -> Vector:
        return np.asarray(gammaln(n + 1) + (xlogy(x, weights) - gammaln(x + 1)).sum(axis=-1), dtype=np.float64)

    chances, seen = np.exp(log_chance(outcomes)), float(np.exp(log_chance(counts)))
    return min(float(chances[chances <= seen * (1 + 1e-7)].sum()), 1.0), seen


def _compositions(n: int, k: int) -> Vector:
    """List every way to put n units into k arms, shape (ways, k)."""
    if k == 1:
        return np.array([[float(n)]])
    if k == 2:
        ones = np.arange(n + 1, dtype=np.float64)
        return np.stack([ones, n - ones], axis=1)
    parts = []
    for first in range(n + 1):
        rest = _compositions(n - first, k - 1)
        parts.append(np.column_stack([np.full(len(rest), float(first)), rest]))
    return np.concatenate(parts)


def _log_factor(rows: Vector, weights: Vector, concentration: float) -> Vector:
    """Return the log Bayes factor at each look, shape (looks,)."""
    from scipy.special import gammaln

    prior = concentration * weights
    n = rows.sum(axis=1)
    arms = (gammaln(prior + rows) - gammaln(prior) - rows * np.log(weights)).sum(axis=1)
    return np.asarray(arms + gammaln(concentration) - gammaln(concentration + n), dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Balance:
    """Whether the arms were alike before the start.

    Args:
        differences: Of each covariate, treatment minus control in pooled standard deviations; infinite where it is
            a constant in each arm and not the same one.
        p_value: Of no difference in any, jointly.
        statistic: F.
        freedom: Its degrees of freedom.
        balanced: The p-value is at least alpha.
        n: Units of both arms.
    """

    differences: tuple[tuple[str, float], ...]
    p_value: float
    statistic: float
    freedom: tuple[int, int]
    balanced: bool
    n: int

    @property
    def check(self) -> Check:
        """The verdict as a check."""
        name, size = max(self.differences, key=lambda pair: abs(pair[1]))
        note = f"joint p = {self.p_value:.3g}; the largest is {name}, {size:+.3f} standard deviations"
        return Check("balance", passed=self.balanced, detail=note)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "kind": "balance", "p_value": self.p_value, "balanced": self.balanced, "n": self.n,
            "differences": {name: size if math.isfinite(size) else None for name, size in self.differences},
            "statistic": self.statistic if math.isfinite(self.statistic) else None, "freedom": list(self.freedom),
        }  # fmt: skip


def balance(*, control: Moments, treatment: Moments, alpha: float = 0.001) -> Balance | Refusal:
    """Test whether the arms were alike before the start, in all covariates at once.

    One test of all keeps its error whatever their number; covariate by covariate, one of many always stands out.

    Args:
        control: Joint moments of the covariates before the start, one observation per unit.
        treatment: The same of the treatment arm.
        alpha: The p-value below which the arms are not alike.

    Returns:
        Standardised differences and the joint test; or a refusal with reason ``TOO_FEW_UNITS`` (no more units than
        covariates) or ``NO_VARIATION``.

    Raises:
        InvalidInput: arms with different covariates, or alpha outside (0, 1).

    Source:
        Hotelling (1931): ``T^2 = d' S^-1 d / (1/n0 + 1/n1)`` with S the pooled covariance; ``T^2 (N - k - 1) /
        (k (N - 2))`` is F(k, N - k - 1). Covariates that others determine leave the rank, which takes k's place.
        Differences by the root of the mean variance of the arms, Austin (2009).

    Example:
        >>> a, b = Moments.of(50, 10.0, 4.0), Moments.of(50, 10.5, 4.0)
        >>> found = balance(control=a, treatment=b)  # t = 0.5 / 0.4 = 1.25, F = t^2
        >>> found.differences, round(found.statistic, 4), found.freedom, round(found.p_value, 4)
        ((('value', 0.25),), 1.5625, (1, 98), 0.2143)
    """
    from scipy.special import fdtrc

    if control.names != treatment.names:
        raise InvalidInput(f"The arms have different covariates: {control.names} and {treatment.names}.")
    check_alpha(alpha, usual=0.001)
    n, smaller = control.n + treatment.n, min(control.n, treatment.n)
    if smaller < 2 or n <= len(control.names) + 1:
        return Refusal(
            Reason.TOO_FEW_UNITS, f"{n} units, {smaller} in the smaller arm, for {len(control.names)} covariates",
            "Wait for more units, or test fewer covariates.",
        )  # fmt: skip
    pooled = (control.cross + treatment.cross) / (n - 2)
    spread = np.sqrt(np.diag(pooled))
    if not (spread > 0).any():
        return Refusal(Reason.NO_VARIATION, "no covariate varies within the arms", "Test covariates that vary.")
    gap = treatment.means - control.means
    varies = spread > 0
    scaled = gap[varies] / spread[varies]
    # On the scale of correlations, directions without variance are recognised whatever the units.
    values, vectors = np.linalg.eigh(pooled[np.ix_(varies, varies)] / np.outer(spread[varies], spread[varies]))
    kept = values > 1e-10 * values.max()
    k = int(kept.sum())
    square = float((((vectors.T @ scaled)[kept]) ** 2 / values[kept]).sum() / (1 / control.n + 1 / treatment.n))
    statistic = square * (n - k - 1) / (k * (n - 2))
    p = float(fdtrc(k, n - k - 1, statistic))
    if (gap[~varies] != 0).any():  # a constant that differs between arms is no chance
        p, statistic = 0.0, math.inf
    within = np.sqrt((np.diag(control.cross) / (control.n - 1) + np.diag(treatment.cross) / (treatment.n - 1)) / 2)
    sizes = np.divide(gap, within, out=np.where(gap == 0, 0.0, np.copysign(np.inf, gap)), where=within > 0)
    differences = tuple((name, float(size)) for name, size in zip(control.names, sizes, strict=True))
    return Balance(differences, p, statistic, (k, n - k - 1), p >= alpha, n)
