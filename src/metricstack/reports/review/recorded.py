"""What the quarter's telemetry holds, counted as it is: true of any workspace, however little it has."""

from collections.abc import Sequence
from typing import Any

from metricstack.core.units import write
from metricstack.core.values import Answer, Estimate, Finding, Reason, Refusal
from metricstack.core.windows import Window
from metricstack.narrative.words import listed
from metricstack.telemetry import Workspace, table

__all__ = ["recorded", "say_recorded"]

_TOKENS = ("tokens_input_uncached", "tokens_cache_read", "tokens_cache_write", "tokens_output", "tokens_reasoning")
_ROWS = (("requests", "request"), ("llm_calls", "inference"), ("sessions", "session"), ("feedback", "judgement"))


def recorded(workspace: Workspace, window: Window) -> tuple[Finding, ...]:
    """Count the rows, tokens and money that a window's telemetry records, without scaling anything up.

    Args:
        workspace: Whose telemetry.
        window: Which rows.

    Returns:
        One finding each for requests, inferences, sessions and judgements, and for the tokens and the
        cost of the inferences; a census of what arrived, or a refusal.
    """
    found = [_count(workspace, window, name, thing) for name, thing in _ROWS]
    return (*found, *_usage(workspace, window))


def _inside(workspace: Workspace, window: Window, name: str) -> Any:
    rows = workspace.table(name)
    if isinstance(rows, Refusal):
        return rows
    time = rows[table(name).event_time]
    ours = rows.env.isnull() | (rows.env == workspace.config.environment)
    return rows.filter(time >= window.start, time < window.end, ours)


def _count(workspace: Workspace, window: Window, name: str, thing: str) -> Finding:
    rows = _inside(workspace, window, name)
    if isinstance(rows, Refusal):
        return _finding(workspace, window, name, f"{thing}s", rows)
    n = int(rows.count().to_pyarrow().as_py())
    return _finding(workspace, window, name, f"{thing}s", _census(n, "count", n))


def _usage(workspace: Workspace, window: Window) -> tuple[Finding, ...]:
    rows = _inside(workspace, window, "llm_calls")
    if isinstance(rows, Refusal):
        return tuple(_finding(workspace, window, "llm_calls", name, rows) for name in ("tokens", "cost"))
    tokens = sum((rows[name].fill_null(0) for name in _TOKENS[1:]), rows[_TOKENS[0]].fill_null(0))
    known = sum((rows[name].notnull().cast("int64") for name in _TOKENS[1:]), rows[_TOKENS[0]].notnull().cast("int64"))
    sums = {"tokens": tokens.sum(), "counted": (known > 0).cast("int64").sum()}
    sums |= {"cost": rows.cost.sum(), "priced": rows.cost.notnull().cast("int64").sum()}
    found = rows.aggregate(**sums).to_pyarrow().to_pylist()[0]
    currency = workspace.config.currency
    return tuple(
        _finding(workspace, window, "llm_calls", name, _census(found[name], unit, int(found[n] or 0)))
        for name, unit, n in (("tokens", "tokens", "counted"), ("cost", currency, "priced"))
    )


def _census(value: float | None, unit: str, n: int) -> Answer:
    if not n or value is None:
        return Refusal(Reason.NO_DATA, "no row of the quarter says it")
    return Estimate(float(value), unit=unit, n=n, method="census")


def _finding(workspace: Workspace, window: Window, name: str, thing: str, answer: Answer) -> Finding:
    return Finding(
        question=f"Recorded {thing} in {window}",
        answer=answer,
        subject=f"recorded_{thing}",
        assumptions=("As recorded; what sampling left out is not in it.",),
        provenance=workspace.provenance([name], window),
    )


def say_recorded(findings: Sequence[Finding], window: Window) -> str:
    """Say in one sentence what was recorded; a sentence of its own where nothing was.

    Example:
        >>> from metricstack.core.values import Estimate, Finding
        >>> from metricstack.telemetry import Calendar
        >>> four = Finding("", Estimate(4, unit="count", n=4, method="census"), subject="recorded_requests")
        >>> say_recorded([four], Calendar().quarter("2026Q3"))
        'Recorded in 2026Q3: 4 requests.'
    """
    told = [
        _words(finding.subject.removeprefix("recorded_"), finding.answer)
        for finding in findings
        if isinstance(finding.answer, Estimate)
    ]
    return f"Recorded in {window}: {listed(told)}." if told else f"No traffic was recorded in {window}."


def _words(thing: str, answer: Estimate) -> str:
    text = write(answer.value, answer.unit)
    if thing == "cost":
        return f"{text} of inference cost"
    if thing == "tokens":
        return text
    return f"{text} {thing.removesuffix('s') if text == '1' else thing}"
