"""Assemble the quarterly review: every number of the page, computed once, then shown part by part."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from metricstack import metrics
from metricstack.charts import Span
from metricstack.core.values import Finding, Reason, Refusal
from metricstack.core.windows import Window
from metricstack.experiments import Portfolio
from metricstack.linkage.explain import Explained
from metricstack.linkage.questions import FourQuestions
from metricstack.metrics import MetricPanel
from metricstack.reports.html import Html
from metricstack.reports.quarter import check_segment, choose_quarter
from metricstack.reports.review import sections, trust
from metricstack.reports.review.answer import four_layers, headline_html, layer_board, use_case_blocks
from metricstack.reports.review.board import Board
from metricstack.reports.review.incidents import incidents_of
from metricstack.reports.review.linked import linkage_section, linked_until
from metricstack.reports.review.plan import CUTS, LAYERS, TRENDS, every_metric
from metricstack.reports.review.recorded import recorded, say_recorded
from metricstack.reports.review.tested import experiments_section, tests_of
from metricstack.reports.review.why import why_findings, why_moved, why_section
from metricstack.telemetry import Workspace
from metricstack.telemetry.completeness import TableCompleteness, completeness

__all__ = ["Review", "assemble"]


def assemble(workspace: Workspace, quarter: str | None = None, *, segment: str = "") -> "Review":
    """Compute everything that a quarter's review says.

    Args:
        workspace: Whose quarter.
        quarter: ``"2026Q3"``; by default the last that the data fill.
        segment: One customer segment only, for every metric that knows segments.

    Raises:
        UnreadableFile: a file of the data is not what was written.
        InvalidInput: the quarter is none, or lies outside the data; or no row has this segment.
    """
    workspace.verify()
    window = choose_quarter(workspace.reproducible(), quarter)
    if segment:
        check_segment(workspace, segment, window)

    both = Window(window.previous().start, window.end, name=f"{window.previous()} and {window}")

    known = metrics.catalogue(workspace)
    totals = frozenset(name for name in every_metric() if known.is_total(name))

    def board(names: tuple[str, ...], by: tuple[str, ...] = ()) -> Board:
        panel = _evaluate(workspace, names, both, segment=segment, by=by, grain="quarter")
        cards = workspace.config.use_cases
        return Board(_part(panel, window), _part(panel, window.previous()), cards, totals)

    shown = tuple(dict.fromkeys(metric for layer in LAYERS for metric in layer.metrics[: layer.per_use_case]))
    company = board(every_metric())
    return Review(
        workspace=workspace,
        window=window,
        segment=segment,
        board=company,
        use_cases=board(shown, ("use_case",)),
        cuts={metric: board((metric,), (dimension,)) for metric, dimension in CUTS.items()},
        trends=_evaluate(workspace, TRENDS, both, grain="week", segment=segment),
        incidents=incidents_of(workspace, window),
        tables=completeness(workspace, window),
        telemetry=recorded(workspace, window),
        costs=_evaluate(workspace, ("total_cost",), both, by=("use_case",), grain="month", segment=segment),
        tests=tests_of(workspace, window),
        linked=linked_until(workspace, window),
        why=why_moved(workspace, layer_board(company), window, segment=segment),
    )


def _evaluate(
    workspace: Workspace,
    names: Sequence[str],
    window: Window,
    *,
    segment: str,
    by: tuple[str, ...] = (),
    grain: str = "",
) -> MetricPanel:
    """Evaluate metrics, narrowed to a segment where they know segments and refused where they do not."""
    if not segment:
        return metrics.evaluate(workspace, names, window=window, by=by, grain=grain or None)
    known = metrics.catalogue(workspace)
    able = [name for name in names if "segment" in known.dimensions(name)]
    panel = metrics.evaluate(workspace, able, window=window, by=by, grain=grain or None, where={"segment": segment})
    refusal = Refusal(Reason.NOT_MEASURED, "it is not recorded by customer segment", "See the review of all segments.")
    refused = tuple(
        Finding(f"{known.get(name).title} in {window}, {segment}", refusal, name, (("segment", segment),))
        for name in names
        if name not in able
    )
    return replace(
        panel,
        findings=(*panel.findings, *refused),
        definitions={name: known.get(name) for name in names},
        policies={name: known.levels(name) for name in names},
    )


def _part(panel: MetricPanel, window: Window) -> MetricPanel:
    """Take one quarter out of a panel of two: both come from one query per table."""
    return replace(
        panel,
        findings=tuple(
            replace(finding, where=tuple(pair for pair in finding.where if pair[0] != "period"))
            for finding in panel.findings
            if dict(finding.where).get("period", window.name) == window.name
        ),
        window=window,
        grain=None,
    )


@dataclass(frozen=True)
class Review:
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
        incidents: What broke in the quarter; a refusal where nobody recorded it.
        tables: What each table's rows of the quarter say of themselves.
        telemetry: What was recorded, counted as it is.
        tests: The experiments that ended in the quarter.
        linked: The four questions, from all that is known at its end.
        why: The changes that matter most, each in parts and with what is dated where its days shift.
    """

    workspace: Workspace
    window: Window
    segment: str
    board: Board
    use_cases: Board
    cuts: Mapping[str, Board]
    trends: MetricPanel
    costs: MetricPanel
    incidents: tuple[Span, ...] | Refusal
    tables: tuple[TableCompleteness, ...]
    telemetry: tuple[Finding, ...]
    tests: Portfolio
    linked: FourQuestions | Refusal
    why: tuple[Explained, ...]

    @property
    def headline(self) -> Html:
        """The sentence of the quarter, and what it stands on."""
        return headline_html(self.board, say_recorded(self.telemetry, self.window))

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
        """What moved, what is behind it, and the weekly course of what matters most."""
        everything = layer_board(self.board)
        titles = {name: self.board.title(name) for name in self.workspace.config.use_cases}
        why = why_section(self.why, everything, titles)
        return sections.moved_section(self.board, everything, self.trends, why=why)

    @property
    def broken(self) -> Html:
        """How often it broke, and how fast it was repaired."""
        return sections.incident_section(self.board, self.cuts["sla_attainment"], self.incidents)

    @property
    def usage(self) -> Html:
        """How much it was used."""
        return sections.plain_section(self.board, "usage")

    @property
    def value(self) -> Html:
        """What it was worth, and what it cost."""
        config = self.workspace.config
        return sections.value_section(self.board, self.costs, config.calendar, config.currency)

    @property
    def experiments(self) -> Html:
        """What was tested, what to do with it, and which comparisons do not hold."""
        return experiments_section(self.tests, segment=self.segment)

    @property
    def linkage(self) -> Html:
        """What moves the business, and how sure that is."""
        return linkage_section(self.linked, segment=self.segment)

    @property
    def delivery(self) -> Html:
        """How fast and how safely it changes."""
        return sections.plain_section(self.board, "delivery")

    @property
    def risk(self) -> Html:
        """What could go wrong, and whether it would be seen."""
        return sections.plain_section(self.board, "risk")

    @property
    def trust(self) -> Html:
        """Whether the numbers can be believed: what is stale, missing, sampled, late or refused."""
        return trust.trust_section(self.board, self.cuts["data_freshness"], self.tables, self.workspace.tables)

    @property
    def origin(self) -> Html:
        """How every metric is defined, and which data and code made the page."""
        return trust.origin_section(self.board, self.workspace)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Every number of the page, this quarter's first."""
        boards = (self.board, self.use_cases, *self.cuts.values())
        panels = [panel for board in boards for panel in (board.now, board.before)]
        measured = (finding for panel in (*panels, self.trends, self.costs) for finding in panel.findings)
        linked = () if isinstance(self.linked, Refusal) else self.linked.findings
        return (*self.telemetry, *measured, *why_findings(self.why), *self.tests.findings, *linked)
