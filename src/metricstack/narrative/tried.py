"""Sentences and a table for what was tried: a ledger of tests, and how much a portfolio of them can find."""

from typing import TYPE_CHECKING

from metricstack.core.units import write
from metricstack.linkage.names import title_of
from metricstack.narrative.html import outer
from metricstack.narrative.sheet import Column, Line, Section, cell, escape, sheet
from metricstack.narrative.words import brief, count, listed

if TYPE_CHECKING:
    from metricstack.linkage.ledger import Ledger, Trial
    from metricstack.linkage.portfolio_power import PortfolioPower

__all__ = ["ledger_html", "say_ledger", "say_power"]

_NOMINAL = 0.05
_LEAST = 0.0001


def say_ledger(ledger: "Ledger") -> str:
    """Say how many tests were run and what they came to; how many of their p-values chance alone puts below 0.05."""
    if not ledger.trials:
        return "No test was run."
    edges = len({one.edge for one in ledger})
    outcomes: dict[str, int] = {}
    for one in ledger:
        kind = one.outcome.partition(":")[0]
        outcomes[kind] = outcomes.get(kind, 0) + 1
    told = listed(
        [
            f"{count(n)} {kind.removesuffix('s') if n > 1 else kind}"
            for kind, n in sorted(outcomes.items(), key=lambda pair: -pair[1])
        ]
    )
    lines = [f"{_many(len(ledger), 'test')} of {_many(edges, 'edge')}: {told}."]
    p_values = [one.p_value for one in ledger if one.p_value is not None]
    if p_values:
        low = sum(p < _NOMINAL for p in p_values)
        lines.append(
            f"{count(low)} of {_many(len(p_values), 'p-value')} lie{'s' if low == 1 else ''} below {_NOMINAL:g}; "
            f"chance alone puts about {_NOMINAL * len(p_values):.2g} there."
        )
    return "\n".join(lines)


def _many(n: int, what: str) -> str:
    return f"{count(n)} {what}{'' if n == 1 else 's'}"


def ledger_html(ledger: "Ledger") -> str:
    """Show a ledger in words, then one row per test, by edge."""
    told = "".join(f"<p>{escape(line)}</p>" for line in say_ledger(ledger).splitlines())
    groups: dict[str, list[Trial]] = {}
    for one in ledger:
        groups.setdefault(one.edge, []).append(one)
    heads = [Column("Test"), Column("Outcome"), Column("p-value", number=True), Column("n", number=True), Column("Why")]
    sections = [
        Section(tuple(_line(one) for one in trials), " → ".join(title_of(metric) for metric in edge.split(" -> ")))
        for edge, trials in groups.items()
    ]
    return outer("ms-told", told + (sheet(heads, sections) if sections else ""))


def _line(one: "Trial") -> Line:
    p_value = "none"
    if one.p_value is not None:
        p_value = f"{one.p_value:.2g}" if one.p_value >= _LEAST else f"< {_LEAST:.4f}"
    return Line(
        one.test.replace("_", " "),
        (
            cell(escape(one.outcome.replace("_", " "))),
            cell(escape(p_value), "p-value", number=True),
            cell(escape(count(one.n)), "n", number=True),
            cell(escape(brief(one.detail))),
        ),
    )


def say_power(found: "PortfolioPower") -> str:
    """Say how often a portfolio shows a slope, and how many tests show it often enough."""
    slope = write(found.slope, "1")
    often = f"{count(found.tests)} tests show a slope of {slope} {write(found.power, 'fraction')} of the time"
    wanted = write(found.wanted, "fraction")
    if found.tests_needed <= found.tests:
        return f"{often}; {count(found.tests_needed)} would reach the {wanted} that is asked for."
    more = found.tests_needed - found.tests
    return f"{often}; the {wanted} that is asked for takes {count(found.tests_needed)}, {count(more)} more."
