"""Sentences for a panel of metrics: per metric its number, its range over groups, or its course over time."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, cast

from metricstack.core.units import write
from metricstack.core.values import Estimate, Finding, Refusal
from metricstack.narrative.answers import say_answer
from metricstack.narrative.caveats import say_refusals
from metricstack.narrative.changes import say_change
from metricstack.narrative.words import brief, count, stem
from metricstack.numerics.change import Better, change

if TYPE_CHECKING:
    from metricstack.metrics.model import Definition
    from metricstack.metrics.panel import MetricPanel

__all__ = ["by_metric", "place", "say_panel", "title_of"]


def title_of(panel: "MetricPanel", metric: str) -> str:
    """Return a metric's title for readers: the definition's, else its id."""
    definition = panel.definitions.get(metric)
    return (definition.title or metric) if definition is not None else metric


def by_metric(panel: "MetricPanel") -> dict[str, list[Finding]]:
    """Sort a panel's findings into its metrics, in the order given."""
    groups: dict[str, list[Finding]] = {}
    for finding in panel.findings:
        groups.setdefault(finding.subject, []).append(finding)
    return groups


def place(finding: Finding, *, leave_out: Sequence[str] = ("period",)) -> str:
    """Name the group that a finding is about: its dimension values, without the period.

    Example:
        >>> answer = Estimate(1, unit="count", n=1, method="census")
        >>> place(Finding("", answer, where=(("region", "eu"), ("channel", "chat"), ("period", "2026-07-06"))))
        'eu · chat'
    """
    return " · ".join(str(value) for name, value in finding.where if name not in leave_out)


def say_panel(panel: "MetricPanel") -> str:
    """Say a panel, one sentence per metric, and what could not be said.

    Without dimension or grain the number; by dimension the best and the worst group; by grain how the last
    period compares with the first.

    Args:
        panel: The metrics evaluated.

    Returns:
        Sentences, one per line; for an empty panel the one that says so.
    """
    groups = by_metric(panel)
    if not groups:
        return "Nothing was asked, so there is nothing to say."
    lines = [_say_metric(panel, metric, findings) for metric, findings in groups.items()]
    refused = say_refusals(panel.findings) if len(panel.findings) > 1 else ""
    return "\n".join(line for line in [*lines, refused] if line)


def _say_metric(panel: "MetricPanel", metric: str, findings: list[Finding]) -> str:
    title = title_of(panel, metric)
    answered = [finding for finding in findings if isinstance(finding.answer, Estimate)]
    if not answered:
        said = say_answer(findings[0].answer)
        alike = f" (so for all {count(len(findings))} asked)" if len(findings) > 1 else ""
        return f"{title}: c{stem(said)[1:]}{alike}."
    if len(findings) == 1:
        return f"{title}: {say_answer(findings[0].answer)}."
    if not panel.grain:
        return _say_groups(title, _better(panel, metric), answered)
    series: Mapping[str, list[Finding]] = _series(answered)
    texts = [
        _say_course(f"{title}{f', {brief(group)}' if group else ''}", _better(panel, metric), run)
        for group, run in series.items()
    ]
    return " ".join(texts[:6]) + (f" And {count(len(texts) - 6)} more series." if len(texts) > 6 else "")


def _series(answered: Sequence[Finding]) -> dict[str, list[Finding]]:
    series: dict[str, list[Finding]] = {}
    for finding in answered:
        series.setdefault(place(finding), []).append(finding)
    return series


def _better(panel: "MetricPanel", metric: str) -> str:
    definition: Definition | None = panel.definitions.get(metric)
    return "" if definition is None else str(definition.better)


def _say_groups(title: str, better: str, answered: list[Finding]) -> str:
    ordered = sorted(answered, key=_value, reverse=better != "lower")
    first, last = ordered[0], ordered[-1]
    if len(ordered) == 1:
        return f"{title}: {brief(place(first))} {say_answer(first.answer)}."
    names = ("best", "worst") if better in ("higher", "lower") else ("highest", "lowest")
    return (
        f"{title} over {count(len(ordered))} groups: {names[0]} {brief(place(first))}, {say_answer(first.answer)}; "
        f"{names[1]} {brief(place(last))}, {say_answer(last.answer)}."
    )


def _say_course(title: str, better: str, run: list[Finding]) -> str:
    first, last = run[0], run[-1]
    if len(run) == 1:
        return f"{title} in {_period(first)}: {say_answer(first.answer)}."
    title = f"{title}, {_period(first)} to {_period(last)},"
    if better in ("higher", "lower"):
        return say_change(change(first.answer, last.answer, better=cast("Better", better)), title=title)
    assert isinstance(first.answer, Estimate)
    assert isinstance(last.answer, Estimate)
    was, is_now = (write(answer.value, answer.unit) for answer in (first.answer, last.answer))
    return f"{title} went from {was} to {is_now}."


def _period(finding: Finding) -> str:
    return dict(finding.where).get("period") or (str(finding.provenance.window) if finding.provenance.window else "")


def _value(finding: Finding) -> float:
    assert not isinstance(finding.answer, Refusal)
    return finding.answer.value
