"""Sentences and tables for linkage: what moves what, by how much, and on which grade of evidence."""

import math
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from metricstack.core.units import write, write_points
from metricstack.core.values import Answer, Estimate, Grade, Refusal
from metricstack.linkage.names import RUNGS, layer_of, spelled, title_of
from metricstack.narrative.answers import GRADES
from metricstack.narrative.depth import SIGNS
from metricstack.narrative.direction import direction_html, say_ways_of
from metricstack.narrative.html import number_columns, one_level, outer
from metricstack.narrative.sheet import FAINT, Column, Line, Section, cell, escape, sheet
from metricstack.narrative.words import count, difference_limits, listed, percent, signed, stem

if TYPE_CHECKING:
    from metricstack.linkage.evidence import Evidence, Sensitivity
    from metricstack.linkage.linkage_map import EdgeChange, LinkageMap
    from metricstack.linkage.verdict import Edge

__all__ = [
    "doubts_of",
    "edge_html",
    "effect_cells",
    "effect_words",
    "in_reading_order",
    "map_html",
    "named_edge",
    "named_step",
    "rung_html",
    "say_changes",
    "say_edge",
    "say_edge_effect",
    "say_evidence",
    "say_grade",
    "say_map",
    "say_rung",
    "say_rung_effect",
    "say_standing",
    "weak_tests",
]

_VERDICTS = {
    "supports": "Supported",
    "contradicts": "Contradicted",
    "inconclusive": "Undecided",
    "refused": "Cannot be said",
}
_COUNTED = {"supports": "supported", "contradicts": "contradicted", "inconclusive": "undecided", "refused": "refused"}
_LAYERS = ("business", "quality", "reliability", "cost", "")
_CAPPED = {
    "portfolio": "experiments that moved other causes along",
    "single_test": "one experiment, which may act by other ways",
}
_SHORT = 24
_POINTS = "\u00a0points"
_STATUS = {"held": True, "failed": False, "untested": None}


def named_edge(edge: "Edge") -> str:
    """Name an edge by its metrics' titles: ``"Relevance → Conversion rate"``."""
    return f"{title_of(edge.cause)} → {title_of(edge.effect)}"


def named_step(edge: "Edge") -> str:
    """Name an edge by what is done and what it acts on: ``"Relevance +0.05 → Conversion rate"``."""
    return f"{title_of(edge.cause)} {edge.hypothesis.step_size} → {title_of(edge.effect)}"


def say_map(found: "LinkageMap") -> str:
    """Say how many edges hold and by which grade, then each edge that was found, the business first, then conflicts."""
    if not found.edges:
        return "No edge was declared, so there is nothing to say."
    lines = [f"{_summary(found)} {_promise(found)}"]
    lines += [f"{_sentence(edge)} {say_grade(edge.best)}" for edge in _in_order(found) if _is_found(edge)]
    lines += _conflicts(found)
    return "\n".join(lines)


def _summary(found: "LinkageMap") -> str:
    """Count the verdicts, each with its grades."""
    told = []
    for verdict, word in _COUNTED.items():
        edges = [edge for edge in found if edge.verdict == verdict]
        if not edges:
            continue
        grades = {grade: sum(edge.grade is grade for edge in edges) for grade in Grade if grade is not Grade.NONE}
        by = listed([f"{count(n)} of grade {grade}" for grade, n in grades.items() if n])
        told.append(f"{count(len(edges))} {word}{f' ({by})' if by else ''}")
    many = len(found)
    return f"{count(many)} {'edge' if many == 1 else 'edges'}: {listed(told)}."


def _promise(found: "LinkageMap") -> str:
    if not any(edge.best for edge in found):
        return "No rung stands for any of them."
    return (
        f"Of effects told from none at most {percent(found.q)} are false on average; "
        f"intervals are of level {percent(round(found.level, 4))}."
    )


def _in_order(found: "LinkageMap") -> list["Edge"]:
    """The business first, then by grade, then the sign that was expected."""
    grades = list(Grade)
    return sorted(
        found, key=lambda edge: (_LAYERS.index(layer_of(edge.effect)), grades.index(edge.grade), edge.verdict, edge.key)
    )


def in_reading_order(found: "LinkageMap") -> list["Edge"]:
    """Return the edges as a reader looks for them: what holds first, then the business first, then by grade."""
    verdicts = list(_VERDICTS)
    return sorted(_in_order(found), key=lambda edge: verdicts.index(edge.verdict))


