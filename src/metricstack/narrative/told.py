"""Larger results as HTML: their sentences, then one table in which what all rows share stands once, above them."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from metricstack.core.units import write
from metricstack.core.values import Estimate, Finding, Refusal
from metricstack.narrative.answers import say_answer
from metricstack.narrative.changes import ARROWS, course
from metricstack.narrative.explanations import KINDS
from metricstack.narrative.html import evidence, number_columns, numbers, one_level, outer
from metricstack.narrative.sheet import FAINT, Column, Line, Section, cell, escape, sheet
from metricstack.narrative.words import stem

if TYPE_CHECKING:
    from metricstack.metrics.change.comparison import Compared, Comparison
    from metricstack.metrics.change.explanation import Breakdown, Explanation
    from metricstack.metrics.lineage import ColumnUse, Lineage, MeasureUse
    from metricstack.metrics.objectives.promise import BurnAlert, Kept, ObjectivePanel

__all__ = ["comparison_html", "explanation_html", "lineage_html", "objectives_html"]


def _told(value: Any, table: str) -> str:
    said = (escape(line).replace("−", "−&#8288;") for line in value.say().splitlines())  # no line ends after a minus
    lines = "".join(f'<p style="max-width:48em;overflow-wrap:anywhere">{line}</p>' for line in said)
    return outer("ms-told", lines + table)


def comparison_html(comparison: "Comparison") -> str:
    """Show a comparison: what changed in words, then one row per metric and group: change, verdict, from and to."""
    level = one_level(row.finding.answer for row in comparison)
    heads = [Column("Metric"), *number_columns(level, "Change"), Column("Verdict"), Column("Before → after")]
    groups: dict[str, list[Compared]] = {}
    for row in comparison:
        groups.setdefault(row.title if row.where else "", []).append(row)
    sections = [
        Section(tuple(_compared(row, level, grouped=bool(title)) for row in rows), title)
        for title, rows in groups.items()
    ]
    return _told(comparison, sheet(heads, sections))


def _compared(row: "Compared", level: float | None, *, grouped: bool) -> Line:
    head = " · ".join(value for _, value in row.where) if grouped else row.name
    difference = row.change.difference
    if isinstance(difference, Refusal):
        said = cell(f"<em>{escape(say_answer(difference))}</em>", kind="ms-refusal", span=5)
        return Line(head, (said,))
    was, now = (
        write(answer.value, answer.unit) if isinstance(answer, Estimate) else "unknown"
        for answer in (row.change.before, row.change.after)
    )
    _, per, below = now.partition(" per ")
    was = was.removesuffix(f"{per}{below}") if per else was
    verdict = f"{escape(row.verdict)}{' (exploratory)' if row.exploratory else ''}"
    notes = evidence(row.finding)
    verdict += f'<br><span style="{FAINT}">{notes}</span>' if notes else ""
    return Line(
        head,
        (
            *numbers(difference, level, signs=True, arrow=ARROWS[course(row.change)]),
            cell(verdict, kind=f"ms-verdict ms-{row.verdict.name.lower()}"),
            cell(escape(f"{was} → {now}"), kind="ms-course"),
        ),
    )


def explanation_html(explanation: "Explanation") -> str:
    """Show why a metric moved: in words, then all of the change, its parts by each dimension, the groups behind it."""
    level = one_level(finding.answer for finding in explanation.findings)
    title = explanation.definition.title or explanation.metric
    spanned = f"{explanation.before} → {explanation.after}"
    whole = Section((_shift("the whole change", explanation.total, level),), title, spanned)
    parts = [section for part in explanation.breakdowns for section in _breakdown(part, level)]
    return _told(explanation, sheet([Column("What moved"), *number_columns(level, "Change")], [whole, *parts]))


def _breakdown(part: "Breakdown", level: float | None) -> Iterable[Section]:
    name = part.name.replace("_", " ")
    if part.refusal is not None:
        return [Section((_shift("cannot be explained", part.refusal, level),), f"By {name}")]
    moved = [(kind, finding) for kind, finding in part.parts if not _nothing(finding)]
    kinds = Section(tuple(_shift(KINDS[kind], finding, level) for kind, finding in moved), f"By {name}")
    groups = tuple(_shift(group.name, group.shift, level) for group in part.groups)
    return [kinds, Section(groups, f"By {name}: each group", "largest first")]


def _nothing(finding: Finding) -> bool:
    answer = finding.answer
    return isinstance(answer, Estimate) and not any((answer.value, answer.low, answer.high))


def _shift(head: str, finding: Finding, level: float | None) -> Line:
    return Line(head, numbers(finding.answer, level, signs=True))


def objectives_html(panel: "ObjectivePanel") -> str:
    """Show objectives: in words, then for each what is kept, what is left of its budget, and every burn-rate alert."""
    level = one_level(finding.answer for finding in panel.findings)
    heads = [Column("Objective"), *number_columns(level), Column("Alert")]
    return _told(panel, sheet(heads, [_promise(kept, level) for kept in panel]))


def _promise(kept: "Kept", level: float | None) -> Section:
    rows = (("kept", kept.attainment), ("error budget left", kept.left), ("burn rate", kept.burn))
    lines = [Line(name, (*numbers(finding.answer, level), cell(evidence(finding)))) for name, finding in rows]
    lines += [_alert(alert, level) for alert in kept.alerts]
    title = f"{kept.title[0].upper()}{kept.title[1:]}"
    return Section(tuple(lines), title, f"{write(kept.objective.target, 'fraction')} promised over {kept.window}")


def _alert(alert: "BurnAlert", level: float | None) -> Line:
    said = {True: "fires", False: "quiet", None: "cannot say"}[alert.firing]
    short = alert.short.answer
    now = write(short.value, short.unit) if isinstance(short, Estimate) else "unknown"
    notes = f"<strong>{said}</strong>" if alert.firing else said
    notes += f' <span style="{FAINT}">{escape(f"above {alert.threshold:g}; in {_when(alert.short)}: {now}")}</span>'
    return Line(f"burn rate in {_when(alert.long)}", (*numbers(alert.long.answer, level), cell(notes)))


def _when(finding: Finding) -> str:
    window = finding.provenance.window
    return str(window) if window is not None and window.name else "its window"


def lineage_html(lineage: "Lineage") -> str:
    """Show what a metric is made of: its formula, then each measure and the columns that it reads."""
    formula = f'<p><strong>{escape(lineage.metric)}</strong> = <code style="overflow-wrap:anywhere">'
    return outer("ms-lineage", f"{formula}{escape(lineage.formula)}</code></p>{_made_of(lineage)}")


def _made_of(lineage: "Lineage") -> str:
    sections = list(_parts(lineage, {}))
    if not any(section.lines for section in sections):
        return "<p>It reads no column.</p>"
    return sheet([Column("Part"), Column("Does"), Column("Says"), Column("Reads")], sections)


def _parts(lineage: "Lineage", done: dict[str, None]) -> Iterable[Section]:
    """Yield a section per metric, each metric once."""
    if lineage.metric in done:
        return
    done[lineage.metric] = None
    lines = [_measure(use) for use in lineage.measures]
    lines += [_column(use) for use in lineage.columns]
    lines += [Line(name, (cell("input"), cell(escape(unit), "unit"), cell(""))) for name, unit in lineage.inputs]
    yield Section(tuple(lines), lineage.metric, lineage.table or lineage.formula)
    for part in lineage.metrics:
        yield from _parts(part, done)


def _measure(use: "MeasureUse") -> Line:
    bound = "".join(f" {name} = {value:g}." for name, value in use.bound)
    reads = ", ".join(dict.fromkeys(column.name for column in use.columns))
    says = cell(escape(f"{stem(use.about)}.{bound}"))
    return Line(use.name, (cell(escape(use.role)), says, cell(escape(reads), "reads")))


def _column(use: "ColumnUse") -> Line:
    return Line(use.column, (cell(escape(use.role)), cell(""), cell(escape(use.name), "reads")))
