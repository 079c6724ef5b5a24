"""Tests that an adjusted association must pass: an outcome that the cause cannot move, and a cause not yet there."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from metricstack.core.errors import InvalidInput
from metricstack.core.values import Check, Refusal
from metricstack.linkage.columns import column_names, lagged
from metricstack.linkage.linked import Linked, linked
from metricstack.linkage.panel import Effects, PanelEffect, Variance, panel_effect
from metricstack.numerics.intervals import t_quantile

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Falsification", "future_placebo", "negative_control"]

_POWER = 0.8


@dataclass(frozen=True, slots=True)
class Falsification(Linked):
    """An effect that must not be there: found, not found, or too small to be seen.

    Args:
        passed: True where none was found and one that matters would have been; False where one was found; None where
            none was found, and one that matters might have been missed.
        detectable: The smallest effect found four times in five.
        matters: The size that an effect must not have, in the same unit.
        name: Which test.
    """

    passed: bool | None = None
    detectable: float = 0.0
    matters: float | None = None
    name: str = "negative_control"

    @property
    def check(self) -> Check:
        """What it says, as a check of the effect that it is about."""
        told = f"{self.cause} on {self.outcome}: {self.value:.4g}, p = {self.p_value:.3g}; "
        told += f"at least {self.detectable:.4g} would have been seen four times in five"
        if self.matters is not None:
            told += f", {self.matters:.4g} matters"
        return Check(self.name, self.passed, told)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        names = ("passed", "detectable", "matters", "name")
        return Linked.to_dict(self) | {name: getattr(self, name) for name in names}


def _judged(found: PanelEffect, matters: float | None, name: str, level: float) -> Falsification:
    """Say whether an effect that must not be there is; its absence is worth what it could have seen."""
    error, p = found.standard_error or 0.0, found.p_value
    detectable = (t_quantile(level, found.freedom) + t_quantile(2 * _POWER - 1, found.freedom)) * error
    passed: bool | None = None
    if p is not None and p <= 1 - level:
        passed = False
    elif matters is None or detectable <= matters:
        passed = True
    return linked(
        Falsification, found, cause=found.cause, outcome=found.outcome, assumptions=found.assumptions, passed=passed,
        detectable=detectable, matters=matters, name=name,
    )  # fmt: skip


def negative_control(
    df: "pd.DataFrame",
    outcome: str,
    cause: str,
    unit: str,
    time: str | None = None,
    *,
    control: str,
    matters: float | None = None,
    covariates: str | Sequence[str] = (),
    effects: Effects = "two_way",
    cluster: str | Sequence[str] = "unit",
    variance: Variance = "auto",
    step: float = 1.0,
    level: float = 0.95,
) -> Falsification | Refusal:
    """Look for an effect on an outcome that the cause cannot move, such as the outcome before the cause.

    What hides behind the association would move such an outcome too, if it is of the same kind: choose one that shares
    the suspected confounders. Finding nothing counts only as far as something would have been found.

    Args:
        df: One row per unit and period.
        outcome: Column of the outcome that the association is about.
        cause: Column of the cause.
        unit: Column of the unit.
        time: Column of the period.
        control: Column of the outcome that the cause cannot move.
        matters: Size of an effect on the control that would put the association in doubt; None: as large, in standard
            deviations of what effects and covariates leave of each, as the association itself.
        covariates: Columns to hold fixed, as for the association.
        effects: What is absorbed.
        cluster: What rows depend by.
        variance: How the error is found.
        step: Size of the change of the cause.
        level: Confidence level, a fraction in (0, 1).

    Returns:
        The effect on the control, and whether that is a pass, a fail, or neither; or the refusal of a regression.

    Raises:
        InvalidInput: the control is the outcome itself, or as `panel_effect`.

    Source:
        Lipsitch, Tchetgen Tchetgen and Cohen (2010), *Negative controls: a tool for detecting confounding and bias in
        observational studies*. The detectable effect is ``(t_level + t_0.8) error``.

    Example:
        >>> import numpy as np, pandas as pd
        >>> rng = np.random.default_rng(1)
        >>> hidden = rng.normal(size=1000)  # moves all three
        >>> df = pd.DataFrame({"team": np.repeat(np.arange(50), 20), "x": hidden + rng.normal(size=1000)})
        >>> df["y"], df["before"] = hidden + rng.normal(size=1000), hidden + rng.normal(size=1000)
        >>> negative_control(df, "y", "x", "team", control="before", effects="unit").passed
        False
    """
    if control == outcome:
        raise InvalidInput(f"The control {control!r} is the outcome itself; name one that the cause cannot move.")
    both = []
    for name in (outcome, control):
        found = panel_effect(
            df, name, cause, unit, time, covariates=covariates, effects=effects, cluster=cluster, variance=variance,
            step=step, level=level,
        )  # fmt: skip
        if isinstance(found, Refusal):
            return found
        both.append(found)
    main, other = both
    if matters is None:
        matters = abs(main.value) * _left(other) / _left(main)
    return _judged(other, matters, "negative_control", level)


def _left(found: PanelEffect) -> float:
    """Return what is in proportion to the spread of the outcome beside what is held fixed."""
    return found.classical * math.sqrt(found.residual_freedom / found.rows / (1 - found.partial_r2))


def future_placebo(
    df: "pd.DataFrame",
    outcome: str,
    cause: str,
    unit: str,
    time: str,
    *,
    ahead: int = 1,
    matters: float | None = None,
    covariates: str | Sequence[str] = (),
    effects: Effects = "two_way",
    cluster: str | Sequence[str] = "unit",
    variance: Variance = "auto",
    step: float = 1.0,
    level: float = 0.95,
) -> Falsification | Refusal:
    """Look for an effect of the cause's future, beside its present: the outcome moves the cause, or both are foreseen.

    Args:
        df: One row per unit and period.
        outcome: Column of the outcome.
        cause: Column of the cause.
        unit: Column of the unit.
        time: Column of the period.
        ahead: How many periods ahead, 1 or more.
        matters: Size of an effect of the future that would put the association in doubt; None: the association's own.
        covariates: Columns to hold fixed beside the present cause.
        effects: What is absorbed, not ``"first_difference"``.
        cluster: What rows depend by.
        variance: How the error is found.
        step: Size of the change of the cause.
        level: Confidence level, a fraction in (0, 1).

    Returns:
        The effect of the future cause, and whether that is a pass, a fail, or neither; or a refusal.

    Raises:
        InvalidInput: periods that are not ahead, rows that repeat a unit and period, or as `panel_effect`.

    Source:
        Wooldridge (2010), section 10.7.1: the test of strict exogeneity adds the next period's cause; Granger (1969).
        With unit effects and few periods it also fails where the outcome's past moves the cause in any later period.

    Example:
        >>> import numpy as np, pandas as pd
        >>> rng = np.random.default_rng(1)
        >>> df = pd.DataFrame({"team": np.repeat(np.arange(40), 20), "week": np.tile(np.arange(20), 40)})
        >>> df["y"] = rng.normal(size=800)
        >>> df["x"] = lagged(df, "y", "team", "week").fillna(0.0) + rng.normal(size=800)  # y moves x
        >>> future_placebo(df, "y", "x", "team", "week").passed
        False
    """
    if ahead < 1:
        raise InvalidInput(f"The future is 1 period ahead or more; got {ahead}.")
    if effects == "first_difference":
        raise InvalidInput("First differences of the future are those of the present's neighbour. Choose 'two_way'.")
    options: dict[str, Any] = {
        "effects": effects, "cluster": cluster, "variance": variance, "step": step, "level": level,
    }  # fmt: skip
    main = panel_effect(df, outcome, cause, unit, time, covariates=covariates, **options)
    if isinstance(main, Refusal):
        return main
    label = f"{cause}, {ahead} ahead"
    table = df.assign(**{label: lagged(df, cause, unit, time, by=-ahead)})
    found = panel_effect(table, outcome, label, unit, time, covariates=(cause, *column_names(covariates)), **options)
    if isinstance(found, Refusal):
        return found
    size = abs(main.value) if matters is None else matters
    return _judged(replace(found, cause=label), size, "future_placebo", level)