def _is_found(edge: "Edge") -> bool:
    return edge.verdict in ("supports", "contradicts")


def _sentence(edge: "Edge") -> str:
    return spelled(edge.reason, edge.cause, edge.effect)


def _conflicts(found: "LinkageMap") -> list[str]:
    return [
        f"Conflict on {named_edge(edge)}: {spelled(stem(one.detail), edge.cause, edge.effect)}."
        for edge in _in_order(found)
        for one in edge.conflicts
    ]


def say_edge(edge: "Edge") -> str:
    """Say an edge: the question, the answer with its number, how strong the evidence is, what would settle it."""
    lines = [f"{_question(edge)} {_sentence(edge)}"]
    lines.append(f"{say_grade(edge.best)}{_rests(edge)}")
    lines += [f"Doubt: {one}." for one in doubts_of(edge)]
    lines += [f"Share: {one}." for one in _shares(edge)]
    lines += [f"Conflict: {spelled(stem(one.detail), edge.cause, edge.effect)}." for one in edge.conflicts]
    lines.append(f"Direction: {say_ways_of(edge.direction)}.")
    lines.append(f"Next: {_next(edge)}")
    return "\n".join(lines)


def weak_tests(one: "Evidence | None") -> str:
    """Say what experiments are that prove no edge; empty for other evidence."""
    return _CAPPED[one.rung] if one is not None and one.is_capped else ""


def say_grade(one: "Evidence | None") -> str:
    """Say what the grade of a rung lets a reader believe."""
    if one is None or not one.stands:
        return GRADES[Grade.NONE]
    weak = weak_tests(one)
    return f"Evidence {one.grade}: {weak}." if weak else GRADES[one.grade]


def doubts_of(edge: "Edge") -> list[str]:
    """Say what the deciding rung takes as given and is seen not to be so."""
    return [] if edge.best is None else [stem(spelled(one, edge.cause, edge.effect)) for one in edge.best.doubts]


def _shares(edge: "Edge") -> list[str]:
    """Say how much of what the deciding rung shows goes through each mediator, and what that takes for granted."""
    lines = []
    for one in () if edge.best is None else edge.best.shares:
        if isinstance(one.answer, Estimate):
            mediator = one.name.partition(": ")[2]
            granted = f"that nothing hidden moves {mediator} and {edge.effect} together (sequential ignorability)"
            text = f"{stem(one.detail)}. It takes for granted, and nothing here can tell, {granted}"
            lines.append(spelled(text, edge.cause, edge.effect, mediator))
    return lines


def _question(edge: "Edge") -> str:
    return f"What does {edge.hypothesis.step_size} of {title_of(edge.cause)} do to {title_of(edge.effect)}?"


def _rests(edge: "Edge") -> str:
    best = edge.best
    if best is None:
        return ""
    answer = edge.finding.answer
    level = answer.level if isinstance(answer, Estimate) else None
    sure = "" if level is None else f"; the interval is of level {percent(round(level, 4))}, adjusted for all edges"
    return f" It rests on {count(best.n)} {best.rung.counted} ({best.method}){sure}."


def _next(edge: "Edge") -> str:
    return f"{stem(spelled(edge.next_step, edge.cause, edge.effect))}."


def say_edge_effect(edge: "Edge") -> str:
    """Say the effect of one step with its interval, in the effect's unit; why there is none where no rung stands."""
    answer = edge.finding.answer
    if isinstance(answer, Refusal):
        return "cannot say"
    return effect_words(answer)


def map_html(found: "LinkageMap") -> str:
    """Show a map as a table by verdict, the business first, conflicts below."""
    if not found.edges:
        return outer("ms-told", f"<p>{escape(say_map(found))}</p>")
    level = one_level(edge.finding.answer for edge in found)
    level = None if level is None else round(level, 4)
    heads = [Column("Edge"), *number_columns(level, "Effect")[:2], Column("Evidence, and what is next")]
    sections: list[Section] = []
    refused: tuple[Section, ...] = ()
    for verdict, word in _VERDICTS.items():
        edges = [edge for edge in _in_order(found) if edge.verdict == verdict]
        section = Section(
            tuple(_line(edge, level) for edge in edges), word,
            f"{count(len(edges))} {'edge' if len(edges) == 1 else 'edges'}",
        )  # fmt: skip
        if edges and verdict == "refused":  # a table of their own: long words would push the numbers apart
            refused = (section,)
        elif edges:
            sections.append(section)
    said = f"<p>{escape(_summary(found))} {escape(_promise(found))}</p>"
    judged = sheet(heads, sections) if sections else ""
    unsaid = sheet([Column("Edge"), Column("Why, and what is next")], refused) if refused else ""
    return outer("ms-told", f"{said}{judged}{unsaid}{_list(_conflicts(found))}")


