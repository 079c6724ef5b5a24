"""Two means: their difference (Welch) and by how much of the control one is larger (Fieller, log-delta, delta)."""

from metricstack.core.errors import InvalidInput
from metricstack.core.values import Refusal
from metricstack.experiments.arms import Arms, Sample, moments_of, pick, too_few
from metricstack.experiments.effect import Effect
from metricstack.experiments.lift import LiftMethod, difference_of, lift_of
from metricstack.numerics.intervals import Spread, check_level

__all__ = ["arms_of_means", "relative_lift", "welch"]


def arms_of_means(*, control: Sample, treatment: Sample, name: str | None = None) -> Arms | Refusal:
    """Put two arms' means side by side, each with the variance of a mean of independent units.

    Args:
        control: The control arm, one observation per randomised unit.
        treatment: The treatment arm, the same.
        name: Variable to compare, the first by default.

    Returns:
        The arms; or a refusal ``NO_DATA`` or ``TOO_FEW_UNITS``.
    """
    a, b = moments_of(control, "control"), moments_of(treatment, "treatment")
    if name is None and a.names[0] != b.names[0]:
        raise InvalidInput(f"The control measures {a.names[0]!r}, the treatment {b.names[0]!r}; name one variable.")
    a, b = pick(a, name), pick(b, name)
    if (refusal := too_few(control=a.n, treatment=b.n)) is not None:
        return refusal
    spreads = (Spread(a.variance / a.n, a.n - 1), Spread(b.variance / b.n, b.n - 1))
    return Arms.independent(control=a.mean, treatment=b.mean, spreads=spreads, n=a.n + b.n)


def welch(*, control: Sample, treatment: Sample, level: float = 0.95, unit: str = "1") -> Effect | Refusal:
    """Estimate the difference of two means, treatment minus control.

    The arms may vary differently: pooling their variances would give wrong error rates as soon as the arms differ
    in size. Holds for shares too (a mean of zeros and ones) where neither arm is rare.

    Args:
        control: The control arm: moments, or one value per randomised unit.
        treatment: The treatment arm, the same.
        level: Two-sided confidence level, a fraction in (0, 1).
        unit: Unit of the metric.

    Returns:
        The effect; or a refusal ``NO_DATA``, ``TOO_FEW_UNITS`` or ``NO_VARIATION``.

    Raises:
        InvalidInput: a level outside (0, 1), a value that is not finite or a negative variance.

    Source:
        Welch (1947), Biometrika 34: variance ``v_c / n_c + v_t / n_t``; degrees of freedom after Satterthwaite
        (1946), ``(a + b)² / (a² / (n_c - 1) + b² / (n_t - 1))`` of its two parts a and b.

    Example:
        >>> from metricstack.core.values import Moments
        >>> found = welch(control=Moments.of(400, 10.0, 4.0), treatment=Moments.of(400, 10.5, 4.0))
        >>> round(found.value, 4), round(found.standard_error, 4), round(found.p_value, 5)
        (0.5, 0.1414, 0.00043)
    """
    check_level(level)
    arms = arms_of_means(control=control, treatment=treatment)
    return arms if isinstance(arms, Refusal) else difference_of(arms, level=level, unit=unit, method="Welch")


def relative_lift(
    *, control: Sample, treatment: Sample, method: LiftMethod = "fieller", level: float = 0.95
) -> Effect | Refusal:
    """Estimate how much larger the treatment's mean is, as a fraction of the control's.

    Fieller's interval holds every ratio that the two means do not contradict: it leaves out 0 exactly where
    Welch's p-value is below ``1 - level``, so that the two scales never disagree. The log-delta interval is
    symmetric on the log scale, so that swapping the arms gives the reciprocal and no bound falls below -100 %.
    The delta method's is symmetric around the lift and the weakest of the three when the control is noisy.

    Args:
        control: The control arm: moments, or one value per randomised unit.
        treatment: The treatment arm, the same.
        method: ``"fieller"``, ``"log_delta"`` or ``"delta"``.
        level: Two-sided confidence level, a fraction in (0, 1).

    Returns:
        The effect, whose unit is ``"fraction"`` (0.05 means +5 % of the control's size) and whose p-value is that
        of the absolute difference; a standard error only where the interval is symmetric (delta). Or a refusal
        ``NO_DATA``, ``TOO_FEW_UNITS``, ``NO_VARIATION``, ``MEAN_TOO_CLOSE_TO_ZERO`` or, for the logarithm of a
        mean that is not positive, ``UNDEFINED_RATIO``.

    Raises:
        UnknownName: an unknown method.
        InvalidInput: a level outside (0, 1), a value that is not finite or a negative variance.

    Source:
        Fieller (1954), J. R. Statist. Soc. B 16, 175-185; the log's and the ratio's first-order variances are
        ``v_t / (n_t m_t²) + v_c / (n_c m_c²)``, times ``(m_t / m_c)²`` for the ratio.

    Example:
        >>> from metricstack.core.values import Moments
        >>> lift = relative_lift(
        ...     control=Moments.of(400, 10.0, 4.0), treatment=Moments.of(400, 11.0, 4.0), method="log_delta"
        ... )
        >>> f"{lift.value:.3f} [{lift.low:.3f}, {lift.high:.3f}]"
        '0.100 [0.071, 0.130]'
    """
    check_level(level)
    arms = arms_of_means(control=control, treatment=treatment)
    return arms if isinstance(arms, Refusal) else lift_of(arms, kind=method, level=level, method="Welch")
