"""Sentences and a table for an experiment to come: how long it takes, what is seen by when, what rows would hide."""

from typing import TYPE_CHECKING

from metricstack.core.units import write
from metricstack.core.values import Estimate, Refusal
from metricstack.experiments.prospect import Needed
from metricstack.narrative.html import outer
from metricstack.narrative.sheet import Column, Line, Section, cell, escape, sheet
from metricstack.narrative.words import count, interval, listed, percent, stem

if TYPE_CHECKING:
    from metricstack.experiments.prospect import ExperimentPlan, MetricPlan

__all__ = [
    "plan_html",
    "plan_rows",
    "say_hidden",
    "say_needed",
    "say_notes",
    "say_plan",
    "say_planned",
    "say_target",
    "say_weeks",
]

_WEEKS = {7: "1 week", 14: "2 weeks", 28: "4 weeks"}
_WORTH = 0.02
"""A covariate that takes less of the variance away is not worth a word."""


def say_plan(plan: "ExperimentPlan") -> str:
    """Say how long it takes, then of each metric what it is and what is seen by when, then what does not fit."""
    lines = [say_planned(plan)]
    for one in plan.metrics:
        if isinstance(one.baseline, Refusal):
            if len(lines) > 1 or plan.window is not None:  # else the first line has said it of all
                lines.append(f"{one.title} ({one.role}): cannot say, since {_why(one.baseline)}")
            continue
        assert isinstance(one.value, Estimate)
        unit = plan.declaration.unit
        told = [f"{one.title} ({one.role}) is {write(one.value.value, one.value.unit)} ({interval(one.value)})"]
        if one.needed is not None:
            told.append(_asked(one, unit))
        told += [say_weeks(one), say_hidden(one, unit)]
        lines.append(" ".join(f"{stem(text)}." for text in told if text))
    lines += [f"{_upper(stem(check.detail))}." for check in plan.checks if not check.passed]
    return "\n".join(line for line in lines if line)


def _asked(one: "MetricPlan", unit: str) -> str:
    """What the target takes, as a sentence."""
    target, needed = say_target(one), say_needed(one, unit)
    if one.target is None or not isinstance(one.needed, Needed):
        return f"{_upper(target)}: {needed}" if one.target is not None else _upper(needed)
    return f"{'To exclude ' if one.guardrail is not None else ''}{target} takes {needed}"


def say_planned(plan: "ExperimentPlan") -> str:
    """Say how long it takes to decide, with all that is asked of it."""
    needed = plan.needed
    if isinstance(needed, Refusal):
        whose = next(one for one in plan.metrics if one.needed is needed)
        which = f" for {whose.title}" if plan.window is not None and len(plan.metrics) > 1 else ""
        return f"{plan.key}: cannot say how long it takes{which}, since {_why(needed)}"
    guards = sum(one.needed is not None for one in plan.metrics) - 1
    kept = f" and keep {'its guardrail' if guards == 1 else f'its {guards} guardrails'}" if guards else ""
    return (
        f"{plan.key}: {_days(needed.days)} and about {count(needed.units)} {plan.declaration.unit}s find what matters "
        f"of {plan.primary.title}{kept}, {'each ' if guards else ''}with a power of {percent(plan.power)}."
    )


def say_target(one: "MetricPlan") -> str:
    """Say what is asked of a metric; "" where nothing was stated."""
    if one.target is None:
        return ""
    return f"{'harm beyond' if one.guardrail is not None else 'An effect of'} {write(one.target, one.unit)}"


def say_needed(one: "MetricPlan", unit: str) -> str:
    """Say what the target takes, and how much less with the past taken off."""
    if isinstance(one.needed, Refusal):
        return stem(one.needed.detail)
    if one.needed is None:
        return ""
    found = f"{count(one.needed.units)} {unit}s, {_days(one.needed.days)}"
    if one.needed.expected is not None and one.guardrail is None:
        found = f"{found}, at most; {count(round(one.needed.expected))} on average where the effect is there"
    reduction = None if isinstance(one.baseline, Refusal) else one.baseline.reduction
    if isinstance(one.adjusted, Needed) and reduction is not None and reduction >= _WORTH:
        fewer = f"{count(one.adjusted.units)} {unit}s, {_days(one.adjusted.days)}"
        share = write(reduction, "fraction")
        found += f"; {fewer} with what each {unit} did before as a covariate ({share} of the variance)"
    return found


def say_weeks(one: "MetricPlan") -> str:
    """Say what is seen after one, two and four weeks."""
    if not one.weeks:
        return ""
    seen = listed([write(one.seen(sight), one.unit) for sight in one.weeks])
    after = listed([_WEEKS[sight.days].partition(" ")[0] for sight in one.weeks])
    what = "harm beyond {} is excluded" if one.guardrail is not None else "an effect of {} is seen"
    return f"After {after} week{'' if after == '1' else 's'} {what.format(seen)}"


