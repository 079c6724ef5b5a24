"""Values as HTML fragments: escaped first, styled little, legible in a report and in a notebook alike.

Every text that may come from telemetry passes `escape` before it meets a tag. The outer element carries
``mathjax_ignore``, because JupyterLab typesets what stands between two dollar signs. Fonts and colours are
inherited, so that a dark theme stays dark; class names begin with ``ms-`` for a report's own style sheet.
"""

import html
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from metricstack.core.units import write
from metricstack.core.values import Answer, Estimate, Finding, Refusal
from metricstack.narrative.answers import GRADES, say_answer
from metricstack.narrative.changes import ARROWS, course, moved_by, say_change
from metricstack.narrative.panels import by_metric, place, title_of
from metricstack.narrative.words import count, difference_limits, how_counted, interval, limits, percent, stem
from metricstack.numerics.change import Change

if TYPE_CHECKING:
    from metricstack.metrics.panel import MetricPanel

__all__ = ["answer_html", "change_html", "escape", "findings_html", "panel_html"]

_ROWS = 200
_BLOCKS = "▁▂▃▄▅▆▇█"
_FAINT = "opacity:.72;font-size:.9em"
_CELL = "text-align:left;vertical-align:top;padding:.25em .9em .25em 0;white-space:normal"
_NUMBER = "text-align:right;vertical-align:top;padding:.25em .9em .25em 0;font-variant-numeric:tabular-nums"


def escape(text: object) -> str:
    """Return a text that a browser shows as it is, in an element or in a quoted attribute.

    Example:
        >>> escape("<script>alert('1')</script>")
        '&lt;script&gt;alert(&#x27;1&#x27;)&lt;/script&gt;'
    """
    return html.escape(str(text), quote=True)


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
        f'<span class="ms-interval" style="{_FAINT}">{faint}</span>'
    )


def _sure(answer: Estimate) -> str:
    return (
        interval(answer) or how_counted(answer) if not answer.is_census else f"counted in full (n = {count(answer.n)})"
    )


def findings_html(findings: Any) -> str:
    """Show findings as a table: question, answer, interval, n, evidence and the checks that failed.

    Args:
        findings: A finding, several, or any result that is made of them.

    Returns:
        One ``<table>`` in a ``<div>``; a refusal spans the columns of the number, in words.
    """
    several: Sequence[Finding] = tuple(getattr(findings, "findings", findings))
    if not several:
        return _outer("ms-findings", "<p>There are no findings to show.</p>")
    level = _one_level(finding.answer for finding in several)
    rows = [_finding_row(finding, level) for finding in several[:_ROWS]]
    heads = _heads(("Question", ""), ("Answer", "n"), (_interval_head(level), ""), ("n", "n"), ("Evidence", ""))
    return _outer("ms-findings", _table(heads, rows, len(several), columns=5))


def _finding_row(finding: Finding, level: float | None) -> str:
    evidence = [GRADES[finding.grade] if isinstance(finding.answer, Estimate) else ""]
    evidence += [f"✗ {c.name}: {stem(c.detail)}." for c in finding.checks if c.passed is False]
    notes = "<br>".join(escape(note) for note in evidence if note)
    question = f'<th scope="row" style="{_CELL};font-weight:normal">{escape(finding.question or finding.subject)}</th>'
    return f'<tr>{question}{_numbers(finding.answer, level)}<td style="{_CELL}">{notes}</td></tr>'


def _one_level(answers: Iterable[Answer]) -> float | None:
    """Return the level that all intervals of a table share, so that its head can say it once; else None."""
    levels = {answer.level for answer in answers if isinstance(answer, Estimate) and answer.level is not None}
    return levels.pop() if len(levels) == 1 else None


def _interval_head(level: float | None) -> str:
    return "Interval" if level is None else f"{percent(level)} interval"


def _interval(answer: Estimate, level: float | None) -> str:
    return (interval(answer) if level is None else limits(answer)) or how_counted(answer)


def _numbers(answer: Answer, level: float | None) -> str:
    """Return the three cells of an answer: value, interval, n; one wide cell of words for a refusal."""
    if isinstance(answer, Refusal):
        return f'<td class="ms-refusal" colspan="3" style="{_CELL}"><em>{escape(say_answer(answer))}</em></td>'
    return (
        f'<td class="ms-value" style="{_NUMBER};font-weight:600">{escape(write(answer.value, answer.unit))}</td>'
        f'<td class="ms-interval" style="{_CELL}">{escape(_interval(answer, level))}</td>'
        f'<td class="ms-n" style="{_NUMBER}">{count(answer.n)}</td>'
    )


def panel_html(panel: "MetricPanel") -> str:
    """Show a panel as a table, one row per metric and group; with a grain, the last period and its course.

    Args:
        panel: The metrics evaluated.

    Returns:
        One table; an empty panel gives a sentence instead.
    """
    groups = {
        (metric, group): run for metric, findings in by_metric(panel).items() for group, run in _runs(findings).items()
    }
    if not groups:
        return _outer("ms-panel", "<p>Nothing was asked, so there is nothing to show.</p>")
    heads = [("Metric", ""), *((name, "") for name in panel.by)]
    heads += [("Last period", ""), ("Course", "")] if panel.grain else []
    level = _one_level(run[-1].answer for run in groups.values())
    heads += [("Value", "n"), (_interval_head(level), ""), ("n", "n")]
    rows = []
    for (metric, _), run in list(groups.items())[:_ROWS]:
        where = dict(run[-1].where)
        title = f'<th scope="row" style="{_CELL};font-weight:normal">{escape(title_of(panel, metric))}</th>'
        cells = "".join(f'<td style="{_CELL}">{escape(where.get(name, ""))}</td>' for name in panel.by)
        if panel.grain:
            cells += f'<td style="{_CELL}">{escape(where.get("period", ""))}</td>'
            cells += f'<td class="ms-spark" style="{_CELL};letter-spacing:.05em">{_spark(run)}</td>'
        rows.append(f"<tr>{title}{cells}{_numbers(run[-1].answer, level)}</tr>")
    return _outer("ms-panel", _table(_heads(*heads), rows, len(groups), columns=len(heads)))


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
        f'<span class="ms-interval" style="{_FAINT};white-space:nowrap">({sure})</span>'
    )


def _outer(kind: str, inner: str) -> str:
    return f'<div class="{kind} mathjax_ignore" style="overflow-x:auto">{inner}</div>'


def _heads(*heads: tuple[str, str]) -> str:
    cells = (f'<th scope="col" style="{_NUMBER if kind else _CELL}">{escape(name)}</th>' for name, kind in heads)
    return f"<thead><tr>{''.join(cells)}</tr></thead>"


def _table(heads: str, rows: Sequence[str], total: int, *, columns: int, caption: str = "") -> str:
    title = f'<caption style="text-align:left">{escape(caption)}</caption>' if caption else ""
    more = ""
    if total > len(rows):
        words = f"{count(total - len(rows))} more rows are not shown; to_pandas() has them all."
        more = f'<tr><td colspan="{columns}" style="{_CELL}"><em>{escape(words)}</em></td></tr>'
    body = f"<tbody>{''.join(rows)}{more}</tbody>"
    return f'<table class="ms-table" style="border-collapse:collapse">{title}{heads}{body}</table>'
