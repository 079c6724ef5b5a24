"""The board: every metric of the quarter held against the quarter before."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import cast

from metricstack.core.values import Estimate, Finding, Reason, Refusal
from metricstack.metrics import Definition, MetricPanel
from metricstack.narrative.headline import Moved
from metricstack.numerics.change import Better, Verdict, change
from metricstack.telemetry import UseCase

__all__ = ["Board"]

Where = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Board:
    """Two panels of the same metrics, this quarter and the one before, read side by side.

    Args:
        now: This quarter.
        before: The quarter before.
        cards: The use-case cards.
        totals: The metrics that grow with the time they cover, so that a part of a quarter is no match for a whole.
    """

    now: MetricPanel
    before: MetricPanel
    cards: Mapping[str, UseCase]
    totals: frozenset[str] = frozenset()

    def moved(self, metrics: Iterable[str], where: Where = (), *, layer: str = "") -> tuple[Moved, ...]:
        """Hold metrics against the quarter before, for the whole company or one group."""
        return tuple(self._moved(metric, where, layer) for metric in metrics)

    def _moved(self, metric: str, where: Where, layer: str) -> Moved:
        definition = self.now.definitions[metric]
        use_case = dict(where).get("use_case", "")
        before, now = (self._finding(panel, metric, where) for panel in (self.before, self.now))
        moved = change(before.answer, now.answer, better=cast("Better", str(definition.better)))
        if metric in self.totals and isinstance(moved.difference, Estimate):
            partial = [said for finding in (before, now) for said in _failed(finding, "whole_period")]
            if partial:
                refusal = Refusal(Reason.LOW_COVERAGE, f"{partial[0]}, and a total of a part is no match for a whole")
                moved = replace(moved, difference=refusal, verdict=Verdict.UNKNOWN)
        return Moved(
            title=definition.title,
            change=moved,
            caveats=tuple(_failed(now, "coverage", "complete")),
            layer=layer,
            use_case=self.title(use_case),
            metric=metric,
            target=self._target(metric, where),
        )

    def title(self, use_case: str) -> str:
        """Return how a use case is called: by its card, else by its name."""
        card = self.cards.get(use_case)
        return card.title if card is not None and card.title else use_case

    def _target(self, metric: str, where: Where) -> float | None:
        """Return the company's target; for a use case what its card promises, since one size fits none."""
        if not where:
            return self.now.levels(metric).target
        card = self.cards.get(dict(where).get("use_case", ""))
        promised = {"latency_p95": "acceptable_latency", "cost_per_successful_outcome": "cost_boundary"}
        return getattr(card, promised[metric]) if card is not None and metric in promised else None

    @staticmethod
    def _finding(panel: MetricPanel, metric: str, where: Where) -> Finding:
        found = panel.of(metric)
        fit = [finding for finding in found if set(where) <= set(finding.where)]
        if not fit and len(found) == 1 and not set(dict(found[0].where)) & set(panel.by):
            fit = list(found)  # refused before it could be grouped
        if fit:
            return fit[0]
        return Finding(metric, Refusal(Reason.NO_DATA, f"no rows of this group in {panel.window}"), metric)

    def partial(self) -> tuple[str, ...]:
        """Say which of the two quarters the data do not fill, once each."""
        said = (
            said for panel in (self.now, self.before) for f in panel.findings for said in _failed(f, "whole_period")
        )
        return tuple(dict.fromkeys(said))

    def groups(self, dimension: str) -> tuple[str, ...]:
        """List the values of a dimension that have a number in the quarter, in order."""
        return tuple(
            sorted(
                {
                    value
                    for finding in self.now.findings
                    for name, value in finding.where
                    if name == dimension and not isinstance(finding.answer, Refusal)
                }
            )
        )

    def definition(self, metric: str) -> Definition:
        """Return a metric's definition."""
        return self.now.definitions[metric]


def _failed(finding: Finding, *names: str) -> list[str]:
    """Return what the named checks of a finding say, where they failed."""
    return [check.detail for check in finding.checks if check.passed is False and check.name in names]
