"""Two versions on the same items: which is right more often, which scores higher."""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from metricstack.core.errors import InvalidInput
from metricstack.core.values import Check, Estimate, Moments, Reason, Refusal
from metricstack.experiments.effect import Effect, effect
from metricstack.experiments.samples import as_units, as_vector, check_choice, check_count, same_length
from metricstack.numerics.intervals import check_level, t_quantile, wilson
from metricstack.numerics.multiplicity import p_value

__all__ = ["paired_binary", "paired_score"]

TESTS = ("exact", "mid_p", "asymptotic", "continuity")
_FEW = 40


def paired_binary(
    *,
    control: ArrayLike | None = None,
    treatment: ArrayLike | None = None,
    both: int | None = None,
    only_control: int | None = None,
    only_treatment: int | None = None,
    neither: int | None = None,
    method: str = "tango",
    test: str = "exact",
    level: float = 0.95,
) -> Effect | Refusal:
    """Compare how often two versions succeed on the same items.

    Only items on which they differ tell them apart; taking the two columns for independent samples throws that away.

    Args:
        control: Outcome of each item with control, 0 or 1, shape (n,).
        treatment: Outcome of the same items with treatment, in the same order.
        both: Instead of the outcomes: items on which both succeed,
        only_control: only control succeeds,
        only_treatment: only treatment succeeds,
        neither: neither does.
        method: Interval of the difference: ``"tango"`` (score) or ``"newcombe"`` (square and add).
        test: McNemar's: ``"exact"``, ``"mid_p"`` (less conservative), ``"asymptotic"`` (the score test, which
            agrees with Tango's interval) or ``"continuity"`` (with Edwards' correction).
        level: Confidence level, a fraction in (0, 1).

    Returns:
        Share with treatment minus share with control (``"fraction"``), n counts items; or a refusal ``NO_DATA``
        (no item), ``NO_VARIATION`` (they differ on none: no test; the detail bounds the difference).

    Raises:
        InvalidInput: outcomes other than 0 and 1, unequal lengths, negative counts, both forms or neither given.
        UnknownName: a method or test that is not in the list.

    Derivation:
        With b and c items on which only treatment and only control succeed: given ``b + c``, b is binomial of a half.
        Tango's bounds are the differences d at which ``(b - c - n d) / sqrt(n (2 q + d (1 - d)))`` is ± z, q the
        likeliest share of control's lone successes where the difference is d, the larger root of
        ``2 n q^2 + ((2 n - b + c) d - b - c) q - c d (1 - d) = 0``.

    Source:
        McNemar (1947); Tango (1998), *Equivalence test and confidence interval for the difference in proportions for
        the paired-sample design*; Newcombe (1998), *Improved confidence intervals for the difference
        between binomial proportions based on paired data*, method 10; Fagerland, Lydersen and Laake (2013) compare.

    Example:
        Airway hyper-responsiveness of 21 children before and after transplantation (Bentur et al. 2009, as in
        Fagerland, Lydersen and Laake): the difference is -0.286, from -0.517 to -0.026.

        >>> found = paired_binary(both=1, only_treatment=1, only_control=7, neither=12, test="mid_p")
        >>> round(found.value, 3), round(found.low, 3), round(found.high, 3), round(found.p_value, 4)
        (-0.286, -0.517, -0.026, 0.0391)
    """
    check_level(level)
    check_choice("method", method, ("tango", "newcombe"))
    check_choice("test", test, TESTS)
    a, b, c, d = _table(control, treatment, (both, only_treatment, only_control, neither))
    n = a + b + c + d
    if n == 0:
        return Refusal(Reason.NO_DATA, "there are no items", "Score the same items with both versions.")
    bounds = _tango(b, c, n, level) if method == "tango" else _newcombe(a, b, c, d, level)
    if b + c == 0:
        return Refusal(
            Reason.NO_VARIATION,
            f"the versions agree on all {n:,} items; the difference lies between {bounds[0]:.3g} and {bounds[1]:.3g}",
            "Score more items, or harder ones.",
        )
    value = (b - c) / n
    low, high = min(bounds[0], value), max(bounds[1], value)
    checks = (Check("items that differ", b + c >= 10, f"{b + c:,} of {n:,} items tell the versions apart"),)
    name = f"difference of paired proportions ({method.capitalize()}), McNemar {test.replace('_', '-')}"
    return Effect(Estimate(value, "fraction", n, name, low, high, level), _mcnemar(b, c, test), checks=checks)