def _line(edge: "Edge", level: float | None) -> Line:
    answer = edge.finding.answer
    if isinstance(answer, Refusal):
        told = f"{spelled(stem(answer.detail), edge.cause, edge.effect)}."
        return Line(named_step(edge), (cell(f"{_block(told)}{_faint(edge)}"),))
    assert edge.best is not None
    rung = f"{edge.grade}: {RUNGS[edge.best.rung].lower()}, {count(edge.best.n)} {edge.best.rung.counted}"
    note = "; as large as matters" if edge.is_strong else "; too small to matter" if edge.is_immaterial else ""
    return Line(
        named_step(edge),
        (*effect_cells(answer, level), cell(f"{_block(f'{rung}{note}')}{_faint(edge)}")),
    )


def _block(text: str) -> str:
    return f'<div style="min-width:13em">{escape(text)}</div>'


def _faint(edge: "Edge") -> str:
    return f'<div style="{FAINT}">{escape(_next(edge))}</div>'


def say_standing(edge: "Edge", evidence: "Evidence") -> str:
    """Say what one rung of an edge's ladder counts for: it decides, stands, fails a check, or says nothing."""
    if evidence is edge.best:
        return "decides"
    if isinstance(evidence.estimate, Refusal):
        return f"cannot say: {stem(evidence.estimate.detail)}"
    if evidence.failed:
        return f"fails {listed([one.name.replace('_', ' ') for one in evidence.failed])}"
    return "stands"


def edge_html(edge: "Edge") -> str:
    """Show an edge: the answer, then each rung with its estimate and whether it stands, then on what each rests."""
    answers = [one.estimate if isinstance(one.estimate, Refusal) else one.estimate.estimate for one in edge.evidence]
    level = one_level(answers)
    heads = [Column("Rung"), *number_columns(level, "Effect")[:2], Column("Counts")]
    lines = [
        Line(f"{one.grade}: {RUNGS[one.rung].lower()}", _told(edge, one, answer, level))
        for one, answer in zip(edge.evidence, answers, strict=True)
    ]
    table = sheet(heads, [Section(tuple(lines))]) if lines else ""
    said = "".join(f"<p>{escape(line)}</p>" for line in say_edge(edge).splitlines())
    ways = direction_html(edge.direction) if edge.direction.clues else ""
    basis = "".join(_basis(edge, one) for one in edge.evidence)
    basis = f"<details><summary>On what each rung rests</summary>{basis}</details>" if basis else ""
    return outer("ms-told", f"{said}{table}{ways}{basis}")


def _told(edge: "Edge", one: "Evidence", answer: Answer, level: float | None) -> tuple[str, ...]:
    """The cells of a rung: its effect and what it counts for, or why it gives none."""
    if isinstance(answer, Refusal):
        why = spelled(f"cannot say: {stem(answer.detail)}.", edge.cause, edge.effect)
        return (cell(f"<em>{escape(why)}</em>", kind="ms-refusal", span=3),)
    why = "; ".join(stem(check.detail) for check in one.failed)
    counts = f"{say_standing(edge, one)}, {count(one.n)} {one.rung.counted}{f': {why}' if why else ''}"
    inner = f'<div style="min-width:11em">{escape(spelled(counts, edge.cause, edge.effect))}</div>'
    return (*effect_cells(answer, level), cell(inner))


def say_evidence(one: "Evidence") -> list[str]:
    """Say on what a rung rests: what must be true, what was checked, what would change it; one line for each."""
    told = [f"{SIGNS[_STATUS[a.status]]} {_with(f'{stem(a.name)} ({a.status})', a.detail)}" for a in one.assumptions]
    told += [
        f"{SIGNS[d.check.passed]} {_with(d.check.name.replace('_', ' '), d.check.detail)}" for d in one.diagnostics
    ]
    told += [f"{SIGNS[None]} {_with(part.name.replace('_', ' '), _varied(part))}" for part in one.sensitivity]
    if one.exclusion:
        told.append(f"{SIGNS[None]} {_with('exclusion', one.exclusion)}")
    return told


