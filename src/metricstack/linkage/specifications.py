"""One question under every reasonable choice of what is held fixed: does the answer hang on the choice?"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from metricstack.core.errors import InvalidInput
from metricstack.core.show import Shown
from metricstack.core.values import Check, Finding, Grade, Refusal
from metricstack.experiments.effect import Effect
from metricstack.linkage.columns import column_names, lagged
from metricstack.linkage.linked import Linked
from metricstack.linkage.panel import Effects, panel_effect

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Specification", "Specifications", "specifications"]


@dataclass(frozen=True, slots=True)
class Specification:
    """One way of asking.

    Args:
        name: What differs from the first one, for a reader.
        effects: What is absorbed.
        covariates: What is held fixed.
        lag: Periods by which the cause comes before the outcome.
        cluster: What rows depend by.
        answer: What it gives.
        grade: How strong such an answer is.
    """

    name: str
    effects: str
    covariates: tuple[str, ...]
    lag: int
    cluster: tuple[str, ...]
    answer: Effect | Refusal
    grade: Grade = Grade.C

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "name": self.name, "effects": self.effects, "covariates": list(self.covariates), "lag": self.lag,
            "cluster": list(self.cluster), "grade": str(self.grade), "answer": self.answer.to_dict(),
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Specifications(Shown):
    """The same question under several specifications, the declared one first.

    Args:
        ways: The specifications.
        cause: Name of the cause.
        outcome: Name of the outcome.
    """

    ways: tuple[Specification, ...]
    cause: str
    outcome: str

    @property
    def effects(self) -> tuple[Effect, ...]:
        """The effects of those that answered."""
        return tuple(one.answer for one in self.ways if isinstance(one.answer, Effect))

    @property
    def agree(self) -> bool | None:
        """Whether all significant effects have one sign; None where fewer than two are significant."""
        sure = [found for found in self.effects if found.low is not None and found.high is not None
                and not found.low <= 0 <= found.high]  # fmt: skip
        return None if len(sure) < 2 else len({found.value > 0 for found in sure}) == 1

    @property
    def check(self) -> Check:
        """What they say together. They are looks at the same data: no p-value comes of their number."""
        values = sorted(found.value for found in self.effects)
        if not values:
            return Check("specifications", passed=None, detail=f"none of {len(self.ways)} answered")
        sure = sum(found.low is not None and found.high is not None and not found.low <= 0 <= found.high
                   for found in self.effects)  # fmt: skip
        told = (
            f"{len(values)} of {len(self.ways)} answered, from {values[0]:.4g} to {values[-1]:.4g}; {sure} significant"
        )
        return Check("specifications", self.agree, told)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """One finding for each, named by what differs."""
        return tuple(
            Finding(
                question=f"How does {self.cause} move {self.outcome}?",
                answer=one.answer.estimate if isinstance(one.answer, Effect) else one.answer,
                subject=f"{self.cause} -> {self.outcome}", where=(("specification", one.name),), grade=one.grade,
                checks=one.answer.checks if isinstance(one.answer, Effect) else (),
                assumptions=one.answer.assumptions if isinstance(one.answer, Linked) else (),
            )
            for one in self.ways
        )  # fmt: skip

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {"kind": "specifications", "cause": self.cause, "outcome": self.outcome,
                "ways": [one.to_dict() for one in self.ways]}  # fmt: skip


def specifications(
    df: "pd.DataFrame",
    outcome: str,
    cause: str,
    unit: str,
    time: str,
    *,
    covariates: str | Sequence[str] = (),
    lags: Sequence[int] = (0, 1),
    step: float = 1.0,
    outcome_unit: str = "1",
    level: float = 0.95,
) -> Specifications:
    """Ask one question in several reasonable ways: each differs from the declared one in one respect.

    The declared one has effects of units and periods, all covariates, the first lag, and clusters of units. The others
    have other effects, no covariates or one less, another lag, or clusters of periods too.

    Args:
        df: One row per unit and period.
        outcome: Column of the outcome.
        cause: Column of the cause.
        unit: Column of the unit.
        time: Column of the period.
        covariates: Columns to hold fixed.
        lags: Periods by which the cause comes before the outcome, 0 or more.
        step: Size of the change of the cause.
        outcome_unit: Unit of the outcome.
        level: Confidence level, a fraction in (0, 1).

    Returns:
        All of them, refusals included.

    Raises:
        InvalidInput: no lag or one below 0, rows that repeat a unit and period where a lag is asked for, or as
            `panel_effect`.

    Source:
        Steegen, Tuerlinckx, Gelman and Vanpaemel (2016), *Increasing transparency through a multiverse analysis*.

    Example:
        >>> import numpy as np, pandas as pd
        >>> rng = np.random.default_rng(1)
        >>> df = pd.DataFrame({"team": np.repeat(np.arange(40), 20), "week": np.tile(np.arange(20), 40)})
        >>> df["x"], df["z"] = rng.normal(size=800), rng.normal(size=800)
        >>> df["y"] = 2 * df.x + rng.normal(size=800)
        >>> found = specifications(df, "y", "x", "team", "week", covariates="z", lags=(0,))
        >>> [one.name for one in found.ways], found.agree
        (['declared', 'unit effects', 'period effects', 'no effects', 'first differences', 'without covariates', \
'clusters of periods too'], True)
    """
    chosen, offsets = column_names(covariates), tuple(lags)
    if not offsets or min(offsets) < 0 or len(set(offsets)) < len(offsets):
        raise InvalidInput(f"Lags are different whole numbers from 0; got {offsets}.")
    table = df
    for lag in offsets:
        if lag:
            table = table.assign(**{_column(cause, lag): lagged(df, cause, unit, time, by=lag)})
    first = offsets[0]

    def ask(
        name: str, *, effects: Effects = "two_way", fixed: Sequence[str] = chosen, lag: int = first,
        cluster: tuple[str, ...] = ("unit",),
    ) -> Specification:  # fmt: skip
        answer = panel_effect(
            table, outcome, _column(cause, lag), unit, time, covariates=fixed, effects=effects, cluster=cluster,
            step=step, outcome_unit=outcome_unit, level=level,
        )  # fmt: skip
        return Specification(name, effects, tuple(fixed), lag, cluster, answer)

    ways = [
        ask("declared"), ask("unit effects", effects="unit"), ask("period effects", effects="time"),
        ask("no effects", effects="none"),
    ]  # fmt: skip
    if not table.duplicated([unit, time]).any():
        ways.append(ask("first differences", effects="first_difference"))
    if chosen:
        ways.append(ask("without covariates", fixed=()))
    if len(chosen) > 1:
        ways += [ask(f"without {one}", fixed=[name for name in chosen if name != one]) for one in chosen]
    ways += [ask(f"cause {lag} period{'s' if lag > 1 else ''} before", lag=lag) for lag in offsets[1:]]
    ways.append(ask("clusters of periods too", cluster=("unit", "time")))
    return Specifications(tuple(ways), cause, outcome)


def _column(cause: str, lag: int) -> str:
    return f"{cause}, {lag} before" if lag else cause
