"""Values as HTML fragments: escaped first, styled little, legible in a report and in a notebook alike.

Every text that may come from telemetry passes `escape` before it meets a tag. The outer element carries
``mathjax_ignore``, because JupyterLab typesets what stands between two dollar signs. Fonts and colours are
inherited, so that a dark theme stays dark; class names begin with ``ms-`` for a report's own style sheet.
"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from metricstack.core.units import write
from metricstack.core.values import Answer, Estimate, Finding, Refusal
from metricstack.narrative.answers import GRADES, say_answer
from metricstack.narrative.changes import ARROWS, course, moved_by, say_change
from metricstack.narrative.panels import by_metric, place, title_of
from metricstack.narrative.sheet import FAINT, Column, Line, Section, cell, escape, sheet
from metricstack.narrative.words import (
    count,
    difference_limits,
    how_counted,
    interval,
    limits,
    percent,
    signed,
    stem,
)
from metricstack.numerics.change import Change

if TYPE_CHECKING:
    from metricstack.metrics.panel import MetricPanel

__all__ = [
    "answer_html",
    "change_html",
    "escape",
    "evidence",
    "findings_html",
    "number_columns",
    "numbers",
    "one_level",
    "outer",
    "panel_html",
]

_SHORT = 44
_BLOCKS = "▁▂▃▄▅▆▇█"


def answer_html(answer: Answer) -> str:
    """Show one answer: the number, then how sure it is; or why there is none.

    Example:
        >>> answer_html(Estimate(12, unit="count", n=12, method="census"))[:43]
        '<div class="ms-answer mathjax_ignore"><span'
    """
    return f'<div class="ms-answer mathjax_ignore">{_answer(answer)}</div>'


def _answer(answer: Answer) -> str:
    if isinstance(answer, Refusal):
        return f'<span class="ms-refusal"><em>{escape(say_answer(answer))}</em></span>'
    notes = [_sure(answer), f"n = {count(answer.n)}" if not answer.is_census else "", answer.method]
    faint = " · ".join(escape(note) for note in notes if note and note != "census")
    return (
        f'<span class="ms-value" style="font-weight:600">{escape(write(answer.value, answer.unit))}</span> '
        f'<span class="ms-interval" style="{FAINT}">{faint}</span>'
    )


def _sure(answer: Estimate) -> str:
    return (
        interval(answer) or how_counted(answer) if not answer.is_census else f"counted in full (n = {count(answer.n)})"
    )


def findings_html(findings: Any) -> str:
    """Show findings as a table: question, answer, interval, n, and where there is any, evidence and failed checks.

    Args:
        findings: A finding, several, or any result that is made of them.

    Returns:
        One ``<table>`` in a ``<div>``; a refusal spans the columns of the number, in words.
    """
    several: Sequence[Finding] = tuple(getattr(findings, "findings", findings))
    if not several:
        return outer("ms-findings", "<p>There are no findings to show.</p>")
    level = one_level(finding.answer for finding in several)
    told = [evidence(finding) for finding in several]
    lines = tuple(
        Line(finding.question or finding.subject, (*numbers(finding.answer, level), *([cell(notes)] * any(told))))
        for finding, notes in zip(several, told, strict=True)
    )
    columns = [Column("Question"), *number_columns(level, "Answer"), *([Column("Evidence")] * any(told))]
    return outer("ms-findings", sheet(columns, [Section(lines)]))


def evidence(finding: Finding) -> str:
    """Return what a finding's evidence is worth, where that must be said, and each check that failed, as HTML."""
    notes = [GRADES[finding.grade] if isinstance(finding.answer, Estimate) else ""]
    notes += [f"✗ {c.name}: {stem(c.detail)}." for c in finding.checks if c.passed is False]
    return "<br>".join(escape(note) for note in notes if note)


def one_level(answers: Iterable[Answer]) -> float | None:
    """Return the level that all intervals of a table share, so that its head can say it once; else None."""
    levels = {answer.level for answer in answers if isinstance(answer, Estimate) and answer.level is not None}
    return levels.pop() if len(levels) == 1 else None


def number_columns(level: float | None, name: str = "Value") -> tuple[Column, ...]:
    """Return the heads of the three cells of an answer."""
    return Column(name, number=True), Column(_interval_head(level)), Column("n", number=True)


def _interval_head(level: float | None) -> str:
    return "Interval" if level is None else f"{percent(level)} interval"


