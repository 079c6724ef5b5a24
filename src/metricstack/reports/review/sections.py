"""The sections below the answer: what moved, incidents, value, delivery, risk."""

from collections.abc import Iterable, Sequence

from metricstack import charts
from metricstack.charts import Part, Span
from metricstack.core.values import Estimate, Reason, Refusal
from metricstack.metrics import MetricPanel
from metricstack.narrative.changes import say_change
from metricstack.narrative.headline import Moved
from metricstack.numerics.change import Verdict
from metricstack.reports.components import note
from metricstack.reports.html import Html, element, fragment
from metricstack.reports.review.board import Board
from metricstack.reports.review.pieces import board_table, figure
from metricstack.reports.review.plan import CUTS, SECTIONS, TRENDS, Layer
from metricstack.telemetry import Calendar

__all__ = [
    "cut_rows",
    "incident_section",
    "measured_section",
    "moved_section",
    "plain_section",
    "refusals",
    "value_section",
]

_ALMOST_A_WEEK = 6.5  # a clock change takes an hour off; the pieces at the ends of a quarter are shorter
_ORDER = (Verdict.BETTER, Verdict.WORSE)


def moved_section(board: Board, everything: Sequence[Moved], trends: MetricPanel, *, why: Html | None = None) -> Html:
    """Write what moved, for better and for worse, what is behind it, and the weekly course of what matters most."""
    clear = [m for m in everything if m.change.verdict in (Verdict.BETTER, Verdict.WORSE)]
    clear.sort(key=lambda m: (_ORDER.index(m.change.verdict), -m.change.size))
    steady = [m.title for m in everything if m.change.verdict is Verdict.UNCLEAR]
    table = _table(board, clear, "Every clear change, what got better first") if clear else None
    words = f"No clear change: {', '.join(steady)}." if steady else ""
    nothing = "Nothing can be held against the quarter before, so nothing can be said to have moved."
    return fragment(
        [
            table,
            note(words) if words else None,
            None if clear or steady else element("p", nothing, kind="ms-refusal"),
            why,
            _courses(board, trends),
        ]
    )


def _courses(board: Board, trends: MetricPanel) -> Html | None:
    figures = []
    for metric in TRENDS:
        findings = trends.of(metric)
        if sum(isinstance(f.answer, Estimate) for f in findings) < 2:
            continue
        definition = board.definition(metric)
        points = [
            charts.Point(f.provenance.window.start, f.answer)
            for f in findings
            if f.provenance.window is not None and f.provenance.window.days > _ALMOST_A_WEEK
        ]
        answered = next(f.answer for f in findings if isinstance(f.answer, Estimate))
        drawn = charts.trend(
            points,
            answered.unit,
            target=trends.levels(metric).target,
            title=f"{definition.title} by week",
            better=str(definition.better),
            each="weeks",
        )
        moved = board.moved((metric,))[0]
        figures.append(figure(drawn, say_change(moved.change, title=moved.title)))
    return element("div", *figures, kind="ms-figures") if figures else None


def incident_section(board: Board, cuts: Board, incidents: Sequence[Span] | Refusal) -> Html:
    """Write how often it broke and how fast it was repaired, incident by incident."""
    layer = SECTIONS["incidents"]
    rows = [*board.moved(layer.metrics), *cut_rows(cuts, "sla_attainment")]
    parts: list[object] = [measured_section(board, layer, rows), _clean_up(board)]
    if not isinstance(incidents, Refusal):
        drawn = charts.timeline(incidents, window=board.now.window, title=f"Incidents in {board.now.window}")
        parts.append(figure(drawn, "From the start of each incident to the restored service; the longest, if many."))
    return fragment(parts)


def _clean_up(board: Board) -> Html | None:
    """Tell faster clean-up from prevention: recovery that falls while as much breaks as before."""
    recovery, rate = board.moved(("time_to_recover", "incident_rate"))
    if recovery.change.verdict is Verdict.BETTER and rate.change.verdict is not Verdict.BETTER:
        return note("Recovery got faster while the incident rate did not fall: faster clean-up, not prevention.")
    return None