def say_hidden(one: "MetricPlan", unit: str) -> str:
    """Say what counting rows would have hidden; "" where it is little."""
    nested = None if isinstance(one.baseline, Refusal) else one.baseline.nested
    if nested is None or nested.design_effect < 1.05:
        return ""
    return (
        f"Rows of one {unit} resemble one another ({nested.rows:.1f} on average, intraclass correlation "
        f"{nested.icc:.2g}): "
        f"the variance is {nested.design_effect:.2f} times what a count of rows would say"
    )


def _why(refusal: Refusal) -> str:
    return f"{stem(refusal.detail)}. {refusal.remedy}".strip()


def _days(days: int) -> str:
    return f"{count(days)} day{'' if days == 1 else 's'}"


def _upper(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}"


def say_notes(plan: "ExperimentPlan") -> list[str]:
    """Say what does not fit, and what rows would hide."""
    notes = [f"{_upper(stem(check.detail))}." for check in plan.checks if not check.passed]
    hidden = ((one, say_hidden(one, plan.declaration.unit)) for one in plan.metrics)
    return [*notes, *(f"{one.title}: {text[:1].lower()}{text[1:]}." for one, text in hidden if text)]


def plan_rows(plan: "ExperimentPlan") -> list[dict[str, str]]:
    """Return one row per metric, in words: what it is, what is asked of it and takes how long, what is seen by when.

    Nothing where the past is not known: the first sentence has said why. What no metric has is left out.
    """
    rows = [_told(one) for one in plan.metrics] if plan.window is not None else []
    empty = [name for name in (rows[0] if rows else ()) if not any(row[name] for row in rows)]
    return [{name: text for name, text in row.items() if name not in empty} for row in rows]


def _told(one: "MetricPlan") -> dict[str, str]:
    known, needed = not isinstance(one.baseline, Refusal), one.needed
    seen = dict.fromkeys(_WEEKS, "") | {sight.days: write(one.seen(sight), one.unit) for sight in one.weeks}
    return {
        "metric": one.title, "role": str(one.role),
        "now": write(one.value.value, one.value.unit) if isinstance(one.value, Estimate) else "",
        "to find": "" if one.target is None else write(one.target, one.unit),
        "units": count(needed.units) if isinstance(needed, Needed) else "",
        "days": count(needed.days) if isinstance(needed, Needed) else "",
        **{f"after {words}": seen[days] for days, words in _WEEKS.items()},
        "note": "" if known and not isinstance(needed, Refusal) else _reason(one),
    }  # fmt: skip


def _reason(one: "MetricPlan") -> str:
    refusal = one.baseline if isinstance(one.baseline, Refusal) else one.needed
    return stem(refusal.detail) if isinstance(refusal, Refusal) else ""


def plan_html(plan: "ExperimentPlan") -> str:
    """Show a plan: how long it takes, one row per metric, then what does not fit."""
    numbers = ["Now", "To find", f"{_upper(plan.declaration.unit)}s", "Days", *(f"After {w}" for w in _WEEKS.values())]
    heads = [Column("Metric"), *(Column(name, number=True) for name in numbers)]
    sections = []
    for role in dict.fromkeys(str(one.role) for one in plan.metrics):
        lines = tuple(_row(one, plan.declaration.unit) for one in plan.metrics if str(one.role) == role)
        sections.append(Section(lines, _upper(role)))
    items = "".join(f"<li>{escape(note)}</li>" for note in say_notes(plan))
    under = f'<ul style="padding-left:1.2em">{items}</ul>' if items else ""
    table = sheet(heads, sections) if plan.window is not None else ""
    return outer("ms-told", f"<p>{escape(say_planned(plan))}</p>{table}{under}")


def _row(one: "MetricPlan", unit: str) -> Line:
    if isinstance(one.baseline, Refusal):
        return Line(one.title, (cell(f"<em>{escape(stem(one.baseline.detail))}</em>", kind="ms-refusal", span=7),))
    told = _told(one)
    cells = [
        cell(escape(told["now"]), "now", kind="ms-value", number=True),
        cell(escape(told["to find"]), "to find", kind="ms-short", number=True),
    ]
    if isinstance(one.needed, Needed):
        cells.append(cell(escape(told["units"]), f"{unit}s", number=True))
        cells.append(cell(escape(told["days"]), "days", number=True, bold=True))
    else:
        why = "" if one.needed is None else f"<em>{escape(stem(one.needed.detail))}</em>"
        cells.append(cell(why, kind="ms-refusal", span=2))
    after = [name for name in told if name.startswith("after ")]
    cells += [cell(escape(told[name]), name, kind="ms-short", number=True) for name in after]
    return Line(one.title, tuple(cells))
