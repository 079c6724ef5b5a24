"""Post-stratification: the arms compared within each stratum, and the strata put together by their size."""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from metricstack.core.errors import InvalidInput
from metricstack.core.values import Moments, Refusal
from metricstack.experiments.adjusted import Adjusted, adjusted_of
from metricstack.experiments.arms import Arms, Sample, moments_of, pick, too_few
from metricstack.experiments.lift import LiftMethod
from metricstack.experiments.means import arms_of_means
from metricstack.numerics.intervals import Spread, check_level, combine

__all__ = ["arms_in_strata", "post_stratified"]


def _weights(known: Mapping[str, float], strata: list[str]) -> list[float]:
    if set(known) != set(strata):
        raise InvalidInput(f"The weights name {sorted(known)}, the arms the strata {sorted(strata)}; name the same.")
    shares = [float(known[stratum]) for stratum in strata]
    if not all(share > 0 for share in shares) or abs(math.fsum(shares) - 1) > 1e-9:
        raise InvalidInput(f"The weights {dict(known)} must each be above 0 and add up to 1.")
    return shares


def arms_in_strata(strata: Sequence[Arms], weights: Sequence[float] | None = None) -> Arms:
    """Put the arms of strata together, weighted by size.

    Args:
        strata: The two arms in each stratum.
        weights: Known share of each stratum, adding up to 1; None estimates them by the units of both arms.

    Returns:
        The arms over all strata; degrees of freedom after Welch and Satterthwaite.

    Derivation:
        As `post_stratified`; the difference within a stratum has its own degrees of freedom.
    """
    if len(strata) == 1:
        return strata[0]
    units = np.array([part.n for part in strata], dtype=np.float64)
    n = int(units.sum())
    share = units / n if weights is None else np.array(weights)
    value = np.array([[part.control for part in strata], [part.treatment for part in strata]])
    mean = value @ share
    away = value - mean[:, None]
    between = (away * share) @ away.T / n if weights is None else np.zeros((2, 2))
    square = share**2
    own = [
        float(square @ np.array([getattr(part, name) for part in strata]))
        for name in ("variance_control", "variance_treatment", "covariance")
    ]
    parts = [Spread(float(w) * part.error**2, part.freedom) for w, part in zip(square, strata, strict=True)]
    if weights is None:
        parts.append(Spread(float(between[0, 0] + between[1, 1] - 2 * between[0, 1]), n - 1))
    return Arms(
        float(mean[0]), float(mean[1]), own[0] + float(between[0, 0]), own[1] + float(between[1, 1]),
        own[2] + float(between[0, 1]), combine(parts).freedom, n,
    )  # fmt: skip


def post_stratified(
    *,
    control: Mapping[str, Sample],
    treatment: Mapping[str, Sample],
    weights: Mapping[str, float] | None = None,
    relative: bool = False,
    method: LiftMethod = "fieller",
    level: float = 0.95,
    unit: str = "1",
) -> Adjusted | Refusal:
    """Estimate the difference of two means within strata fixed before the experiment, weighted by their size.

    Chance puts more large customers into one arm; comparing within strata takes that out. Without known weights
    the strata's shares are those of both arms together, themselves a sample: where the effect differs between
    strata, that adds to the variance.

    Args:
        control: Stratum → the control's units in it: moments, or one value per unit.
        treatment: Stratum → the treatment's, the same strata.
        weights: Stratum → its known share of the population, adding up to 1; None estimates them.
        relative: As a fraction of the control's stratified mean.
        method: How a relative interval is made: ``"fieller"``, ``"log_delta"`` or ``"delta"``.
        level: Two-sided confidence level, a fraction in (0, 1).
        unit: Unit of the metric.

    Returns:
        The adjusted effect, with the plain one and the share of variance removed; or a refusal ``NO_DATA`` or
        ``TOO_FEW_UNITS`` (naming the stratum), ``NO_VARIATION``, ``MEAN_TOO_CLOSE_TO_ZERO``, ``UNDEFINED_RATIO``.

    Raises:
        InvalidInput: no strata, other strata in the arms, weights that do not fit, or a level outside (0, 1).
        UnknownName: an unknown method.

    Derivation:
        ``sum of W_k² (v_tk / n_tk + v_ck / n_ck)``; with estimated weights W_k, multinomial of N units, another
        ``sum of W_k (d_k - d)² / N``, and the same of the arms' means for their own variances and covariance.

    Source:
        Miratrix, Sekhon & Yu (2013), J. R. Statist. Soc. B 75, 369-396: the estimator, and its variance given how
        many units of each stratum went to each arm.

    Example:
        >>> a = {"new": Moments.of(50, 1.0, 1.0), "old": Moments.of(50, 5.0, 1.0)}
        >>> b = {"new": Moments.of(50, 1.5, 1.0), "old": Moments.of(50, 5.5, 1.0)}
        >>> found = post_stratified(control=a, treatment=b)
        >>> round(found.value, 4), round(found.standard_error, 4)  # (½² · (1/50 + 1/50) · 2)^½
        (0.5, 0.1414)
    """
    check_level(level)
    if not control or set(control) != set(treatment):
        raise InvalidInput(
            f"The control has the strata {sorted(control)}, the treatment {sorted(treatment)}; give both the same, "
            "and merge a stratum that one arm lacks into another."
        )
    strata = list(control)
    a = [pick(moments_of(control[stratum], f"control in {stratum!r}"), None) for stratum in strata]
    b = [pick(moments_of(treatment[stratum], f"treatment in {stratum!r}"), None) for stratum in strata]
    for stratum, zero, one in zip(strata, a, b, strict=True):
        if (refusal := too_few(control=zero.n, treatment=one.n)) is not None:
            return Refusal(refusal.reason, f"in stratum {stratum!r} {refusal.detail}", "Merge it into another stratum.")
    parts = [arms_of_means(control=zero, treatment=one) for zero, one in zip(a, b, strict=True)]
    arms = arms_in_strata(
        [part for part in parts if isinstance(part, Arms)],
        None if weights is None else _weights(weights, strata),
    )
    plain = arms_of_means(control=_merged(a), treatment=_merged(b))
    words = "post-stratified" if weights is None else "post-stratified, known weights"
    return adjusted_of(
        arms, plain, words=words, plain_words="Welch", relative=relative, kind=method, level=level, unit=unit
    )  # fmt: skip


def _merged(strata: list[Moments]) -> Moments:
    whole = Moments(strata[0].n, strata[0].means, strata[0].cross)
    for part in strata[1:]:
        whole = whole.merge(Moments(part.n, part.means, part.cross))
    return whole