def _varied(part: "Sensitivity") -> str:
    if part.detail or part.answer is None:
        return part.detail
    if isinstance(part.answer, Refusal):
        return f"cannot say, since {stem(part.answer.detail)}"
    return write(part.answer.value, part.answer.unit)


def say_rung(one: "Evidence") -> str:
    """Say what a rung gives, then on what it rests."""
    name = f"{RUNGS[one.rung]} ({one.method})"
    if isinstance(one.estimate, Refusal):
        first = f"{name} cannot say: {stem(one.estimate.detail)}. {one.estimate.remedy}".rstrip()
    else:
        fails = "" if one.stands else f"; it fails {listed([f.name.replace('_', ' ') for f in one.failed])}"
        first = f"{name}: {say_rung_effect(one)}, {count(one.n)} {one.rung.counted}{fails}."
        first = f"{first} {say_grade(one)}".rstrip()
    return "\n".join([first, *say_evidence(one)])


def rung_html(one: "Evidence") -> str:
    """Show what a rung gives, then on what it rests."""
    first, *rest = say_rung(one).splitlines()
    return outer("ms-told", f"<p>{escape(first)}</p>{_list(rest)}")


def say_rung_effect(one: "Evidence") -> str:
    """Say what one rung gives, with its interval; nothing where it gives none."""
    if isinstance(one.estimate, Refusal):
        return ""
    return effect_words(one.estimate.estimate)


def effect_words(answer: Estimate) -> str:
    """Say an effect with its bounds."""
    value, bounds = _figures(answer)
    return f"{value}{f' ({bounds})' if bounds else ''}"


def _figures(answer: Estimate) -> tuple[str, str]:
    """An effect and its bounds with the figures that its interval bears; what it is per, the metric's title says."""
    unit, half = answer.unit.partition("/")[0], answer.half_width
    bounds = (answer.low, answer.high)
    if unit != "fraction" or half is None or not 0 < half < math.inf or answer.parts:
        short = replace(answer, unit=unit)
        return signed(answer.value, unit), difference_limits(short)
    texts = [write_points(value, half) for value in (answer.value, *bounds) if value is not None]
    return f"{texts[0]}{_POINTS}", f"{texts[1]} to {texts[2]}{_POINTS}"


def effect_cells(answer: Estimate, level: float | None) -> tuple[str, str]:
    """Return the cells of an effect and of its interval, with its level where the head does not say it."""
    value, bounds = _figures(answer)
    if bounds and level is None and answer.level is not None:
        bounds = f"{bounds} ({percent(round(answer.level, 4))})"
    label = f"{percent(level)} interval" if bounds and level is not None else "Interval"
    return (
        cell(escape(value), kind="ms-value ms-short", number=True, bold=True),
        cell(escape(bounds), label, kind=f"ms-interval{' ms-short' if len(bounds) <= _SHORT else ''}"),
    )


def _basis(edge: "Edge", one: "Evidence") -> str:
    told = say_evidence(one)
    if not told:
        return ""
    name = f"{RUNGS[one.rung]}: {one.method}"
    return f"<p><strong>{escape(name)}</strong></p>{_list(spelled(text, edge.cause, edge.effect) for text in told)}"


def _with(name: str, detail: str) -> str:
    return f"{name}: {stem(detail)}" if detail else name


def _list(lines: Iterable[str]) -> str:
    items = "".join(f"<li>{escape(line)}</li>" for line in lines)
    return f'<ul style="list-style:none;padding-left:0">{items}</ul>' if items else ""


def say_changes(changes: "tuple[EdgeChange, ...]") -> str:
    """Say what has changed since another map, one line for each."""
    if not changes:
        return "Nothing has changed since the previous map."
    lines = []
    for one in changes:
        name = " → ".join(title_of(metric) for metric in one.edge.split(" -> "))
        if one.what == "new":
            lines.append(f"{name} is new: {_COUNTED.get(one.after, one.after)}.")
        elif one.what == "gone":
            lines.append(f"{name} is gone: it was {_COUNTED.get(one.before, one.before)}.")
        else:
            lines.append(
                f"{name}: {one.what} from {_COUNTED.get(one.before, one.before)} to "
                f"{_COUNTED.get(one.after, one.after)}."
            )
    return "\n".join(lines)
