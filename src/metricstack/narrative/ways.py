"""Sentences and a table for one question that was asked in many ways: does the answer hang on how it is asked?"""

from typing import TYPE_CHECKING

from metricstack.core.values import Grade, Refusal
from metricstack.experiments.effect import Effect
from metricstack.linkage.names import title_of
from metricstack.narrative.answers import GRADES
from metricstack.narrative.html import number_columns, one_level, outer
from metricstack.narrative.linkage import effect_cells, effect_words
from metricstack.narrative.sheet import Column, Line, Section, cell, escape, sheet
from metricstack.narrative.words import count, stem

if TYPE_CHECKING:
    from metricstack.linkage.specifications import Specification, Specifications

__all__ = ["say_ways", "ways_html"]

_UNSAID = "Cannot say."


def say_ways(found: "Specifications") -> str:
    """Say what the ways of asking come to together, then what each of them says, the strongest grade first."""
    lines = [_together(found)]
    for words, ways in _by_strength(found).items():
        lines.append(words)
        lines += [f"  {one.name}: {_told(one)}" for one in ways]
    return "\n".join(lines)


def _together(found: "Specifications") -> str:
    asked = f"{title_of(found.cause)} → {title_of(found.outcome)} was asked in {_many(len(found.ways))}"
    told = found.effects
    if not told:
        return f"{asked}; none answered."
    ends = [min(told, key=lambda one: one.value), max(told, key=lambda one: one.value)]
    low, high = (effect_words(one.estimate).partition(" (")[0] for one in ends)
    clear = [one.value for one in told if one.low is not None and one.high is not None and not one.low <= 0 <= one.high]
    if not clear:
        verdict = "none is clear of no effect"
    elif len({value > 0 for value in clear}) > 1:
        verdict = f"{count(len(clear))} are clear of no effect, and they do not agree on its direction"
    else:
        verdict = f"{count(len(clear))} {'is' if len(clear) == 1 else 'are'} clear of no effect, all {_way(clear[0])}"
    return f"{asked}; {count(len(told))} answered, from {low} to {high}: {verdict}."


def _many(n: int) -> str:
    return f"{count(n)} way{'' if n == 1 else 's'}"


def _way(value: float) -> str:
    return "upwards" if value > 0 else "downwards"


def _by_strength(found: "Specifications") -> dict[str, list["Specification"]]:
    """Sort the ways by what their answers are worth; those without one last."""
    groups = {
        GRADES[grade]: [one for one in found.ways if one.grade is grade and isinstance(one.answer, Effect)]
        for grade in Grade
    }
    groups[_UNSAID] = [one for one in found.ways if isinstance(one.answer, Refusal)]
    return {words: ways for words, ways in groups.items() if ways}


def _told(one: "Specification") -> str:
    return stem(one.answer.detail) if isinstance(one.answer, Refusal) else effect_words(one.answer.estimate)


def ways_html(found: "Specifications") -> str:
    """Show the ways of asking in words, then one row for each, by grade."""
    level = one_level(one.answer.estimate for one in found.ways if isinstance(one.answer, Effect))
    heads = [Column("Way of asking"), *number_columns(level, "Effect"), Column("Checks")]
    sections = [Section(tuple(_line(one, level) for one in ways), words) for words, ways in _by_strength(found).items()]
    return outer("ms-told", f"<p>{escape(_together(found))}</p>{sheet(heads, sections) if sections else ''}")


def _line(one: "Specification", level: float | None) -> Line:
    if not isinstance(one.answer, Effect):
        return Line(one.name, (cell(escape(f"{_told(one)}.")),))
    failed = [f"{check.name.replace('_', ' ')}: {check.detail}" for check in one.answer.checks if check.passed is False]
    told = "; ".join(failed)
    n = cell(escape(count(one.answer.estimate.n)), "n", number=True)
    return Line(one.name, (*effect_cells(one.answer.estimate, level), n, cell(escape(f"{told}." if told else ""))))
