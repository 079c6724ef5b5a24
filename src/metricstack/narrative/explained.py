"""Sentences and a table for a change with what is dated at its shift: never that a row made it."""

from typing import TYPE_CHECKING

from metricstack.core.units import write
from metricstack.core.values import Refusal
from metricstack.narrative.explanations import say_explanation
from metricstack.narrative.html import outer
from metricstack.narrative.sheet import Column, Line, Section, cell, escape, sheet
from metricstack.narrative.told import explanation_html
from metricstack.narrative.words import brief, count, listed, stem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from metricstack.linkage.explain import DatedRow, Explained

__all__ = ["explained_html", "named_first", "say_explained"]

_NAMED = 4


def say_explained(found: "Explained") -> str:
    """Say how the metric moved and by what parts, where its daily series shifts, and what stands there."""
    return "\n".join([say_explanation(found.explanation), _say_shift(found)])


def _say_shift(found: "Explained") -> str:
    shift = found.shift
    if isinstance(shift, Refusal):
        return f"Whether its daily level shifts cannot be said: {stem(shift.detail)}. {shift.remedy}".rstrip()
    if found.between is None:
        return f"No single shift of its daily level is shown (p = {shift.p_value:.2g}), so no dated row is looked up."
    first, last = found.between
    days = f"on {first}" if first == last else f"between {first} and {last}, most likely on {shift.day}"
    unit = shift.estimate.unit
    moved = f"from {write(shift.before.value, unit)} to {write(shift.after.value, unit)}"
    return f"Its daily level shifts {days}, {moved}. {_say_rows(found)}"


def _say_rows(found: "Explained") -> str:
    looked = listed(found.tables, last="or") if found.tables else ""
    if not found.tables:
        return "No table of dated rows is here to look through."
    if not found.rows:
        return f"No dated row of {looked} stands at the break."
    named = [f"{brief(row.what)} ({row.day})" for row in named_first(found.rows)[:_NAMED]]
    more = len(found.rows) - _NAMED
    named += [f"{count(more)} more"] if more > 0 else []
    verb = "stands" if len(found.rows) == 1 else "stand"
    said = f"{listed(named)} {verb} at the break"
    return f"{said[0].upper()}{said[1:]}; that is where to look, not yet why."


def named_first(rows: "Sequence[DatedRow]") -> "list[DatedRow]":
    """Order rows for a sentence: what is not routine first, then as they were, the nearest first."""
    return sorted(rows, key=lambda row: row.is_routine)


def explained_html(found: "Explained") -> str:
    """Show the parts of the change, then the shift in words and what stands at it, one row each."""
    told = f'<p style="max-width:48em;overflow-wrap:anywhere">{escape(_say_shift(found))}</p>'
    table = ""
    if found.rows:
        heads = [Column("At the break"), Column("Day"), Column("From the likeliest day"), Column("Recorded in")]
        table = sheet(heads, [Section(tuple(_line(row) for row in found.rows))])
    return explanation_html(found.explanation) + outer("ms-told", told + table)


def _line(row: "DatedRow") -> Line:
    away = "the same day"
    if row.days:
        away = f"{abs(row.days)} day{'s' if abs(row.days) > 1 else ''} {'later' if row.days > 0 else 'earlier'}"
    return Line(row.what, (cell(escape(str(row.day))), cell(escape(away)), cell(escape(row.table))))
