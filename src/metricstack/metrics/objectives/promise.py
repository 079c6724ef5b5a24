"""What `objectives` returns: what is kept of each promise, what is left of its budget, how fast it burns."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from metricstack.core.errors import UnknownName
from metricstack.core.show import Shown
from metricstack.core.values import Estimate, Finding
from metricstack.core.windows import Window
from metricstack.metrics.change.explanation import window_dict
from metricstack.telemetry.promises import Objective

__all__ = ["BurnAlert", "Kept", "ObjectivePanel"]


@dataclass(frozen=True, slots=True)
class BurnAlert:
    """One pair of windows: the long one shows that it matters, the short one that it goes on.

    Args:
        threshold: Burn rate above which both must be; 1 = the budget lasts exactly the objective's window.
        long: Burn rate of the long window.
        short: Burn rate of the short window.
        firing: Both are above; None where one cannot say.
    """

    threshold: float
    long: Finding
    short: Finding
    firing: bool | None

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "threshold": self.threshold, "firing": self.firing,
            "long": self.long.to_dict(), "short": self.short.to_dict(),
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Kept:
    """One objective, now.

    Args:
        objective: What was promised.
        window: The time that it is about.
        attainment: The share kept.
        left: Share of the error budget that is left; below 0 it is overspent.
        burn: Burn rate over the whole window: 1 = exactly all of the budget.
        alerts: The pairs of windows, the fastest burn first.
    """

    objective: Objective
    window: Window
    attainment: Finding
    left: Finding
    burn: Finding
    alerts: tuple[BurnAlert, ...]

    @property
    def title(self) -> str:
        """Its name for readers."""
        return self.objective.title or self.objective.name.replace("_", " ")

    @property
    def met(self) -> bool | None:
        """Whether the target is reached, as far as the number says; None where there is none."""
        answer = self.attainment.answer
        return answer.value >= self.objective.target if isinstance(answer, Estimate) else None

    @property
    def firing(self) -> tuple[BurnAlert, ...]:
        """The alerts that fire."""
        return tuple(alert for alert in self.alerts if alert.firing)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Attainment, budget left, and burn rates of the whole and of each window."""
        seen: dict[Finding, None] = dict.fromkeys((self.attainment, self.left, self.burn))
        for alert in self.alerts:
            seen |= dict.fromkeys((alert.long, alert.short))
        return tuple(seen)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        promise = self.objective
        return {
            "name": promise.name, "metric": promise.metric, "target": promise.target, "method": promise.method,
            "owner": promise.owner, "window": window_dict(self.window), "met": self.met,
            "attainment": self.attainment.to_dict(), "left": self.left.to_dict(), "burn": self.burn.to_dict(),
            "alerts": [alert.to_dict() for alert in self.alerts],
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class ObjectivePanel(Shown):
    """Every objective of a workspace, at one instant."""

    kept: tuple[Kept, ...]
    at: datetime

    def __len__(self) -> int:
        return len(self.kept)

    def __iter__(self) -> Iterator[Kept]:
        return iter(self.kept)

    def __getitem__(self, name: str) -> Kept:
        for one in self.kept:
            if one.objective.name == name:
                return one
        raise UnknownName("objective", name, [one.objective.name for one in self.kept])

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Those of each objective, in order."""
        return tuple(finding for one in self.kept for finding in one.findings)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {"at": self.at.isoformat(), "objectives": [one.to_dict() for one in self.kept]}