def value_section(board: Board, costs: MetricPanel, calendar: Calendar, currency: str) -> Html:
    """Write what it was worth and what it cost, month by month and use case by use case."""
    layer = SECTIONS["value"]
    parts = [
        Part(
            calendar.local_day(finding.provenance.window.start),
            board.title(dict(finding.where)["use_case"]),
            finding.answer.value,
        )
        for finding in costs.findings
        if isinstance(finding.answer, Estimate) and finding.provenance.window and "use_case" in dict(finding.where)
    ]
    drawn = (
        figure(
            charts.stacked_cost(parts, currency, title="Cost by month and use case", grain="month"),
            _cost_caption(board, costs),
        )
        if parts
        else None
    )
    return fragment([measured_section(board, layer, board.moved(layer.metrics)), _same_inputs(board), drawn])


def _same_inputs(board: Board) -> Html | None:
    """Say so where both quarters rest on the same assumed inputs: their doubt is no doubt about the change."""
    now, before = (panel.of("benefits")[0].assumptions for panel in (board.now, board.before))
    if not now or now != before:
        return None
    return note(
        "Both quarters rest on the same assumed inputs. Their uncertainty is in the interval of each change too, "
        "which makes it wider than it need be, never too narrow."
    )


def _cost_caption(board: Board, costs: MetricPanel) -> str:
    said = "What runs cost, failed ones too, scaled up where telemetry was sampled."
    missing = [
        f"{board.title(dict(finding.where).get('use_case', ''))} in {dict(finding.where).get('period', '')[:7]}"
        for finding in costs.findings
        if isinstance(finding.answer, Refusal)
    ]
    return f"{said} Cannot be said, and not in the bars: {', '.join(missing)}." if missing else said


def plain_section(board: Board, name: str) -> Html:
    """Write a section that is its table and what it cannot say."""
    layer = SECTIONS[name]
    return measured_section(board, layer, board.moved(layer.metrics))


def cut_rows(cuts: Board, metric: str) -> list[Moved]:
    """List the rows of a metric that is read by its dimension: one per step, stage or phase."""
    dimension = CUTS[metric]
    rows = []
    for value in cuts.groups(dimension):
        (moved,) = cuts.moved((metric,), ((dimension, value),))
        if isinstance(moved.change.after, Estimate):
            rows.append(Moved(f"{moved.title}: {value.replace('_', ' ')}", moved.change, metric=metric))
    return rows


def measured_section(board: Board, layer: Layer, rows: Iterable[Moved]) -> Html:
    """Write what a section asks, its table, and what it cannot say."""
    rows = list(rows)
    told = [moved for moved in rows if isinstance(moved.change.after, Estimate)]
    refused = [moved for moved in rows if isinstance(moved.change.after, Refusal)]
    return fragment(
        [
            element("p", layer.question, kind="ms-question"),
            _table(board, told, "") if told else None,
            _incomparable(board, told),
            refusals(refused),
        ]
    )


def _incomparable(board: Board, rows: Sequence[Moved]) -> Html | None:
    """Say why numbers of this quarter cannot be held against the one before, one sentence per reason."""
    reasons: dict[str, list[str]] = {}
    for moved in rows:
        difference, before = moved.change.difference, moved.change.before
        if isinstance(difference, Refusal) and not (isinstance(before, Refusal) and before.reason is Reason.NO_DATA):
            detail = before.detail if isinstance(before, Refusal) else difference.detail
            reasons.setdefault(detail.rstrip("."), []).append(moved.title)
    said = " ".join(f"{', '.join(titles)}: {detail}." for detail, titles in reasons.items())
    return note(f"Cannot be compared with {board.before.window}. {said}") if said else None


def refusals(rows: Sequence[Moved]) -> Html | None:
    """Write what cannot be said, the metrics of one reason together; nothing where all can."""
    grouped: dict[tuple[str, str], list[str]] = {}
    for moved in rows:
        answer = moved.change.after
        assert isinstance(answer, Refusal)
        grouped.setdefault((answer.detail.rstrip("."), answer.remedy), []).append(moved.title)
    if not grouped:
        return None
    lines = [
        element("li", element("strong", ", ".join(titles)), f": {detail}. {remedy}".rstrip())
        for (detail, remedy), titles in grouped.items()
    ]
    return element("div", "Cannot be said", element("ul", *lines), kind="ms-refusal")


def _table(board: Board, rows: Sequence[Moved], caption: str) -> Html:
    return board_table(rows, caption=caption, before=str(board.before.window), after=str(board.now.window))
