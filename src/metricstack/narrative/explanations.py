"""Sentences for why a metric moved, for what changed between two windows, and for what is kept of a promise."""

from typing import TYPE_CHECKING, Any

from metricstack.core.units import write
from metricstack.core.values import Estimate, Refusal
from metricstack.narrative.answers import say_answer
from metricstack.narrative.changes import say_change
from metricstack.narrative.words import brief, count, interval, listed, percent, signed, stem
from metricstack.numerics.change import Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from metricstack.metrics.change.comparison import Compared, Comparison
    from metricstack.metrics.change.explanation import Breakdown, Explanation
    from metricstack.metrics.objectives.promise import Kept, ObjectivePanel

__all__ = ["KINDS", "say_comparison", "say_explanation", "say_objectives"]

_NAMED = 3
_LISTED = 6
KINDS = {
    "rate": "the groups' own rates",
    "mix": "the mix of groups",
    "volume": "the volume",
    "new": "new groups",
    "vanished": "vanished groups",
}


def say_explanation(explanation: "Explanation") -> str:
    """Say how a metric moved, then by each dimension what did it, the dimension that concentrates it first."""
    lines = [say_change(explanation.change, title=explanation.definition.title or explanation.metric)]
    lines += [_say_breakdown(part) for part in explanation.breakdowns]
    return "\n".join(lines)


def _say_breakdown(part: "Breakdown") -> str:
    if part.refusal is not None:
        return f"By {part.name} that cannot be explained: {_why(part.refusal.answer)}."
    sizes = [(KINDS[kind], f.answer) for kind, f in part.parts if isinstance(f.answer, Estimate)]
    moved = [f"{name} {signed(answer.value, answer.unit)}" for name, answer in sizes if answer.value]
    text = f"By {part.name}: {listed(moved) if moved else 'nothing moved'}."
    named = [
        f"{brief(group.name)} {signed(group.shift.answer.value, group.shift.answer.unit)}"
        for group in part.groups[:_NAMED]
        if isinstance(group.shift.answer, Estimate) and group.shift.answer.value
    ]
    if named:
        text += f" Most did {listed(named)}."
    failed = [stem(check.detail) for check in part.checks if check.passed is False]
    return " ".join([text, *(f"{reason[0].upper()}{reason[1:]}." for reason in failed)])


def _why(answer: Any) -> str:
    return stem(answer.detail) if isinstance(answer, Refusal) else ""


def say_comparison(comparison: "Comparison") -> str:
    """Say what changed beyond noise after correction, then what did not, then what cannot be said."""
    tested = [row for row in comparison if row.verdict is not Verdict.UNKNOWN]
    moved = [row for row in tested if row.verdict is not Verdict.UNCLEAR]
    held = [row for row in tested if row.verdict is Verdict.UNCLEAR]
    family = ""
    if comparison.size > 1:
        family = (
            f", {count(comparison.size)} tests with at most {percent(comparison.false_discoveries)} false among those"
        )
    board = f" of the board {comparison.board!r}" if comparison.board else ""
    spanned = f"from {comparison.before} to {comparison.after}"
    lines = [f"{count(len(moved))} of {count(len(tested))} comparisons{board} changed {spanned}{family}."]
    if not tested:
        lines = [f"None of {count(len(comparison))} comparisons{board} {spanned} can be made."]
    for row in moved:
        said = say_change(row.change, title=brief(row.name))
        lines.append(f"{said} (Exploratory.)" if row.exploratory else said)
    if held:
        lines.append(f"No clear change: {_together(held)}.")
    reasons: dict[str, list[Compared]] = {}
    for row in comparison:
        if row.verdict is Verdict.UNKNOWN:
            reasons.setdefault(_why(row.change.difference), []).append(row)
    lines += [f"{_together(rows)} cannot be compared: {why}." for why, rows in reasons.items()]
    noted = [check for check in comparison.checks if check.passed is not True]
    lines += [f"{stem(check.detail)[0].upper()}{stem(check.detail)[1:]}." for check in noted]
    return "\n".join(lines)


def _together(rows: "Sequence[Compared]") -> str:
    """Name rows, each metric once with its groups behind it; of many groups the first few."""
    titles: dict[str, list[str]] = {}
    for row in rows:
        titles.setdefault(row.title, []).append(brief(" · ".join(value for _, value in row.where)))
    return listed([_grouped(title, groups) for title, groups in titles.items()])


def _grouped(title: str, groups: "Sequence[str]") -> str:
    if groups == [""]:
        return title
    more = [f"{count(len(groups) - _LISTED)} more"] if len(groups) > _LISTED + 1 else []
    return f"{title} ({listed([*groups[:_LISTED], *more] if more else list(groups))})"


def say_objectives(panel: "ObjectivePanel") -> str:
    """Say each objective: what is kept, what is left of the budget, which alert fires."""
    return "\n".join(_say_kept(kept) for kept in panel)


def _say_kept(kept: "Kept") -> str:
    target = write(kept.objective.target, "fraction")
    title = f"{kept.title[0].upper()}{kept.title[1:]}"
    answer = kept.attainment.answer
    if isinstance(answer, Refusal):
        said = say_answer(answer)
        return f"{title}, {target} promised: c{said[1:]}"
    text = f"{title}: {write(answer.value, 'fraction')} of {target} promised over {kept.window} ({interval(answer)})"
    left = kept.left.answer
    if isinstance(left, Estimate):
        spent = f"the budget is overspent by {write(-left.value, 'fraction')}"
        text += f"; {write(left.value, 'fraction') + ' of the error budget is left' if left.value >= 0 else spent}"
    for alert in kept.firing:
        burn = alert.long.answer
        if isinstance(burn, Estimate):
            text += f"; it burns {burn.value:.3g} times too fast (alert at {alert.threshold:g})"
            break
    return f"{text}."
