"""Why a metric moved, for an executive: the part behind it with its number, how sure, then where the days shift.

Shorter than `say_explained`: one dimension, one group, one break. A row is said to stand at a break, never more.
"""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import TYPE_CHECKING

from metricstack.core.units import write
from metricstack.core.values import Estimate, Refusal
from metricstack.narrative.explained import named_first
from metricstack.narrative.words import brief, count, difference_interval, listed, signed, stem

if TYPE_CHECKING:
    from metricstack.linkage.explain import DatedRow, Explained
    from metricstack.metrics.change.explanation import Breakdown, Explanation, GroupShift

__all__ = ["say_parts", "say_standing_rows", "shown_breakdown"]

_NAMED = 2
_LITTLE = 0.05
_LONGEST = 31
_UNNAMED = "not recorded"
_KINDS = {"rate": "own rates", "mix": "the mix", "volume": "volume", "new": "new groups", "vanished": "vanished groups"}
_HOW = {
    "rate": "in its own rate",
    "mix": "in its share of the whole",
    "volume": "in its volume",
    "new": "which is new",
    "vanished": "which is gone",
}


def say_parts(explanation: "Explanation", titles: Mapping[str, str] | None = None) -> str:
    """Say which group is behind a change, how much of it and how sure that is, then its parts over all groups.

    Args:
        explanation: The change in parts.
        titles: Group as recorded → how a reader calls it.
    """
    part = shown_breakdown(explanation)
    whole = explanation.change.difference
    if isinstance(whole, Refusal) or part is None:
        why = next((one.refusal.answer for one in explanation.breakdowns if one.refusal is not None), whole)
        detail = stem(why.detail) if isinstance(why, Refusal) else "nothing is recorded that it can be split by"
        return f"What is behind it cannot be said: {detail}."
    lead = _lead(part, whole)
    kinds = _kinds(part)
    by = part.name.replace("_", " ")
    if lead is None:
        return f"By {by}, no group stands out: {kinds}." if kinds else f"By {by}, no group stands out."
    shift = lead.shift.answer
    assert isinstance(shift, Estimate)
    name = brief((titles or {}).get(lead.name, lead.name))
    part_of_it, all_of_it = signed(shift.value, shift.unit), signed(whole.value, whole.unit)
    if part_of_it == all_of_it:
        of_all = f"all of it, {all_of_it}"
    elif abs(shift.value) > abs(whole.value):
        of_all = f"more than all of it, {_bare(shift)} against {all_of_it}"
    else:
        of_all = f"{_bare(shift)} of {all_of_it}"
    sure = difference_interval(shift).replace(" of the difference", "").partition(" per ")[0]
    new, how = _how(lead)
    said = f"By {by}, {name}{new} accounts for {of_all}{f' ({sure})' if sure else ''}{how}."
    return f"{said} Over all: {kinds}." if kinds else said


def shown_breakdown(explanation: "Explanation") -> "Breakdown | None":
    """Return the breakdown worth a sentence: the first in which a group stands out, else the first there is."""
    whole = explanation.change.difference
    able = [part for part in explanation.breakdowns if part.refusal is None and len(part.by) == 1 and _splits(part)]
    if isinstance(whole, Refusal) or not able:
        return None
    return next((part for part in able if _lead(part, whole) is not None), able[0])


def _splits(part: "Breakdown") -> bool:
    """Whether it tells groups apart: several, and not only what nobody recorded."""
    return len(part.groups) > 1 and any(group.name != _UNNAMED for group in part.groups)


def _lead(part: "Breakdown", whole: Estimate) -> "GroupShift | None":
    """Return the group that moved most in the way of the change, where its interval leaves out 0."""
    for group in part.groups:
        shift = group.shift.answer
        if group.name == _UNNAMED or isinstance(shift, Refusal) or shift.value * whole.value <= 0:
            continue
        low, high = (shift.value if bound is None else bound for bound in (shift.low, shift.high))
        return group if low > 0 or high < 0 else None
    return None


def _how(group: "GroupShift") -> tuple[str, str]:
    """Say in what a group moved: of one that came or went behind its name, of any other at the end."""
    sizes = [(abs(f.answer.value), kind) for kind, f in group.parts if isinstance(f.answer, Estimate)]
    if not sizes:
        return "", ""
    kind = max(sizes)[1]
    return (f", {_HOW[kind]},", "") if kind in ("new", "vanished") else ("", f", {_HOW[kind]}")


