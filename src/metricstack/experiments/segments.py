"""An effect in segments of units: whether they differ at all first, and only then which do."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from metricstack.core.show import Shown
from metricstack.core.values import Finding, Grade, Reason, Refusal
from metricstack.experiments.effect import Effect
from metricstack.experiments.families import Heterogeneity, heterogeneity
from metricstack.experiments.reading import Reading

__all__ = ["Segment", "Segmented", "Segments", "segmented"]

_SMALLEST_GROUP = 5


@dataclass(frozen=True, slots=True)
class Segment:
    """One segment's effect.

    Args:
        value: The value of its dimension.
        units: Units of the two arms; None where they are too few to be told.
        effect: Treatment - control in the metric's unit; or why it cannot be told.
        relative: The same as a fraction of control.
        p_adjusted: P-value of no effect here, adjusted for the number of segments (Benjamini-Hochberg).
        stands_out: It differs from the others, in a dimension whose segments differ at all.
    """

    value: str
    units: int | None
    effect: Effect | Refusal
    relative: Effect | Refusal
    p_adjusted: float | None = None
    stands_out: bool = False


@dataclass(frozen=True)
class Segmented(Shown):
    """One metric's effect by one dimension.

    Args:
        metric: Its id.
        title: Its name.
        better: ``higher``, ``lower`` or ``neither``.
        dimension: The dimension of units.
        parts: One per value, in order.
        differs: The test of all effects being one; or why it cannot be made.
    """

    metric: str
    title: str
    better: str
    dimension: str
    parts: tuple[Segment, ...]
    differs: Heterogeneity | Refusal

    @property
    def findings(self) -> tuple[Finding, ...]:
        """One finding per segment."""
        checks = () if isinstance(self.differs, Refusal) else (self.differs.check,)
        return tuple(
            Finding(
                f"What did it do to {self.title} where {self.dimension} is {part.value}?",
                part.effect if isinstance(part.effect, Refusal) else part.effect.estimate,
                self.metric, ((self.dimension, part.value),), Grade.A, checks,
            )
            for part in self.parts
        )  # fmt: skip

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "metric": self.metric,
            "dimension": self.dimension,
            "differs": self.differs.to_dict(),
            "segments": [
                {
                    "value": part.value,
                    "units": part.units,
                    "effect": part.effect.to_dict(),
                    "relative": part.relative.to_dict(),
                    "p_adjusted": part.p_adjusted,
                    "stands_out": part.stands_out,
                }
                for part in self.parts
            ],
        }


@dataclass(frozen=True)
class Segments(Shown):
    """For whom: a metric's effect by each dimension that was asked.

    Args:
        dimensions: One per dimension.
        why: Why there are none, where there are none.
    """

    dimensions: tuple[Segmented, ...] = ()
    why: str = "it was not asked by any dimension"

    def __iter__(self) -> Iterator[Segmented]:
        return iter(self.dimensions)

    def __len__(self) -> int:
        return len(self.dimensions)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """One finding per segment of each dimension."""
        return tuple(finding for one in self.dimensions for finding in one.findings)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {"dimensions": [one.to_dict() for one in self.dimensions]}


def segmented(
    reading: Reading,
    dimension: str,
    effects: Mapping[str, tuple[int, Effect | Refusal, Effect | Refusal]],
    *,
    alpha: float = 0.05,
) -> Segmented:
    """Hold the effects of segments against each other.

    Args:
        reading: The metric over all units.
        dimension: The dimension.
        effects: Value → its units, the effect and the relative effect.
        alpha: Error of the test of all, and share of false ones among segments.
    """
    found = heterogeneity([effect for _, effect, _ in effects.values()], alpha=alpha, level=1 - alpha)
    parts = []
    for i, (value, (units, effect, relative)) in enumerate(effects.items()):
        if units < _SMALLEST_GROUP:
            withheld = Refusal(
                Reason.WITHHELD, f"the segment has fewer than {_SMALLEST_GROUP} units", "Use coarser segments."
            )
            parts.append(Segment(value, None, withheld, withheld))
        elif isinstance(found, Refusal):
            parts.append(Segment(value, units, effect, relative))
        else:
            adjusted, out = found.effects_adjusted[i], found.standing_out[i]
            parts.append(Segment(value, units, effect, relative, adjusted, out))
    return Segmented(reading.metric, reading.title, reading.better, dimension, tuple(parts), found)
