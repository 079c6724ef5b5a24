"""What `evaluate` returns: one finding per metric, group and period, that draws, says and tabulates itself."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from metricstack.core.errors import InvalidInput, UnknownName
from metricstack.core.show import Shown
from metricstack.core.values import Finding
from metricstack.core.windows import Window
from metricstack.metrics.model import Definition, Levels

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["MetricPanel"]


@dataclass(frozen=True)
class MetricPanel(Shown):
    """Metrics by group and period, each a `Finding`.

    Args:
        findings: In the order of the metrics asked, then groups, then periods. ``where`` holds the
            dimensions in the order asked, then ``("period", first local day)`` where a grain was asked.
        definitions: Metric id → definition, in the order asked.
        window: What all of it is about.
        by: The dimensions asked.
        grain: ``day``, ``week``, ``month``, ``quarter``, or None.
        policies: Metric id → levels after the workspace's policy.
    """

    findings: tuple[Finding, ...]
    definitions: Mapping[str, Definition]
    window: Window
    by: tuple[str, ...] = ()
    grain: str | None = None
    policies: Mapping[str, Levels] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.findings)

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.findings)

    def _check(self, metric: str) -> str:
        if metric not in self.definitions:
            raise UnknownName("metric in this panel", metric, self.definitions)
        return metric

    def __getitem__(self, metric: str) -> "Finding | MetricPanel":
        """Return one metric: its finding where there is one, else the panel of it alone."""
        found = self.of(self._check(metric))
        if len(found) == 1 and not self.by and self.grain is None:
            return found[0]
        return replace(
            self,
            findings=found,
            definitions={metric: self.definitions[metric]},
            policies={name: levels for name, levels in self.policies.items() if name == metric},
        )

    def of(self, metric: str) -> tuple[Finding, ...]:
        """Return all findings of one metric, in order."""
        self._check(metric)
        return tuple(finding for finding in self.findings if finding.subject == metric)

    def get(self, metric: str, **where: str) -> Finding:
        """Return the one finding of a metric in a group.

        A metric that could not be asked by the dimensions at all (its table is missing) has one
        finding without a group, and that is returned for every group.

        Raises:
            UnknownName: the metric was not asked.
            InvalidInput: no finding, or several, fit.
        """
        found = self.of(metric)
        fit = [finding for finding in found if where.items() <= dict(finding.where).items()]
        if not fit and len(found) == 1 and not found[0].where:
            fit = list(found)
        if len(fit) != 1:
            groups = ", ".join(" ".join(f"{k}={v}" for k, v in finding.where) for finding in found[:8])
            raise InvalidInput(
                f"{len(fit)} findings of {metric!r} fit {where or 'no condition'}; exactly one must. "
                f"It has: {groups or 'none'}."
            )
        return fit[0]

    def levels(self, metric: str) -> Levels:
        """Return a metric's levels: the workspace's where it states them, else the definition's."""
        self._check(metric)
        return self.policies.get(metric, self.definitions[metric].levels)

    def to_pandas(self) -> "pd.DataFrame":
        """Tabulate it, the same columns for answers and refusals.

        Returns:
            Columns ``metric``, one per dimension, ``period`` where a grain was asked, then ``value``, ``low``,
            ``high``, ``level``, ``n``, ``unit``, ``method``, ``grade``, ``reason``, ``detail``.
        """
        from metricstack.core.show import frame

        table = frame(self.findings).rename(columns={"subject": "metric"})
        asked = [*self.by, *(["period"] if self.grain else [])]
        others = [name for name in table.columns if name not in ("metric", *asked)]
        return table.reindex(columns=["metric", *asked, *others])

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "window": {
                "name": self.window.name,
                "start": self.window.start.isoformat(),
                "end": self.window.end.isoformat(),
            },
            "by": list(self.by),
            "grain": self.grain,
            "definitions": {name: definition.to_dict() for name, definition in self.definitions.items()},
            "findings": [finding.to_dict() for finding in self.findings],
        }
