"""Assemble the quarterly review: every number of the page, computed once, then shown part by part."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property

from metricstack import metrics
from metricstack.charts import Span
from metricstack.core.errors import InvalidInput
from metricstack.core.show import Shown
from metricstack.core.values import Finding, Refusal
from metricstack.core.windows import Window
from metricstack.metrics import MetricPanel
from metricstack.reports.html import Html
from metricstack.reports.review import sections, trust
from metricstack.reports.review.answer import four_layers, headline_html, layer_board, use_case_blocks
from metricstack.reports.review.board import Board
from metricstack.reports.review.plan import CUTS, LAYERS, TRENDS, every_metric
from metricstack.telemetry import Workspace

__all__ = ["Review", "assemble", "choose_quarter"]


def choose_quarter(workspace: Workspace, quarter: str | None) -> Window:
    """Return the quarter to review: the one asked for, or the last that the data fill.

    Raises:
        InvalidInput: not a quarter, one that has not begun in the data, one before them, or no data at all.
    """
    span = workspace.span()
    if span is None:
        raise InvalidInput(
            f"Workspace {workspace.config.name!r} holds no rows, so there is nothing to review. "
            "Load some with `metricstack ingest`."
        )
    if quarter is None:
        window = metrics.last_full_quarter(workspace)
        return window if window is not None else workspace.calendar.quarter_of(span.end)
    window = workspace.quarter(quarter)
    first, last = (workspace.calendar.quarter_of(moment).name for moment in (span.start, span.end))
    if window.start >= span.end or window.end <= span.start:
        side = "after" if window.start >= span.end else "before"
        raise InvalidInput(
            f"Quarter {window.name} lies {side} the data, which run from {first} to {last}. Choose one of those."
        )
    return window


def assemble(workspace: Workspace, quarter: str | None = None, *, segment: str = "") -> "Review":
    """Compute everything that a quarter's review says.

    Args:
        workspace: Whose quarter.
        quarter: ``"2026Q3"``; by default the last that the data fill.
        segment: One customer segment only, for every metric that knows segments.

    Raises:
        InvalidInput: the quarter is none, or lies outside the data; or no row has this segment.
    """
    window = choose_quarter(workspace, quarter)
    titles = {name: card.title or name for name, card in workspace.config.use_cases.items()}
    where = _where(workspace, segment, window)

    def board(names: tuple[str, ...], by: tuple[str, ...] = ()) -> Board:
        now, before = (
            _evaluate(workspace, names, part, by=by, where=where) for part in (window, window.previous())
        )
        return Board(now, before, titles)

    shown = tuple(dict.fromkeys(metric for layer in LAYERS for metric in layer.metrics[: layer.per_use_case]))
    both = Window(window.previous().start, window.end, name=f"{window.previous()} and {window}")
    return Review(
        workspace=workspace,
        window=window,
        segment=segment,
        board=board(every_metric()),
        use_cases=board(shown, ("use_case",)),
        cuts={metric: board((metric,), (dimension,)) for metric, dimension in CUTS.items()},
        trends=_evaluate(workspace, TRENDS, both, grain="week", where=where),
        costs=_evaluate(workspace, ("total_cost",), both, by=("use_case",), grain="month", where=where),
    )


def _where(workspace: Workspace, segment: str, window: Window) -> Mapping[str, str]:
    if not segment:
        return {}
    known = metrics.values_of(workspace, "segment", window=window)
    if segment not in known:
        from metricstack.core.errors import UnknownName

        raise UnknownName("segment", segment, known)
    return {"segment": segment}


@dataclass(frozen=True)
class Review(Shown):
    """A quarter's review: its parts show themselves, `findings` holds every number of it.

    Args:
        workspace: Whose quarter.
        window: The quarter.
        segment: The customer segment it is narrowed to, empty for all.
        board: Every metric against the quarter before.
        use_cases: The key metrics by use case.
        cuts: Metric → board by the dimension it is read by.
        trends: Weekly courses over both quarters.
        costs: Cost by use case and month over both quarters.
    """

    workspace: Workspace
    window: Window
    segment: str
    board: Board
    use_cases: Board
    cuts: Mapping[str, Board]
    trends: MetricPanel
    costs: MetricPanel

    @property
    def headline(self) -> Html:
        """The sentence of the quarter, and what it stands on."""
        return headline_html(self.board)

    @property
    def layers(self) -> Html:
        """The four layers, side by side."""
        return four_layers(self.board)

    @property
    def by_use_case(self) -> Html:
        """The four layers of every use case."""
        return use_case_blocks(self.use_cases, self.workspace.config)

    @property
    def moved(self) -> Html:
        """What moved, and the weekly course of what matters most."""
        return sections.moved_section(self.board, layer_board(self.board), self.trends)

    @property
    def incidents(self) -> Html:
        """How often it broke, and how fast it was repaired."""
        return sections.incident_section(self.board, self.cuts["sla_attainment"], self._incidents)

    @property
    def value(self) -> Html:
        """What it was worth, and what it cost."""
        config = self.workspace.config
        return sections.value_section(
            self.board, self.cuts["fragmented_systems"], self.costs, config.calendar, config.currency
        )

    @property
    def delivery(self) -> Html:
        """How fast and how safely it changes."""
        return sections.plain_section(self.board, "delivery")

    @property
    def risk(self) -> Html:
        """What could go wrong, and whether it would be seen."""
        return sections.plain_section(self.board, "risk")
