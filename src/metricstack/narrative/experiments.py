"""Sentences and tables for what experiments showed: the verdict first, then the effect, then whether it holds."""

from typing import TYPE_CHECKING, Any

from metricstack.core.values import Answer, Refusal
from metricstack.narrative.answers import say_answer, say_finding
from metricstack.narrative.depth import change_of, say_over_time, say_segmented, split_html
from metricstack.narrative.html import number_columns, numbers, one_level, outer
from metricstack.narrative.sheet import Column, Line, Section, cell, escape, sheet
from metricstack.narrative.words import count, interval, listed, signed, stem

if TYPE_CHECKING:
    from metricstack.experiments.effect import Effect
    from metricstack.experiments.futility import Futility
    from metricstack.experiments.reading import Reading
    from metricstack.experiments.readout import Portfolio, Readout

__all__ = [
    "portfolio_html",
    "readout_html",
    "say_effect",
    "say_findings",
    "say_futility",
    "say_portfolio",
    "say_reading",
    "say_readout",
]

_ORDER = ("ship", "rollback", "hold", "inconclusive", "invalid")
_WORDS = {
    "ship": "Ship it",
    "rollback": "Roll it back",
    "hold": "Hold",
    "inconclusive": "Inconclusive",
    "invalid": "Invalid",
}
_DONE = {
    "ship": "to ship",
    "rollback": "to roll back",
    "hold": "to hold",
    "inconclusive": "inconclusive",
    "invalid": "invalid",
}


def say_effect(effect: "Effect") -> str:
    """Say an effect: how large, how sure, and how often chance alone gives as much."""
    said = say_answer(effect.estimate)
    return said if effect.p_value is None else f"{said}, p = {effect.p_value:.2g}"


def say_findings(result: Any) -> str:
    """Say a result that is made of findings, one line for each."""
    return "\n".join(say_finding(finding) for finding in result.findings)


def say_readout(readout: "Readout") -> str:
    """Say what to do and why, what each metric did, and what stands in the way."""
    lines = [f"{readout.key}: {_WORDS[readout.verdict]}. {readout.decided.why}"]
    if readout.decided.more:
        lines.append(f"About {count(readout.decided.more)} more {readout.declaration.unit}s are needed.")
    if readout.verdict != "invalid":  # why it is has been said; no metric has more to say
        lines += [f"{one.title} ({one.role}): {say_reading(one)}{_beside(one)}." for one in readout.readings]
        lines += [say_segmented(one) for one in readout.segments]
        if not isinstance(readout.over_time, Refusal):
            lines.append(say_over_time(readout.over_time))
    noted = [stem(check.detail) for check in readout.checks if not check.passed]
    lines += [f"{text[0].upper()}{text[1:]}." for text in noted if text not in readout.decided.why]
    return "\n".join(lines)


def say_portfolio(portfolio: "Portfolio") -> str:
    """Say how many experiments came to which verdict, then the invalid ones with why."""
    unread = [f"To mend: {fault}" for fault in portfolio.faults]
    if not portfolio.readouts:
        return "\n".join(["No experiment was declared." if not unread else "No declaration can be read.", *unread])
    counts = {name: sum(readout.verdict == name for readout in portfolio.readouts) for name in _ORDER}
    told = listed([f"{count(n)} {_DONE[name]}" for name, n in counts.items() if n])
    lines = [f"{_many(len(portfolio))}: {told}."]
    lines += [f"{one.key}: {one.decided.why}" for one in portfolio.readouts if one.verdict == "invalid"]
    return "\n".join([*lines, *unread])


def _many(n: int) -> str:
    return f"{count(n)} {'experiment' if n == 1 else 'experiments'}"


def _shown(reading: "Reading") -> Answer:
    """The relative effect, else the absolute one."""
    return reading.answer if isinstance(reading.relative, Refusal) else reading.relative.estimate