def _kinds(part: "Breakdown") -> str:
    """List the parts of a change by kind, without those too small to tell."""
    sizes = [(_KINDS[kind], f.answer) for kind, f in part.parts if isinstance(f.answer, Estimate)]
    most = max((abs(answer.value) for _, answer in sizes), default=0.0)
    told = [f"{name} {_bare(answer)}" for name, answer in sizes if abs(answer.value) > _LITTLE * most]
    return listed(told) if told else ""


def _bare(answer: Estimate) -> str:
    """Write a difference without what it is per, which stands beside it."""
    return signed(answer.value, answer.unit).partition(" per ")[0]


def say_standing_rows(found: "Explained", titles: Mapping[str, str] | None = None) -> str:
    """Say where the daily level shifts and how sure that is, then which dated rows stand there and how usual that is.

    Args:
        found: The change with its break.
        titles: Use case as recorded → how a reader calls it.
    """
    shift = found.shift
    if isinstance(shift, Refusal):
        return f"Where its daily level shifts cannot be said: {stem(shift.detail)}."
    if found.between is None:
        return f"No day stands out: no single shift of its daily level is shown ({_p(shift.p_value)})."
    first, last = found.between
    unit = shift.estimate.unit
    before, after = (write(level.value, unit).partition(" per ")[0] for level in (shift.before, shift.after))
    moved = f"from {before} to {after}"
    sure = f"{_p(shift.p_value)} of no shift"
    if (last - first).days > _LONGEST:
        return (
            f"Its daily level shifts {moved} ({sure}), but the day cannot be told: it may be any from {_day(first)} to "
            f"{_day(last)}, so no dated row is looked up."
        )
    days = f"on {_day(first)}"
    if first != last:
        likeliest = first + timedelta(days=shift.at - shift.between[0])
        days = f"around {_day(likeliest)} ({_day(first)} to {_day(last)})"
    return f"Its daily level shifts {days} {moved} ({sure}). {_rows(found, titles or {})}"


def _p(value: float) -> str:
    return f"p\u00a0=\u00a0{value:.2g}"


def _day(day: date) -> str:
    return f"{day.day}\u00a0{day:%b}"


def _scope(explanation: "Explanation") -> str:
    """Return the group behind a change as rows name their scope: ``"use_case:support"``."""
    part, whole = shown_breakdown(explanation), explanation.change.difference
    lead = None if part is None or isinstance(whole, Refusal) else _lead(part, whole)
    return "" if part is None or lead is None else f"{part.name}:{lead.name}"


def _rows(found: "Explained", titles: Mapping[str, str]) -> str:
    if not found.tables:
        return "No table of dated rows is here to look through."
    if not found.rows:
        return f"No dated row of {listed(found.tables, last='or')} stands there."
    scope = _scope(found.explanation)
    told = [row for row in named_first(found.rows) if not row.is_routine]
    told.sort(key=lambda row: row.scope != scope)  # of the group behind the change first
    routine = len(found.rows) - len(told)
    ordinary = f"{count(routine)} routine deployment{'s' if routine > 1 else ''}"
    if not told:
        return f"Only {ordinary} {'stand' if routine > 1 else 'stands'} there."
    names = [f"{brief(_entitled(row, titles))} ({_day(row.day)})" for row in told[:_NAMED]]
    more = len(told) - _NAMED
    names += [f"{count(more)} more"] if more > 0 else []
    said = listed(names)
    verb = "stands" if len(told) == 1 else "stand"
    text = f"{said[0].upper()}{said[1:]} {verb} at the break"
    assert found.usual is not None
    assert found.between is not None
    return f"{text}: {_usual(len(told), found.between, found.usual)}."


def _usual(many: int, between: tuple[date, date], usual: float) -> str:
    """Say how many rows stand there, and whether that is more than any days hold: how little a row there means."""
    days = count((between[1] - between[0]).days + 2)  # with the day before, as the rows were looked up
    rows = f"{count(many)} row{'s' if many > 1 else ''}"
    about = f"about {count(round(usual))}" if round(usual) else "fewer than one"
    if many <= round(usual):
        return f"{rows}, no more than {days} days hold on average ({about})"
    return f"{rows}, where {days} days hold {about} on average"


def _entitled(row: "DatedRow", titles: Mapping[str, str]) -> str:
    dimension, _, value = row.scope.partition(":")
    if dimension != "use_case" or value not in titles or not row.what.endswith(row.scope):
        return row.what
    return row.what.removesuffix(row.scope) + titles[value]
