"""Findings as dots with intervals, one picture per unit."""

from typing import Any

import altair as alt

from metricstack.charts.dots import interval_dots
from metricstack.charts.notebook import Picture, finished
from metricstack.charts.rows import Row
from metricstack.charts.words import chart_words
from metricstack.core.values import Answer, Estimate, Finding, Refusal

__all__ = ["chart_answer", "chart_findings"]


def chart_answer(answer: Answer, *, title: str = "") -> Picture:
    """Draw one answer; a refusal in words.

    Args:
        answer: An estimate or a refusal.
        title: What is shown.
    """
    return chart_findings(Finding(question=title, answer=answer), title=title)


def chart_findings(findings: Any, *, title: str = "") -> Picture:
    """Draw findings side by side, one picture per unit; refusals stand in words with the first.

    Args:
        findings: A finding, several, or any result that is made of them.
        title: What is shown.
    """
    several: tuple[Finding, ...] = tuple(getattr(findings, "findings", findings))
    if not several:
        return chart_words("There are no findings to draw.", title=title)
    if len(several) == 1 and isinstance(several[0].answer, Refusal):
        refusal = several[0].answer
        said = f"Cannot say: {refusal.detail.rstrip('.')}. {refusal.remedy}".rstrip()
        return chart_words(said, title=title or several[0].question)
    units = list(dict.fromkeys(f.answer.unit for f in several if isinstance(f.answer, Estimate)))
    pictures: list[Any] = []
    for unit in units or ["1"]:
        first = not pictures
        rows = [Row(f.question or f.subject, f.answer) for f in several if _belongs(f, unit, first=first)]
        pictures.append(interval_dots(rows, unit, title=title if first else ""))
    if len(pictures) == 1:
        return pictures[0]  # type: ignore[no-any-return]
    return finished(alt.vconcat(*pictures), title="", summary=f"{title} {len(several):,} findings.".strip())


def _belongs(finding: Finding, unit: str, *, first: bool) -> bool:
    return finding.answer.unit == unit if isinstance(finding.answer, Estimate) else first