def numbers(answer: Answer, level: float | None, *, signs: bool = False, arrow: str = "") -> tuple[str, ...]:
    """Return the three cells of an answer: value, interval, n; one wide cell of words for a refusal.

    Args:
        answer: The answer.
        level: The level that the head says; None where each cell says its own.
        signs: It is a difference: with its sign, and of shares in points.
        arrow: What stands before the value, for the eye alone.
    """
    if isinstance(answer, Refusal):
        return (cell(f"<em>{escape(say_answer(answer))}</em>", kind="ms-refusal", span=3),)
    spell = signed if signs else write
    said = spell(answer.value, answer.unit)
    bounds = difference_limits(answer) if signs else limits(answer)
    if bounds and level is None and answer.level is not None:
        bounds = f"{percent(answer.level)} interval {bounds}"
    _, per, below = said.partition(" per ")
    bounds = bounds.replace(f"{per}{below}", "") if per else bounds
    pointer = f'<span aria-hidden="true">{arrow}</span> ' if arrow else ""
    sure = bounds or how_counted(answer)
    label = _interval_head(level) if bounds and level is not None else ""
    return (
        cell(f"{pointer}{escape(said)}", kind="ms-value ms-short", number=True, bold=True),
        cell(escape(sure), label, kind=f"ms-interval{' ms-short' if len(sure) <= _SHORT else ''}"),
        cell(count(answer.n), "n =", kind="ms-n ms-short", number=True),
    )


def panel_html(panel: "MetricPanel") -> str:
    """Show a panel as a table, one row per metric and group; with a grain, the last period and its course.

    By dimension each metric is named once, above its groups.

    Args:
        panel: The metrics evaluated.

    Returns:
        One table; an empty panel gives a sentence instead.
    """
    metrics = {metric: _runs(findings) for metric, findings in by_metric(panel).items()}
    if not metrics:
        return outer("ms-panel", "<p>Nothing was asked, so there is nothing to show.</p>")
    level = one_level(run[-1].answer for runs in metrics.values() for run in runs.values())
    heads = [*([name] if (name := " · ".join(panel.by).replace("_", " ")) else ["Metric"])]
    columns = [Column(name) for name in [*heads, *(["Last period", "Course"] if panel.grain else [])]]
    sections, plain = [], []
    for metric, runs in metrics.items():
        title = title_of(panel, metric)
        lines = [_panel_line(panel, group or ("all" if panel.by else title), run, level) for group, run in runs.items()]
        if panel.by:
            sections.append(Section(tuple(lines), title))
        plain += lines
    return outer("ms-panel", sheet([*columns, *number_columns(level)], sections or [Section(tuple(plain))]))


def _panel_line(panel: "MetricPanel", name: str, run: Sequence[Finding], level: float | None) -> Line:
    course_of: tuple[str, ...] = ()
    if panel.grain:
        period = escape(dict(run[-1].where).get("period", ""))
        course_of = (cell(period, "Last period", kind="ms-short"), cell(_spark(run), "Course", kind="ms-spark"))
    return Line(name, (*course_of, *numbers(run[-1].answer, level)))


def _runs(findings: Iterable[Finding]) -> dict[str, list[Finding]]:
    runs: dict[str, list[Finding]] = {}
    for finding in findings:
        runs.setdefault(place(finding), []).append(finding)
    return runs


def _spark(run: Sequence[Finding]) -> str:
    """Draw a run of values with block characters; a dot where there is no number."""
    values = [f.answer.value for f in run if isinstance(f.answer, Estimate)]
    if not values:
        return ""
    low, span = min(values), max(values) - min(values)
    blocks = "".join(
        _BLOCKS[round((f.answer.value - low) / span * 7) if span else 3] if isinstance(f.answer, Estimate) else "·"
        for f in run[-26:]
    )
    return f'<span aria-hidden="true" style="opacity:.6">{blocks}</span>'


def change_html(change: Change, *, title: str = "") -> str:
    """Show a change: arrow for the way, how far, and the verdict in words beside it.

    The arrow tells the way only; good or bad is a word, and the class name (``ms-better``, ``ms-worse``,
    ``ms-unclear``, ``ms-unknown``) lets a style sheet add colour.
    """
    said = escape(say_change(change, title=title))
    return f'<div class="ms-change mathjax_ignore" title="{said}">{_change(change)}</div>'


def _change(change: Change) -> str:
    kind = change.verdict.name.lower()
    if isinstance(change.difference, Refusal):
        return f'<span class="ms-verdict ms-{kind}"><em>change cannot be said</em></span>'
    arrow = f'<span aria-hidden="true">{ARROWS[course(change)]}</span> '
    sure = escape(difference_limits(change.difference) or "counted in full")
    return (
        f'<span class="ms-verdict ms-{kind}">{arrow}{escape(moved_by(change))} · {escape(change.verdict)}</span> '
        f'<span class="ms-interval" style="{FAINT};white-space:nowrap">({sure})</span>'
    )


def outer(kind: str, inner: str) -> str:
    """Return a fragment's one outer element: it scrolls rather than bursts, and JupyterLab typesets nothing in it."""
    return f'<div class="{kind} mathjax_ignore" style="overflow-x:auto">{inner}</div>'
