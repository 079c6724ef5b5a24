"""The board: every metric of the quarter held against the quarter before."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import cast

from metricstack.core.values import Answer, Reason, Refusal
from metricstack.metrics import Definition, MetricPanel
from metricstack.narrative.headline import Moved
from metricstack.numerics.change import Better, change
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
    """

    now: MetricPanel
    before: MetricPanel
    cards: Mapping[str, UseCase]

    def moved(self, metrics: Iterable[str], where: Where = (), *, layer: str = "") -> tuple[Moved, ...]:
        """Hold metrics against the quarter before, for the whole company or one group."""
        return tuple(self._moved(metric, where, layer) for metric in metrics)

    def _moved(self, metric: str, where: Where, layer: str) -> Moved:
        definition = self.now.definitions[metric]
        use_case = dict(where).get("use_case", "")
        return Moved(
            title=definition.title,
            change=change(
                self._answer(self.before, metric, where),
                self._answer(self.now, metric, where),
                better=cast("Better", definition.better),
            ),
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
    def _answer(panel: MetricPanel, metric: str, where: Where) -> Answer:
        found = panel.of(metric)
        fit = [finding for finding in found if set(where) <= set(finding.where)]
        if not fit and len(found) == 1 and not set(dict(found[0].where)) & set(panel.by):
            fit = list(found)  # refused before it could be grouped
        if fit:
            return fit[0].answer
        return Refusal(Reason.NO_DATA, f"no rows of this group in {panel.window}")

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
