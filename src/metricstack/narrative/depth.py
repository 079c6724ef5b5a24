"""Sentences and tables for whom an experiment reached and how its effect moved over time."""

from typing import TYPE_CHECKING

from metricstack.core.units import write_change
from metricstack.core.values import Answer, Estimate, Refusal
from metricstack.narrative.html import number_columns, numbers, one_level, outer
from metricstack.narrative.sheet import Column, Line, Section, escape, sheet
from metricstack.narrative.words import count, interval, listed, signed, stem

if TYPE_CHECKING:
    from metricstack.experiments.over_time import OverTime
    from metricstack.experiments.readout import Split
    from metricstack.experiments.segments import Segment, Segmented, Segments

__all__ = [
    "SIGNS",
    "change_of",
    "over_time_html",
    "say_over_time",
    "say_segmented",
    "say_segments",
    "say_split",
    "segmented_html",
    "segments_html",
    "split_html",
]

SIGNS = {True: "✓", False: "✗", None: "•"}
"""How a check stands: it holds, fails, or informs."""
_MOVES = {
    "novelty": "The effect on {title} wears off: {trend}.",
    "primacy": "The effect on {title} grows: {trend}.",
    "steady": "The effect on {title} shows no trend over the days since exposure: {trend}.",
}


def say_segmented(found: "Segmented") -> str:
    """Say whether the effect differs by a dimension, and only then where."""
    by = f"by {found.dimension.replace('_', ' ')}"
    if isinstance(found.differs, Refusal):
        return f"Whether the effect differs {by} cannot be told: {stem(found.differs.detail)}."
    told = f"p = {found.differs.p_value:.2g}"
    if not found.differs.differs:
        return f"The effect shows no difference {by} ({told}): read the one over all."
    out = [f"{part.value} ({_change(part)})" for part in found.parts if part.stands_out]
    where = f"{listed(out)} stand{'s' if len(out) == 1 else ''} out" if out else "no single one stands out"
    return f"The effect differs {by} ({told}): {where}."


def say_over_time(found: "OverTime") -> str:
    """Say whether the effect wears off, grows or stays."""
    if isinstance(found.trend, Refusal):
        return f"How the effect moves over time cannot be told: {stem(found.trend.detail)}."
    trend = f"{signed(found.trend.value, found.trend.unit)} from the first stretch to the last"
    sure = interval(found.trend.estimate)
    return _MOVES[found.kind].format(title=found.title, trend=f"{trend} ({sure})")


def segmented_html(found: "Segmented") -> str:
    """Show the effect in each segment, below what the test of all says."""
    level = one_level(_shown(part) for part in found.parts)
    heads = [Column(found.dimension.replace("_", " ").capitalize()), *number_columns(level, "Change")]
    lines = [Line(_named(part), numbers(_shown(part), level)) for part in found.parts]
    return outer("ms-told", f"<p>{escape(say_segmented(found))}</p>" + sheet(heads, [Section(tuple(lines))]))


def say_segments(found: "Segments") -> str:
    """Say for each dimension whether the effect differs, or why none was asked."""
    return "\n".join(say_segmented(one) for one in found) or f"For whom: {found.why}."


def segments_html(found: "Segments") -> str:
    """Show the effect in each segment of each dimension."""
    return "".join(segmented_html(one) for one in found) or outer("ms-told", f"<p>{escape(say_segments(found))}</p>")


def say_split(found: "Split") -> str:
    """Say whether the comparison holds, check by check."""
    return "\n".join(f"{SIGNS[check.passed]} {stem(check.detail)}" for check in found.checks)


def split_html(found: "Split") -> str:
    """Show whether the comparison holds, check by check."""
    checks = "".join(f"<li>{SIGNS[check.passed]} {escape(stem(check.detail))}</li>" for check in found.checks)
    return outer("ms-told", f'<ul style="list-style:none;padding-left:0">{checks}</ul>')


def over_time_html(found: "OverTime") -> str:
    """Show the effect in each stretch of days, below what the trend says."""
    answers = [one.effect if isinstance(one.effect, Refusal) else one.effect.estimate for one in found.stretches]
    level = one_level(answers)
    heads = [Column("Since exposure"), *number_columns(level, "Effect")]
    lines = [
        Line(one.label, numbers(answer, level, signs=True))
        for one, answer in zip(found.stretches, answers, strict=True)
    ]
    return outer("ms-told", f"<p>{escape(say_over_time(found))}</p>" + sheet(heads, [Section(tuple(lines))]))


def _named(part: "Segment") -> str:
    units = "" if part.units is None else f", {count(part.units)} units"
    return f"{part.value}{units}{', stands out' if part.stands_out else ''}"


def _shown(part: "Segment") -> Answer:
    found = part.effect if isinstance(part.relative, Refusal) else part.relative
    return found if isinstance(found, Refusal) else found.estimate


def _change(part: "Segment") -> str:
    answer = _shown(part)
    return "not told" if isinstance(answer, Refusal) else change_of(answer)


def change_of(answer: Estimate) -> str:
    """Write an effect: a fraction of control in per cent, anything else in its own unit."""
    if answer.unit == "fraction":
        return write_change(1.0, 1.0 + answer.value, "1")
    return signed(answer.value, answer.unit)