def _table(
    control: ArrayLike | None, treatment: ArrayLike | None, counts: tuple[int | None, ...]
) -> tuple[int, int, int, int]:
    given = [count for count in counts if count is not None]
    if control is not None and treatment is not None and not given:
        x, y = as_vector(control, "outcomes of control"), as_vector(treatment, "outcomes of treatment")
        same_length(control=x, treatment=y)
        for name, side in (("control", x), ("treatment", y)):
            odd = side[(side != 0) & (side != 1)]
            if len(odd):
                raise InvalidInput(f"The outcomes of {name} hold {odd[0]:g}; an outcome is 0 or 1. See paired_score.")
        return int(x @ y), int((1 - x) @ y), int(x @ (1 - y)), int((1 - x) @ (1 - y))
    if control is None and treatment is None and len(given) == 4:
        names = ("both", "only_treatment", "only_control", "neither")
        a, b, c, d = (check_count(count, f"items of `{name}`") for name, count in zip(names, given, strict=True))
        return a, b, c, d
    raise InvalidInput(
        "Give the outcomes of control and treatment, or the four counts both, only_control, only_treatment, neither."
    )


def _mcnemar(b: int, c: int, test: str) -> float:
    from scipy.special import bdtr
    from scipy.stats import binom

    n, fewer = b + c, min(b, c)
    if test in {"exact", "mid_p"}:
        tail = float(bdtr(float(fewer), n, 0.5))
        own = float(binom.pmf(fewer, n, 0.5))
        if test == "exact":
            return min(1.0, 2 * tail)
        return 1.0 - own if b == c else 2 * tail - own
    step = abs(b - c) - (1 if test == "continuity" else 0)
    return p_value(float(max(step, 0)), math.sqrt(n), math.inf)


def _tango(b: int, c: int, n: int, level: float) -> tuple[float, float]:
    from scipy.optimize import brentq

    z, value, edge = t_quantile(level, math.inf), (b - c) / n, 1 - 1e-12

    def distance(d: float) -> float:
        if d == value:
            return 0.0
        linear = (2 * n - b + c) * d - b - c
        q = (math.sqrt(max(linear**2 + 8 * n * c * d * (1 - d), 0.0)) - linear) / (4 * n)
        variance = n * (2 * q + d * (1 - d))
        return (b - c - n * d) / math.sqrt(max(variance, 1e-300))

    low = -1.0 if c == n else float(brentq(lambda d: distance(d) - z, -edge, value, xtol=1e-12))
    return low, 1.0 if b == n else float(brentq(lambda d: distance(d) + z, value, edge, xtol=1e-12))


def _newcombe(a: int, b: int, c: int, d: int, level: float) -> tuple[float, float]:
    n = a + b + c + d
    after, before = (a + b) / n, (a + c) / n
    (l_after, u_after), (l_before, u_before) = (wilson(share, n, level=level) for share in (after, before))
    sides = (a + b) * (c + d) * (a + c) * (b + d)
    cross = float(a * d - b * c)
    if cross > 0:
        cross = max(cross - n / 2, 0)
    phi = cross / math.sqrt(sides) if sides else 0.0
    down, up = after - l_after, u_before - before
    low = after - before - math.sqrt(max(down**2 - 2 * phi * down * up + up**2, 0.0))
    down, up = before - l_before, u_after - after
    return low, after - before + math.sqrt(max(down**2 - 2 * phi * down * up + up**2, 0.0))


