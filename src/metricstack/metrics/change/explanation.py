"""What `explain` returns: why a metric moved, by dimension, in parts that add up to the change."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from metricstack.core.errors import UnknownName
from metricstack.core.show import Shown
from metricstack.core.values import Check, Estimate, Finding, Refusal
from metricstack.core.windows import Window
from metricstack.metrics.model import Definition
from metricstack.numerics.change import Change

__all__ = ["Breakdown", "Explanation", "GroupShift", "window_dict"]


@dataclass(frozen=True, slots=True)
class GroupShift:
    """What one group did to the change.

    Args:
        where: Dimension → value.
        shift: All that it changed; the shifts of all groups add up to the change.
        parts: Kind (``rate``, ``mix``, ``volume``, ``new``, ``vanished``) → its part of the shift, where not 0.
    """

    where: tuple[tuple[str, str], ...]
    shift: Finding
    parts: tuple[tuple[str, Finding], ...]

    @property
    def name(self) -> str:
        """The group for a reader: its values."""
        return " · ".join(value for _, value in self.where)


@dataclass(frozen=True, slots=True)
class Breakdown:
    """A change by one dimension, or by several jointly.

    Args:
        by: The dimensions.
        parts: Kind → what all groups changed in that way; they add up to the change. Empty where refused.
        groups: The largest shift first.
        concentration: 0 to 1: how much of all shifts goes beyond what each group's share of the whole would
            have made it, each taken one standard error nearer. 0 = everybody moved alike.
        checks: Simpson's reversal, rates without a value.
        refusal: Why this dimension cannot explain the change, None where it does.
    """

    by: tuple[str, ...]
    parts: tuple[tuple[str, Finding], ...] = ()
    groups: tuple[GroupShift, ...] = ()
    concentration: float = 0.0
    checks: tuple[Check, ...] = ()
    refusal: Finding | None = None

    @property
    def name(self) -> str:
        """The dimensions for a reader."""
        return " × ".join(self.by)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The parts, then each group's shift; or the one refusal."""
        if self.refusal is not None:
            return (self.refusal,)
        return (*(finding for _, finding in self.parts), *(group.shift for group in self.groups))

    def part(self, kind: str) -> Finding:
        """Return one part of the change.

        Raises:
            UnknownName: this breakdown has no such part.
        """
        for name, finding in self.parts:
            if name == kind:
                return finding
        raise UnknownName(f"part of the change by {self.name}", kind, [name for name, _ in self.parts])


@dataclass(frozen=True, slots=True)
class Explanation(Shown):
    """Why a metric moved between two windows.

    Args:
        metric: Its id.
        definition: Its definition.
        before: The earlier window.
        after: The later window.
        change: Both values and their difference with its interval.
        breakdowns: One per dimension, the one that concentrates the change first; several jointly come last.
        total: The difference as a finding.
    """

    metric: str
    definition: Definition
    before: Window
    after: Window
    change: Change
    breakdowns: tuple[Breakdown, ...]
    total: Finding

    def __iter__(self) -> Iterator[Breakdown]:
        return iter(self.breakdowns)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The difference, then each breakdown's parts and groups."""
        return (self.total, *(finding for part in self.breakdowns for finding in part.findings))

    @property
    def checks(self) -> tuple[Check, ...]:
        """What was checked of the difference and of each breakdown."""
        return (*self.total.checks, *(check for part in self.breakdowns for check in part.checks))

    def by(self, *dimensions: str) -> Breakdown:
        """Return the breakdown by a dimension, or by several jointly.

        Raises:
            UnknownName: it was not asked.
        """
        for part in self.breakdowns:
            if set(part.by) == set(dimensions):
                return part
        known = [part.name for part in self.breakdowns]
        raise UnknownName("breakdown", " × ".join(dimensions), known)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "metric": self.metric,
            "before": window_dict(self.before),
            "after": window_dict(self.after),
            "change": self.change.to_dict(),
            "total": self.total.to_dict(),
            "breakdowns": [
                {
                    "by": list(part.by),
                    "concentration": None if part.refusal is not None else part.concentration,
                    "parts": {kind: finding.answer.to_dict() for kind, finding in part.parts},
                    "groups": [
                        {
                            "where": dict(group.where),
                            "shift": group.shift.answer.to_dict(),
                            "parts": {kind: finding.answer.to_dict() for kind, finding in group.parts},
                        }
                        for group in part.groups
                    ],
                    "checks": [check.to_dict() for check in part.checks],
                    "refusal": None if part.refusal is None else part.refusal.answer.to_dict(),
                }
                for part in self.breakdowns
            ],
        }

    def shifts(self) -> tuple[tuple[str, float], ...]:
        """Return the parts of the change by the first breakdown that has them: kind and size, zero parts left out."""
        for part in self.breakdowns:
            if part.refusal is None:
                sizes = [(kind, finding.answer) for kind, finding in part.parts]
                return tuple((kind, a.value) for kind, a in sizes if isinstance(a, Estimate) and a.value != 0)
        return ()

    @property
    def refused(self) -> Refusal | None:
        """Why the change itself cannot be said, None where it can."""
        return self.change.difference if isinstance(self.change.difference, Refusal) else None


def window_dict(window: Window) -> dict[str, str]:
    """Return a window as plain JSON values."""
    return {"name": window.name, "start": window.start.isoformat(), "end": window.end.isoformat()}
