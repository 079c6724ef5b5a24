"""Sentences and a table for experiments that run: what to do today, how far they are, and why."""

from typing import TYPE_CHECKING

from metricstack.narrative.html import outer
from metricstack.narrative.sheet import Column, Line, Section, cell, escape, sheet
from metricstack.narrative.words import count, listed

if TYPE_CHECKING:
    from metricstack.experiments.monitor import Monitor, Watched

__all__ = ["monitor_html", "say_monitor", "say_progress", "say_watched"]

_NONE = "No experiment runs at the end of the data."
_ADVICE = {"stop": "Stop", "read": "Read it", "wait": "Wait"}


def say_monitor(found: "Monitor") -> str:
    """Say of each experiment what to do today and why."""
    lines = (
        f"{one.readout.key}: {_ADVICE[one.advice]}. {say_watched(one)} {say_progress(one)}." for one in found.watched
    )
    return "\n".join(lines) or _NONE


def say_progress(one: "Watched") -> str:
    """Say how far an experiment is."""
    declared = one.readout.declaration
    told = f"{count(one.units)} {declared.unit}s"
    if declared.planned_n is not None:
        told = f"{count(one.units)} of {count(declared.planned_n)} planned {declared.unit}s"
    parts = [told]
    if one.state != "running":
        parts.append(one.state)
    elif one.days_left:
        days = f"{count(one.days_left)} more day{'' if one.days_left == 1 else 's'}"
        parts.append(f"about {days} at {one.per_day:,.0f} a day")
    if one.next_look is not None and one.state == "running":
        parts.append(f"next look at {count(one.next_look)}")
    return ", ".join(parts)


def say_watched(one: "Watched") -> str:
    """Say why: harm first, then the split, then what the design says."""
    if one.harm:
        return f"{listed([reading.title for reading in one.harm])} got worse for certain."
    return f"The split is broken: {one.split.detail}." if one.split.passed is False else one.readout.decided.why


def monitor_html(found: "Monitor") -> str:
    """Show experiments that run, one row each."""
    if not found.watched:
        return outer("ms-told", f"<p>{_NONE}</p>")
    heads = [Column("Experiment"), Column("Today"), Column("Progress"), Column("Why")]
    lines = [
        Line(
            one.readout.key,
            (
                cell(escape(_ADVICE[one.advice]), bold=True),
                cell(escape(say_progress(one))),
                cell(escape(say_watched(one))),
            ),
        )
        for one in found.watched
    ]
    return outer("ms-told", sheet(heads, [Section(tuple(lines))]))
