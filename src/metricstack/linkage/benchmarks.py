"""What a hidden confounder as strong as a named covariate would leave of an effect."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from metricstack.core.errors import InvalidInput
from metricstack.core.show import Shown
from metricstack.core.values import Finding, Refusal
from metricstack.experiments.effect import Effect, effect
from metricstack.linkage.adjusted import AdjustedEffect
from metricstack.linkage.columns import column_names
from metricstack.linkage.panel import Effects, PanelEffect, panel_effect

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Benchmarked", "Bound", "benchmark", "bounds", "of_rows"]


@dataclass(frozen=True, slots=True)
class Bound:
    """The effect beside a hidden confounder some times as strong as a covariate.

    Args:
        label: Which covariate, how many times.
        r2_cause: Most that the confounder explains of what is left of the cause, a fraction.
        r2_outcome: Most that it explains of what is left of the outcome.
        adjusted: The effect that would be left, with its interval, where the confounder works against it.
    """

    label: str
    r2_cause: float
    r2_outcome: float
    adjusted: Effect

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {"label": self.label, "r2_cause": self.r2_cause, "r2_outcome": self.r2_outcome,
                "adjusted": self.adjusted.to_dict()}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Benchmarked(Shown):
    """What hidden confounders, each some times as strong as one covariate, would leave of an effect.

    Args:
        effect: The effect as it is.
        covariate: What the confounders are compared with.
        bounds: One for each that is possible, as strong as the covariate first.
    """

    effect: Effect
    covariate: str
    bounds: tuple[Bound, ...]

    def __iter__(self) -> Iterator[Bound]:
        return iter(self.bounds)

    def __len__(self) -> int:
        return len(self.bounds)

    def __getitem__(self, at: int) -> Bound:
        return self.bounds[at]

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The effect as it is, then what each confounder would leave of it."""
        return (
            Finding("The effect as it is", self.effect.estimate, self.covariate),
            *(
                Finding(f"The effect beside a hidden confounder, {one.label}", one.adjusted.estimate, self.covariate)
                for one in self.bounds
            ),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "kind": "benchmarked", "effect": self.effect.to_dict(), "covariate": self.covariate,
            "bounds": [one.to_dict() for one in self.bounds],
        }  # fmt: skip


def of_rows(found: Effect) -> tuple[float, float]:
    """Return the standard error of an effect's regression as if rows were independent, and rows less coefficients.

    Of an effect that is neither a `PanelEffect` nor an `AdjustedEffect` they are taken to be its own.

    Raises:
        InvalidInput: there is no regression, or no standard error above 0.
    """
    plain, freedom = found.standard_error, float(found.freedom)
    if isinstance(found, PanelEffect | AdjustedEffect):
        plain, freedom = found.classical, found.residual_freedom or 0.0
    if plain is None or not plain > 0:
        raise InvalidInput(
            "A hidden confounder's share is told of a regression with a standard error above 0; this effect has none."
        )
    return plain, freedom