def paired_score(
    *,
    control: ArrayLike | None = None,
    treatment: ArrayLike | None = None,
    pairs: Moments | None = None,
    clusters: ArrayLike | None = None,
    level: float = 0.95,
    unit: str = "1",
) -> Effect | Refusal:
    """Compare the mean score of two versions on the same items.

    Args:
        control: Score of each item with control, shape (n,).
        treatment: Score of the same items with treatment, in the same order.
        pairs: Instead of the scores: `Moments` of control and treatment (in this order), or of the differences alone.
        clusters: Group of each item (a document that several questions are about); None where items are independent.
        level: Confidence level, a fraction in (0, 1).
        unit: Unit of the scores.

    Returns:
        Mean of treatment minus control, paired t (with groups: their spread, t of groups - 1); n counts items. The
        check ``wilcoxon`` says whether the signed-rank test, which no outlier moves, comes to the same side. Or a
        refusal: ``TOO_FEW_UNITS`` (fewer than two items or groups), ``NO_VARIATION`` (all differences are equal).

    Raises:
        InvalidInput: scores that are not finite, unequal lengths, both forms or neither given.

    Source:
        Student (1908), whose table of the extra sleep of ten patients is the example; Wilcoxon (1945). With groups,
        the variance of the mean is ``g / (g - 1) / n^2`` times the squares of the groups' sums of (difference - mean).

    Example:
        >>> first = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]
        >>> second = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]
        >>> found = paired_score(control=first, treatment=second, unit="h")
        >>> round(found.value, 2), round(found.low, 4), round(found.high, 4), round(found.p_value, 6)
        (1.58, 0.7001, 2.4599, 0.002833)
    """
    check_level(level)
    if pairs is not None and control is None and treatment is None and clusters is None:
        return _of_moments(pairs, level, unit)
    if pairs is not None or control is None or treatment is None:
        raise InvalidInput("Give the scores of control and treatment (and clusters), or the moments of pairs alone.")
    x, y = as_vector(control, "scores of control"), as_vector(treatment, "scores of treatment")
    n = same_length(control=x, treatment=y)
    step = y - x
    if n < 2:
        return _few(n, "items")
    if np.ptp(step) == 0:
        return _flat(float(step[0]))
    group = np.arange(n, dtype=np.int64) if clusters is None else as_units(clusters, "clusters")
    same_length(scores=x, clusters=group)
    groups = int(group.max()) + 1
    if groups < 2:
        return _few(groups, "groups of items")
    value = float(step.mean())
    parts = np.bincount(group, weights=step - value) / n
    error = math.sqrt(float(parts @ parts) * groups / (groups - 1))
    if error == 0:
        return _flat(value)
    freedom = groups - 1
    checks = (_rank_check(step, p_value(value, error, freedom), value, level),) if clusters is None else (
        Check("clusters", groups >= _FEW, f"{groups:,} groups of items; {_FEW} are asked for"),
    )  # fmt: skip
    method = "paired t" if clusters is None else "paired differences, clustered"
    return effect(value, error, freedom=freedom, level=level, unit=unit, n=n, method=method, checks=checks)


def _few(n: int, what: str) -> Refusal:
    return Refusal(Reason.TOO_FEW_UNITS, f"there are {n} {what}; 2 are needed", "Score more items.")


def _flat(value: float) -> Refusal:
    return Refusal(
        Reason.NO_VARIATION, f"every difference is the same ({value:g})", "Score more items, or on a finer scale."
    )


def _of_moments(pairs: Moments, level: float, unit: str) -> Effect | Refusal:
    k = len(pairs.names)
    if k > 2:
        raise InvalidInput(f"The moments of pairs have {k} variables; give control and treatment, or the differences.")
    contrast: NDArray[np.float64] = np.array([1.0]) if k == 1 else np.array([-1.0, 1.0])
    if pairs.n < 2:
        return _few(pairs.n, "items")
    value, square = float(contrast @ pairs.means), float(contrast @ pairs.cross @ contrast)
    if square <= 0:
        return _flat(value)
    error = math.sqrt(square / (pairs.n - 1) / pairs.n)
    return effect(value, error, freedom=pairs.n - 1, level=level, unit=unit, n=pairs.n, method="paired t")


def _rank_check(step: NDArray[np.float64], p: float, value: float, level: float) -> Check:
    from scipy.stats import wilcoxon

    moved = step[step != 0]
    ties = len(np.unique(np.abs(moved))) < len(moved)
    method = "exact" if len(moved) <= 50 and not ties else "asymptotic"
    found = wilcoxon(moved, correction=ties, method=method)  # type: ignore[call-overload]  # its stubs lack one name
    ranks, alpha = float(found.pvalue), 1 - level
    return Check(
        "wilcoxon",
        (ranks <= alpha) == (p <= alpha),
        f"the signed-rank test of {len(moved):,} differences gives p = {ranks:.4g}, the t-test {p:.4g}",
    )
