"""What one change did to the effect over what it did to the cause, for one step of the cause."""

from dataclasses import dataclass

from metricstack.core.values import Estimate
from metricstack.experiments.effect import Effect
from metricstack.linkage.slopes import inverted
from metricstack.numerics.intervals import t_quantile
from metricstack.numerics.multiplicity import p_value

__all__ = ["PerStep", "covariance_from_sum"]


@dataclass(frozen=True)
class PerStep:
    """A quotient of two effects, with intervals of any level.

    Args:
        cause: What the change did to the cause, with its standard error.
        outcome: What it did to the effect.
        together: Sampling covariance of the two.
        step: The named step of the cause.
        unit: Unit of the effect.
        method: What is told of the quotient.
    """

    cause: Effect
    outcome: Effect
    together: float
    step: float
    unit: str
    method: str

    def at(self, level: float) -> Effect:
        """Return it with the interval of a level.

        Source:
            Fieller (1954); no effect per step is rejected exactly where the change did nothing to the outcome.
        """
        above, below, step = self.outcome, self.cause, self.step
        assert above.standard_error is not None
        assert below.standard_error is not None
        freedom = min(above.freedom, below.freedom)
        variances = ((above.standard_error * step) ** 2, below.standard_error**2, self.together * step)
        pieces = inverted(above.value * step, below.value, variances, t_quantile(level, freedom))
        estimate = Estimate(
            above.value * step / below.value, self.unit, above.n, self.method, pieces[0][0], pieces[-1][1], level,
            pieces if len(pieces) > 1 else (),
        )  # fmt: skip
        return Effect(estimate, p_value(above.value, above.standard_error, above.freedom), None, freedom)


def covariance_from_sum(outcome: float, cause: float, both: float, factor: float) -> float:
    """Return the covariance of two estimates from their standard errors and that of ``outcome + factor * cause``.

    Example:
        >>> covariance_from_sum(1.0, 1.0, 2.0, 1.0)  # variances 1 and 1, of the sum 4
        1.0
    """
    most = outcome * cause  # errors that were estimated apart may say more than two errors allow
    found = (both**2 - outcome**2 - (factor * cause) ** 2) / (2 * factor)
    return max(-most, min(most, found))