def bounds(
    found: Effect,
    *,
    r2_cause: float,
    r2_outcome: float,
    freedom: float | None = None,
    times: Sequence[float] = (1.0, 2.0, 3.0),
    covariate: str = "the covariate",
) -> Benchmarked:
    """Bound a hidden confounder by an observed covariate, and give what it would leave of an effect.

    Args:
        found: The effect; of a `PanelEffect`, or an `AdjustedEffect` by regression, the plain standard error gives the
            bias, its own the interval.
        r2_cause: Partial R² of the covariate with the cause, given the other covariates, a fraction below 1.
        r2_outcome: Partial R² of the covariate with the outcome, given the cause and the other covariates.
        freedom: Degrees of freedom of the regression; known of these two.
        times: How many times as strong as the covariate, with both.
        covariate: Its name.

    Returns:
        One bound for each that is possible: a confounder cannot explain more than all of the cause.

    Raises:
        InvalidInput: shares outside [0, 1), an effect without a standard error, or no degrees of freedom.

    Source:
        Cinelli and Hazlett (2020), section 4.4 and appendix B, for the bounds; section 3.2, for ``bias = error
        sqrt(freedom R2_outcome R2_cause / (1 - R2_cause))`` and the standard error ``error sqrt((1 - R2_outcome) /
        (1 - R2_cause)) sqrt(freedom / (freedom - 1))``. A clustered error is scaled likewise.

    Example:
        >>> darfur = effect(0.09731582, 0.02325654, freedom=783, n=1276, method="OLS")
        >>> female = bounds(darfur, r2_cause=0.00908107, r2_outcome=0.1093066)[0]
        >>> round(female.r2_cause, 4), round(female.r2_outcome, 3), round(female.adjusted.value, 3)
        (0.0092, 0.125, 0.075)
    """
    plain, own = of_rows(found)
    df = own if freedom is None else freedom
    if not (math.isfinite(df) and df > 1):
        raise InvalidInput(f"Bounds need the regression's degrees of freedom, above 1; got {df}.")
    if not (0 <= r2_cause < 1 and 0 <= r2_outcome < 1):
        raise InvalidInput(f"Partial R² lie between 0 and 1; got {r2_cause} and {r2_outcome}.")
    clustered = isinstance(found, PanelEffect | AdjustedEffect)
    made = []
    for k in times:
        with_cause = k * r2_cause / (1 - r2_cause)
        shared = k * r2_cause**2 / ((1 - k * r2_cause) * (1 - r2_cause)) if k * r2_cause < 1 else 1.0
        if not k > 0 or with_cause >= 1 or shared >= 1:
            continue
        factor = (math.sqrt(k) + math.sqrt(shared)) / math.sqrt(1 - shared)
        with_outcome = min(factor**2 * r2_outcome / (1 - r2_outcome), 1.0)
        bias = plain * math.sqrt(df * with_outcome * with_cause / (1 - with_cause))
        value = math.copysign(1.0, found.value) * (abs(found.value) - bias)
        error = (found.standard_error or 0.0) * math.sqrt((1 - with_outcome) / (1 - with_cause) * df / (df - 1))
        level = found.estimate.level or 0.95
        adjusted = effect(
            value, error, freedom=found.freedom if clustered else df - 1, level=level, unit=found.unit, n=found.n,
            method=f"beside a confounder {k:g} times as strong as {covariate}",
        )  # fmt: skip
        made.append(Bound(f"{k:g}x {covariate}", with_cause, with_outcome, adjusted))
    return Benchmarked(found, covariate, tuple(made))


def benchmark(
    df: "pd.DataFrame",
    outcome: str,
    cause: str,
    unit: str,
    time: str | None = None,
    *,
    against: str,
    covariates: str | Sequence[str] = (),
    times: Sequence[float] = (1.0, 2.0, 3.0),
    effects: Effects = "two_way",
    level: float = 0.95,
) -> Benchmarked | Refusal:
    """Bound a hidden confounder by a covariate of a panel, and give what it would leave of the cause's effect.

    Args:
        df: One row per unit and period.
        outcome: Column of the outcome.
        cause: Column of the cause.
        unit: Column of the unit.
        time: Column of the period.
        against: The covariate to compare with, a number; it is held fixed too.
        covariates: Other columns to hold fixed.
        times: How many times as strong.
        effects: What is absorbed, as for `panel_effect`.
        level: Confidence level.

    Returns:
        One bound for each of ``times`` that is possible; or the refusal of one of the three regressions.

    Raises:
        InvalidInput: as `panel_effect`.

    Example:
        >>> import numpy as np, pandas as pd
        >>> rng = np.random.default_rng(1)
        >>> df = pd.DataFrame({"team": np.repeat(np.arange(10), 20), "z": rng.normal(size=200)})
        >>> df["x"] = 0.3 * df.z + rng.normal(size=200)
        >>> df["y"] = df.x + 0.3 * df.z + rng.normal(size=200)
        >>> once, twice = benchmark(df, "y", "x", "team", against="z", times=(1, 2), effects="unit")
        >>> once.adjusted.value > twice.adjusted.value > 0
        True
    """
    others = [name for name in column_names(covariates) if name != against]

    def partial(y: str, x: str, fixed: Sequence[str]) -> PanelEffect | Refusal:
        return panel_effect(df, y, x, unit, time, covariates=fixed, effects=effects, level=level)

    found = partial(outcome, cause, [against, *others])
    with_cause = partial(cause, against, others)
    with_outcome = partial(outcome, against, [cause, *others])
    for one in (found, with_cause, with_outcome):
        if isinstance(one, Refusal):
            return one
    assert isinstance(found, PanelEffect)
    assert isinstance(with_cause, PanelEffect)
    assert isinstance(with_outcome, PanelEffect)
    return bounds(
        found, r2_cause=with_cause.partial_r2, r2_outcome=with_outcome.partial_r2, times=times, covariate=against
    )  # fmt: skip
