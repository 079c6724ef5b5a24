"""Which way round an edge is, in words: the three ways, what speaks for and against each, and how strongly."""

from typing import TYPE_CHECKING

from metricstack.linkage.names import spelled, title_of
from metricstack.narrative.answers import say_finding
from metricstack.narrative.html import outer
from metricstack.narrative.sheet import Column, Line, Section, cell, escape, sheet
from metricstack.narrative.words import stem

if TYPE_CHECKING:
    from metricstack.linkage.direction import DirectionAudit
    from metricstack.linkage.lead_lag import LeadLag

__all__ = ["direction_html", "say_direction", "say_lead_lag", "say_ways_of"]

_SAID = {"for": "spoken for", "against": "spoken against", "open": "open"}


def _named(audit: "DirectionAudit") -> dict[str, str]:
    cause, effect = (title_of(metric) for metric in audit.edge.split(" -> "))
    return {
        "cause_to_effect": f"{cause} moves {effect}",
        "effect_to_cause": f"{effect} moves {cause}",
        "common_driver": "Something moves both",
    }


def _standing(audit: "DirectionAudit", way: str) -> str:
    said, grade = _SAID[audit.says(way)], str(audit.grade(way))
    return f"{said} (grade {grade})" if grade != "none" else "nothing speaks for or against it"


def _because(audit: "DirectionAudit", way: str) -> list[str]:
    metrics = audit.edge.split(" -> ")
    return [f"{one.grade}, {one.says}: {spelled(stem(one.detail), *metrics)}" for one in audit.of(way)]


def say_ways_of(audit: "DirectionAudit") -> str:
    """Say the three ways in one line."""
    if not audit.clues:
        return "not known, nothing speaks for or against either way or a common driver"
    return "; ".join(f"{words}: {_standing(audit, way)}" for way, words in _named(audit).items())


def say_direction(audit: "DirectionAudit") -> str:
    """Say each way with what stands for it, and all that was found of it below."""
    lines = []
    for way, words in _named(audit).items():
        lines.append(f"{words}: {_standing(audit, way)}.")
        lines += [f"  {told}." for told in _because(audit, way)]
    return "\n".join(lines)


def direction_html(audit: "DirectionAudit") -> str:
    """Show the three ways as a table, one row each."""
    rows = []
    for way, words in _named(audit).items():
        told = "".join(f"<div>{escape(one)}</div>" for one in _because(audit, way))
        rows.append(Line(words, (cell(escape(_standing(audit, way)), "It is"), cell(told, "Since"))))
    heads = [Column("Way"), Column("It is"), Column("Since, by grade of evidence")]
    return outer("ms-told", sheet(heads, [Section(tuple(rows))]))


def say_lead_lag(found: "LeadLag") -> str:
    """Say which series moves first, and how sure that is over all lags."""
    says = f"{found.says[:1].upper()}{found.says[1:]}"
    looked = f"p = {found.p_value:.2g} over {len(found.profile)} lags"
    return f"{says} ({looked}). {say_finding(found.findings[0])}"
