"""What units did before the experiment, taken off what they did in it: CUPED for means and ratios, and regressions."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from metricstack.core.errors import InvalidInput
from metricstack.core.values import Check, Moments, Refusal
from metricstack.experiments.adjusted import Adjusted, adjusted_of
from metricstack.experiments.arms import Arms, Sample, index_of, linear_variance, moments_of, too_few
from metricstack.experiments.lift import LiftMethod
from metricstack.experiments.ratios import linearised
from metricstack.numerics.intervals import Spread, check_level, combine

__all__ = ["arms_cuped", "cuped", "regression_adjusted", "solved"]

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]
_UNBALANCED = 0.001  # far below chance in a fair split: then the covariate was not measured before
_PER_COVARIATE = 20  # below, fitting the coefficients themselves makes the interval more than 2.5 % too short


class _Side:
    """One arm, read for an adjustment: its value, the weights that are linear in it, and its covariates."""

    def __init__(self, moments: Moments, value: float, weights: Vector, covariates: list[int]) -> None:
        self.moments, self.value, self.weights, self.at, self.n = moments, value, weights, covariates, moments.n
        self.means: Vector = moments.means[covariates]
        self.within: Matrix = moments.cross[np.ix_(covariates, covariates)]
        self.shared: Vector = (moments.cross @ weights)[covariates]

    def minus(self, theta: Vector) -> Vector:
        """Return the weights of the value after the covariates are taken off."""
        weights = self.weights.copy()
        np.subtract.at(weights, self.at, theta)
        return weights


def _sides(
    control: Sample,
    treatment: Sample,
    covariates: str | Sequence[str],
    names: tuple[str | None, str | None],
    level: float,
) -> tuple[_Side, _Side, tuple[str, ...]] | Refusal:
    a, b = moments_of(control, "control"), moments_of(treatment, "treatment")
    if a.names != b.names:
        raise InvalidInput(f"The control has the variables {a.names}, the treatment {b.names}; give both the same.")
    chosen = (covariates,) if isinstance(covariates, str) else tuple(covariates)
    if not chosen or len(set(chosen)) < len(chosen):
        raise InvalidInput(
            f"The covariates {chosen} must be named, each once: those measured before the first exposure."
        )
    outcome, denominator = names
    top = 0 if outcome is None else index_of(a, outcome)
    below = None if denominator is None else index_of(a, denominator)
    at = [index_of(a, name) for name in chosen]
    if top in at or below in at:
        raise InvalidInput(f"An outcome cannot adjust itself; the covariates are {chosen}, measured before exposure.")
    if (refusal := too_few(control=a.n, treatment=b.n)) is not None:
        return refusal
    sides = []
    for arm, moments in (("control", a), ("treatment", b)):
        weights = np.zeros(len(moments.names))
        weights[top] = 1.0
        value = float(moments.means[top])
        if below is not None:
            found = linearised(moments, top, below, arm=arm, level=level)
            if isinstance(found, Refusal):
                return found
            value, weights = found
        sides.append(_Side(moments, value, weights, at))
    return sides[0], sides[1], chosen


def solved(within: Matrix, shared: Vector) -> tuple[Vector, int]:
    """Solve for the coefficients on standardised covariates; one that does not vary gets none, twins share.

    Args:
        within: Cross-products of the covariates, shape (k, k).
        shared: Those with the outcome, shape (k,).

    Returns:
        The coefficients, shape (k,), and how many covariates say something of their own.
    """
    size = np.sqrt(np.diag(within))
    scale = np.where(size > 0, size, 1.0)
    standard = within / np.outer(scale, scale)
    theta: Vector = np.linalg.pinv(standard, rcond=1e-10, hermitian=True) @ (shared / scale) / scale
    return theta, int(np.linalg.matrix_rank(standard, tol=1e-10, hermitian=True))


def _plain(a: _Side, b: _Side) -> Arms:
    spreads = tuple(Spread(linear_variance(side.moments, side.weights) / side.n, side.n - 1) for side in (a, b))
    return Arms.independent(control=a.value, treatment=b.value, spreads=(spreads[0], spreads[1]), n=a.n + b.n)


def _checks(a: _Side, b: _Side, names: tuple[str, ...]) -> tuple[Check, ...]:
    """Check that the covariates look as in a fair split, and that there are units enough to fit them."""
    from scipy.special import chdtrc

    n, k = a.n + b.n, len(names)
    step = b.means - a.means
    pooled = a.within / max(a.n - 1, 1) / a.n + b.within / max(b.n - 1, 1) / b.n
    size = np.sqrt(np.diag(pooled))
    scale = np.where(size > 0, size, 1.0)
    standard = pooled / np.outer(scale, scale)
    inverse, rank = np.linalg.pinv(standard, rcond=1e-10, hermitian=True), np.linalg.matrix_rank(standard, tol=1e-10)
    p = float(chdtrc(max(int(rank), 1), float(step / scale @ inverse @ (step / scale))))
    worst = int(np.argmax(np.abs(step) / scale))
    balance = f"the arms' covariates differ with p = {p:.2g}, most {names[worst]!r} by {step[worst]:.4g}"
    if p < _UNBALANCED:
        balance += "; was it measured before the first exposure?"
    enough = n - 2 >= _PER_COVARIATE * k
    return (
        Check("covariates_balanced", passed=p >= _UNBALANCED, detail=balance),
        Check("units_per_covariate", passed=enough, detail=f"{n} units for {k} covariates; {_PER_COVARIATE} each"),
    )


def arms_cuped(
    *,
    control: Sample,
    treatment: Sample,
    covariates: str | Sequence[str],
    outcome: str | None = None,
    denominator: str | None = None,
    level: float = 0.95,
) -> tuple[Arms, Arms, tuple[tuple[str, float], ...], tuple[Check, ...]] | Refusal:
    """Put two arms' adjusted values side by side, with the plain ones, the coefficients and the checks.

    Args:
        control: The control arm, as `cuped` takes it.
        treatment: The treatment arm.
        covariates: Names of the covariates.
        outcome: Name of the outcome, the first variable by default.
        denominator: Name of the denominator of a ratio.
        level: Confidence level at which a denominator must be clear of zero.

    Derivation:
        Both arms are moved to the covariates' common mean, so the adjusted values share its sampling error: with e
        = y - theta x and m the mean of x over both arms, value = mean(e) + theta m. Unit by unit, ``Cov(mean(e), m)
        = Cov(e, x) / N`` and ``Var(m) = sum of n_a Var_a(x) / N²``. In the difference m cancels; a relative
        effect needs it.
    """
    read = _sides(control, treatment, covariates, (outcome, denominator), level)
    if isinstance(read, Refusal):
        return read
    a, b, names = read
    theta, rank = solved(a.within + b.within, a.shared + b.shared)
    n = a.n + b.n
    common = (a.n * a.means + b.n * b.means) / n
    shift = float(theta @ (a.within / max(a.n - 1, 1) * a.n + b.within / max(b.n - 1, 1) * b.n) @ theta) / n**2
    own, joint = [], []
    for side in (a, b):
        own.append(Spread(linear_variance(side.moments, side.minus(theta)) / side.n, side.n - 1))
        joint.append(float((side.shared - side.within @ theta) @ theta) / max(side.n - 1, 1) / n)
    freedom = combine(own).freedom * max(n - 2 - rank, 1) / max(n - 2, 1)
    adjusted = Arms(
        a.value - float(theta @ (a.means - common)),
        b.value - float(theta @ (b.means - common)),
        own[0].variance + 2 * joint[0] + shift,
        own[1].variance + 2 * joint[1] + shift,
        joint[0] + joint[1] + shift,
        freedom,
        n,
    )
    pairs = tuple((name, float(one)) for name, one in zip(names, theta, strict=True))
    return adjusted, _plain(a, b), pairs, _checks(a, b, names)


def cuped(
    *,
    control: Sample,
    treatment: Sample,
    covariates: str | Sequence[str],
    outcome: str | None = None,
    denominator: str | None = None,
    relative: bool = False,
    method: LiftMethod = "fieller",
    level: float = 0.95,
    unit: str = "1",
) -> Adjusted | Refusal:
    """Estimate the difference of two means or ratios with what units did before taken off.

    The covariates must have been measured before the first exposure: they are named one by one, none is taken by
    itself, because what the treatment may have moved would take the effect off with it. The coefficients are
    pooled *within* the arms, so that the effect itself never enters them. Their own noise is left out of the
    error, as is usual: with fewer than about 20 units per covariate more than 5 % false alarms come of it, a check
    fails, and `regression_adjusted`, which counts it, is the better answer.

    Args:
        control: Moments of outcome (and denominator) and covariates per randomised unit, or named samples.
        treatment: The same variables of the treatment.
        covariates: Names of one or several covariates measured before the first exposure.
        outcome: Name of the outcome (of a ratio: its numerator), the first variable by default.
        denominator: Name of the denominator, for a ratio of means.
        relative: As a fraction of the control's adjusted value.
        method: How a relative interval is made: ``"fieller"``, ``"log_delta"`` or ``"delta"``.
        level: Two-sided confidence level, a fraction in (0, 1).
        unit: Unit of the metric.

    Returns:
        The adjusted effect, with the plain one, the coefficients and the share of variance removed; failed checks
        say where a covariate differs between the arms (it was then hardly measured before) or units are few. Or a
        refusal ``NO_DATA``, ``TOO_FEW_UNITS``, ``NO_VARIATION``, ``UNDEFINED_RATIO``, ``MEAN_TOO_CLOSE_TO_ZERO``.

    Raises:
        InvalidInput: no covariate, the outcome among them, other variables in the arms, a level outside (0, 1).
        UnknownName: a variable or a method that is not there.

    Source:
        Deng, Xu, Kohavi & Walker (2013), WSDM, section 3: ``theta = S_xx⁻¹ S_xy`` removes the
        squared correlation of the variance. For ratios y is the linearised ratio of `ratios.linearised`.

    Example:
        >>> a = {"y": [1.0, 2.0, 4.0, 5.0], "before": [1.0, 2.0, 3.0, 4.0]}
        >>> b = {"y": [3.0, 3.0, 5.0, 6.0], "before": [1.0, 2.0, 3.0, 4.0]}
        >>> found = cuped(control=a, treatment=b, covariates="before")
        >>> round(found.value, 4), [(name, round(theta, 4)) for name, theta in found.coefficients]
        (1.25, [('before', 1.25)])
        >>> round(found.variance_reduction, 4)  # S_xy² / (S_xx S_yy) = 12.5² / (10 · 16.75)
        0.9328
    """
    check_level(level)
    found = arms_cuped(
        control=control, treatment=treatment, covariates=covariates,
        outcome=outcome, denominator=denominator, level=level,
    )  # fmt: skip
    if isinstance(found, Refusal):
        return found
    arms, plain, coefficients, checks = found
    return adjusted_of(
        arms, plain, words="CUPED" if denominator is None else "CUPED, ratio of means",
        plain_words="Welch" if denominator is None else "ratio of means, delta method",
        relative=relative, kind=method, level=level, unit=unit, coefficients=coefficients, checks=checks,
    )  # fmt: skip


def regression_adjusted(
    *,
    control: Sample,
    treatment: Sample,
    covariates: str | Sequence[str],
    outcome: str | None = None,
    relative: bool = False,
    method: LiftMethod = "fieller",
    level: float = 0.95,
    unit: str = "1",
) -> Adjusted | Refusal:
    """Estimate the difference of two means by a regression in each arm, read at the covariates' common mean.

    The same as one regression with treatment, covariates and their interactions: it never loses against the plain
    difference in large samples, also where arms are unequal in size and the covariates act differently in them.

    Args:
        control: Moments of outcome and covariates per randomised unit, or named samples.
        treatment: The same variables of the treatment.
        covariates: Names of one or several covariates measured before the first exposure.
        outcome: Name of the outcome, the first variable by default.
        relative: As a fraction of the control's adjusted mean.
        method: How a relative interval is made: ``"fieller"``, ``"log_delta"`` or ``"delta"``.
        level: Two-sided confidence level, a fraction in (0, 1).
        unit: Unit of the metric.

    Returns:
        The adjusted effect, as `cuped` gives it; or a refusal ``NO_DATA``, ``TOO_FEW_UNITS`` (an arm has fewer than
        two units more than its regression has coefficients) or ``NO_VARIATION``.

    Raises:
        InvalidInput: no covariate, the outcome among them, other variables in the arms, a level outside (0, 1).
        UnknownName: a variable or a method that is not there.

    Source:
        Lin (2013), Annals of Applied Statistics 7, 295-318, for the estimator. From moments the variance is each
        regression's own, ``s² (1 / n + d' S⁻¹ d)`` with d the distance of its covariates' mean to the common one
        and ``s²`` of ``n - 1 - k`` degrees of freedom, and, the units being a sample, that of the common mean:
        ``(theta_t - theta_c)' Var(m) (theta_t - theta_c)`` (Negi & Wooldridge 2021, Econometric Reviews 40).

    Example:
        >>> a = {"y": [1.0, 2.0, 4.0, 5.0], "before": [1.0, 2.0, 3.0, 4.0]}
        >>> b = {"y": [3.0, 3.0, 5.0, 6.0], "before": [1.0, 2.0, 3.0, 4.0]}
        >>> found = regression_adjusted(control=a, treatment=b, covariates="before")
        >>> round(found.value, 4), [round(theta, 4) for _, theta in found.coefficients]
        (1.25, [1.4, 1.1])
    """
    check_level(level)
    read = _sides(control, treatment, covariates, (outcome, None), level)
    if isinstance(read, Refusal):
        return read
    a, b, names = read
    if (refusal := too_few(control=a.n, treatment=b.n, needed=len(names) + 3)) is not None:
        return refusal
    n = a.n + b.n
    common = (a.n * a.means + b.n * b.means) / n
    spread = (a.within / (a.n - 1) * a.n + b.within / (b.n - 1) * b.n) / n**2
    values, spreads, thetas = [], [], []
    for side in (a, b):
        theta, rank = solved(side.within, side.shared)
        away = side.means - common
        freedom = side.n - 1 - rank
        left = linear_variance(side.moments, side.minus(theta)) * (side.n - 1) / freedom
        leverage = max(float(away @ solved(side.within, away)[0]), 0.0)
        values.append(side.value - float(theta @ away))
        spreads.append(Spread(left * (1 / side.n + leverage), freedom))
        thetas.append(theta)
    zero, one = thetas
    parts = [*spreads, Spread(float((one - zero) @ spread @ (one - zero)), math.inf)]
    arms = Arms(
        values[0],
        values[1],
        spreads[0].variance + float(zero @ spread @ zero),
        spreads[1].variance + float(one @ spread @ one),
        float(zero @ spread @ one),
        combine(parts).freedom,
        n,
    )
    coefficients = tuple((name, float(one)) for theta in thetas for name, one in zip(names, theta, strict=True))
    return adjusted_of(
        arms, _plain(a, b), words="regression in each arm", plain_words="Welch", relative=relative, kind=method,
        level=level, unit=unit, coefficients=coefficients, checks=_checks(a, b, names),
    )  # fmt: skip