def say_reading(reading: "Reading") -> str:
    """Say one metric's change as a part of control, with how sure; in its own unit where no part can be told."""
    answer = _shown(reading)
    if isinstance(answer, Refusal):
        return f"cannot say, since {stem(answer.detail)}"
    sure = interval(answer)
    return f"{change_of(answer)}{f' ({sure})' if sure else ''}"


def _beside(reading: "Reading") -> str:
    """What else is known of an effect: what covariates took away, the p-value of one of several, everyone's."""
    told = []
    if reading.variance_reduction is not None:
        told.append(f"{reading.variance_reduction:.0%} of its variance removed by what was known before")
    if reading.p_adjusted is not None:
        told.append(f"adjusted p = {reading.p_adjusted:.2g}")
    if reading.everyone is not None and not isinstance(reading.everyone, Refusal):
        everyone = reading.everyone.estimate
        failed = [stem(check.detail) for check in reading.everyone.checks if check.passed is False]
        doubt = f", which does not hold: {listed(failed)}" if failed else ""
        told.append(f"{signed(everyone.value, everyone.unit)} over everyone ({interval(everyone)}){doubt}")
    return "".join(f"; {one}" for one in told)


def say_futility(found: "Futility") -> str:
    """Say where the primary stands beside its futility bound."""
    where = f"look {found.look} of {found.looks}: z = {found.z:.2f} towards good"
    if found.look == found.looks:
        return f"{where}; the last look decides"
    return f"{where}, {'at or below' if found.is_met else 'above'} the bound of {found.bound:.2f}, which is not binding"


def readout_html(readout: "Readout") -> str:
    """Show one experiment: the verdict in words, one row per metric, then the checks of the comparison."""
    level = one_level(_shown(one) for one in readout.readings)
    heads = [Column("Metric"), *number_columns(level, "Change"), Column("For")]
    rows = () if readout.verdict == "invalid" else readout.readings
    table = sheet(heads, [Section(tuple(_metric(one, level) for one in rows))]) if rows else ""
    arms = ", ".join(f"{arm} {count(n)}" for arm, n in readout.units.items())
    head = (
        f"<p><strong>{escape(_WORDS[readout.verdict])}.</strong> {escape(readout.decided.why)}</p>"
        f"<p>{escape(f'{readout.key}: {readout.declaration.hypothesis} {readout.declaration.unit}s: {arms}.')}</p>"
    )
    return outer("ms-told", f"{head}{table}{split_html(readout.split)}")


def _metric(one: "Reading", level: float | None) -> Line:
    return Line(one.title, (*numbers(_shown(one), level), cell(escape(str(one.role)), "for")))


def portfolio_html(portfolio: "Portfolio") -> str:
    """Show experiments side by side: one row each, by verdict, with the primary's effect and why."""
    level = one_level(_shown(one.primary) for one in portfolio.readouts)
    heads = [Column("Experiment"), *number_columns(level, "Change"), Column("Why")]
    sections = []
    for name in _ORDER:
        rows = [one for one in portfolio.readouts if one.verdict == name]
        if rows:
            sections.append(Section(tuple(_row(one, level) for one in rows), _WORDS[name], _many(len(rows))))
    told = [say_portfolio(portfolio).splitlines()[0], *(f"To mend: {fault}" for fault in portfolio.faults)]
    said = "".join(f"<p>{escape(line)}</p>" for line in told)
    return outer("ms-told", said + (sheet(heads, sections) if sections else ""))


def _row(readout: "Readout", level: float | None) -> Line:
    head = f"{readout.key}: {readout.primary.title}"
    if readout.verdict == "invalid":
        return Line(head, (cell("<em>nothing can be read</em>", kind="ms-refusal", span=3), _why(readout)))
    return Line(head, (*numbers(_shown(readout.primary), level), _why(readout)))


def _why(readout: "Readout") -> str:
    return cell(escape(readout.decided.why))
