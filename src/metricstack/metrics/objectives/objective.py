"""`objectives`: what is kept of each promise, what is left of its error budget, how fast it burns."""

import math
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from metricstack.core.errors import ConfigurationError, Fault, InvalidInput, MetricstackError
from metricstack.core.toml import line_of, read_toml
from metricstack.core.values import Answer, Check, Estimate, Finding, Reason, Refusal
from metricstack.core.windows import Window
from metricstack.metrics.definitions import Catalogue, catalogue
from metricstack.metrics.evaluate import evaluate
from metricstack.metrics.language.resolve import inline
from metricstack.metrics.model import Better
from metricstack.metrics.objectives.promise import BurnAlert, Kept, ObjectivePanel
from metricstack.metrics.objectives.slices import Slices, flag_of, slices_of
from metricstack.metrics.query.coverage import covered
from metricstack.metrics.query.periods import trailing
from metricstack.metrics.query.windowed import Side, sides
from metricstack.numerics.intervals import check_level, spread_of_units, wilson
from metricstack.telemetry.completeness import covered_span
from metricstack.telemetry.promises import Objective

if TYPE_CHECKING:
    from metricstack.telemetry.workspace import Workspace

__all__ = ["PAIRS", "objectives"]

_HOUR = timedelta(hours=1)
PAIRS = (
    (14.4, _HOUR, timedelta(minutes=5)),
    (6.0, 6 * _HOUR, timedelta(minutes=30)),
    (1.0, 72 * _HOUR, 6 * _HOUR),
)
"""Burn rate, long and short window: 2 % of a 30-day budget in an hour, 5 % in six, 10 % in three days."""
_LEAST_COVER = 0.5
_FEWEST = 7  # fewer days than a week tell little of how days differ


def objectives(ws: "Workspace", *, at: datetime | None = None, level: float = 0.95) -> ObjectivePanel:
    """Hold every objective of `metricstack.toml` against what happened.

    Args:
        ws: The workspace, with ``[objectives]``.
        at: Now, an instant with a time zone; None = the end of what the data tell.
        level: Confidence level of the intervals.

    Returns:
        A panel with attainment, budget left and burn rates of each. Where one event is the whole budget
        it refuses: there is too little traffic. No data is never good.

    Raises:
        ConfigurationError: an objective's metric does not exist or is no share; all faults with file and line.
        InvalidInput: the workspace has no objectives, or ``at`` has no time zone.
    """
    check_level(level)
    known = catalogue(ws)
    declared = ws.config.objectives
    if not declared:
        raise InvalidInput(
            "No objective is declared. Add [objectives.NAME] with metric and target to metricstack.toml."
        )
    _check(ws, known)
    span = covered_span(ws)
    if at is None and span is None:
        raise InvalidInput(f"Workspace {ws.config.name!r} has no dated rows, so that there is no now. Give at=….")
    now = at if span is None else at or span.end
    assert now is not None
    if not isinstance(now, datetime) or now.tzinfo is None:
        raise InvalidInput(f"at = {now!r} is no instant with a time zone; give a datetime in UTC.")
    return ObjectivePanel(tuple(_Held(ws, known, one, now, level).kept() for one in declared.values()), now)


def _check(ws: "Workspace", known: Catalogue) -> None:
    """Report every objective whose metric cannot carry one, with file and line."""
    path = ws.root / "metricstack.toml"
    faults: list[Fault] = []
    for objective in ws.config.objectives.values():
        message, field = _fault(ws, known, objective)
        if message:
            line = line_of(read_toml(path)[1], "objectives", objective.name, field)
            faults.append(Fault(f"{path.name}:{line}: {message}"))
    if faults:
        raise ConfigurationError(str(path), faults)


def _fault(ws: "Workspace", known: Catalogue, objective: Objective) -> tuple[str, str]:
    try:
        definition = known.get(objective.metric)
        if flag_of(inline(definition, known.definitions), definition.table) is None:
            shares = [d.id for d in known if d.table == definition.table and d.unit == "fraction"
                      and flag_of(inline(d, known.definitions), d.table) and d.better is Better.HIGHER]  # fmt: skip
            hint = f" Shares of {definition.table!r}: {', '.join(shares[:5])}." if shares else ""
            return f"{definition.id!r} is {definition.formula!r}, not a share (the mean of a flag).{hint}", "metric"
        if definition.better is not Better.HIGHER:
            return f"of {definition.id!r} less is better; an objective needs a share of good events.", "metric"
    except MetricstackError as error:
        return str(error), "metric"
    try:
        sides(ws, known, [definition.id], [_ANY], by=(), where=objective.where, level=0.95)
    except MetricstackError as error:
        return str(error), "where"
    return "", ""


_ANY = Window(datetime.fromisoformat("2000-01-01T00:00:00+00:00"), datetime.fromisoformat("2000-01-02T00:00:00+00:00"))


@dataclass(frozen=True)
class _Held:
    """One objective at one instant."""

    ws: "Workspace"
    known: Catalogue
    objective: Objective
    now: datetime
    level: float

    def kept(self) -> Kept:
        """Hold it."""
        window = self.window()
        if self.objective.method == "time_slices":
            source = self.sliced(window)
            attainment = self.of_slices(source, window)
        else:
            source = None
            attainment = self.of_events(window)
        attainment = self.enough(attainment, 1.0)
        title = self.objective.title or self.objective.name
        budget = self.burnt(attainment, f"Burn rate of {title} in {window}")
        left = self.finding(f"Error budget of {title} left in {window}", _left(budget.answer), window, attainment)
        alerts = []
        for threshold, *lengths in PAIRS:
            pair = []
            for length in lengths:
                part = Window(self.now - length, self.now, name=f"the last {_said(length)}")
                found = self.of_events(part) if source is None else self.of_slices(source, part)
                pair.append(self.burnt(self.enough(found, threshold), f"Burn rate of {title} in {part}"))
            alerts.append(BurnAlert(threshold, pair[0], pair[1], _fires(pair, threshold)))
        return Kept(self.objective, window, attainment, left, budget, tuple(alerts))

    def window(self) -> Window:
        """Return the time that the objective is about."""
        calendar = self.ws.calendar
        if self.objective.window is None:
            quarter = calendar.quarter_of(self.now - timedelta(microseconds=1))
            return Window(quarter.start, self.now, name=f"{quarter.name} so far")
        tick = Window(self.now - timedelta(days=1), self.now)
        found = trailing(calendar, tick, self.objective.window)
        return Window(found.start, found.end, name=f"the last {self.objective.window} days")

    def of_events(self, window: Window) -> Finding:
        """Good ÷ valid events."""
        where = dict(self.objective.where)
        panel = evaluate(self.ws, self.objective.metric, window=window, where=where, level=self.level)
        return panel.findings[0]

    def sliced(self, window: Window) -> tuple[Side, Slices | Refusal]:
        """Slices of the longest window that is asked."""
        start = min([window.start, *(self.now - length for _, *lengths in PAIRS for length in lengths)])
        metric = self.known.get(self.objective.metric).id
        whole = Window(start, self.now)
        where = self.objective.where
        side = sides(self.ws, self.known, [metric], [whole], by=(), where=where, level=self.level)[metric][0]
        return side, slices_of(side.job, side.part, self.objective.slice)

    def of_slices(self, source: tuple[Side, Slices | Refusal], window: Window) -> Finding:
        """Good ÷ valid slices of time, days as units."""
        side, slices = source
        definition = side.job.definition
        question = f"{definition.title or definition.id} in {window}, by slices of {self.objective.slice} s"
        if isinstance(slices, Refusal):
            return self.finding(question, slices, window, None)
        seconds = slices.seconds
        first, last = math.ceil(window.start.timestamp() / seconds), math.floor(window.end.timestamp() / seconds)
        inside = (slices.numbers >= first) & (slices.numbers < last)
        good = (slices.share[inside] >= (self.objective.slice_target or 0.0)).astype(np.float64)
        numbers = slices.numbers[inside]
        listened = covered(self.ws, definition.table)
        if not len(numbers) or listened is None:
            refusal = Refusal(Reason.NO_DATA, f"no slice of {window} has an event, and no data is not good")
            return self.finding(question, refusal, window, None)
        start = max(first, math.floor(listened.start.timestamp() / seconds))
        silent = max(min(last, math.ceil(listened.end.timestamp() / seconds)) - start - len(numbers), 0)
        whole = len(numbers) + silent
        share = len(numbers) / whole
        if self.objective.silent_slices == "bad":
            said = f"{silent:,} of {whole:,} slices have no event; they count as bad"
            checks = (Check("silent_slices", None, said),) if silent else ()
            everything = np.arange(start, start + whole)
            missing = np.setdiff1d(everything, numbers)[:silent]
            numbers, good = np.concatenate([numbers, missing]), np.concatenate([good, np.zeros(len(missing))])
        else:
            said = f"{silent:,} of {whole:,} slices have no event; they are left out"
            checks = (Check("silent_slices", share >= _LEAST_COVER, said),) if silent else ()
        return self.finding(question, self._share(good, numbers * seconds), window, None, checks)

    def _share(self, good: NDArray[np.float64], seconds: NDArray[np.int64]) -> Answer:
        n, share = len(good), float(good.mean())
        unit, way = _units(seconds)
        amounts = np.bincount(unit, weights=good - share).astype(np.float64) / n
        if len(amounts) < 2:
            return Refusal(Reason.TOO_FEW_UNITS, "one slice alone says nothing of chance", "Take shorter slices.")
        spread = spread_of_units(amounts)
        effective = share * (1 - share) / spread.variance if spread.variance > 0 else float(len(amounts))
        low, high = wilson(share, min(effective, n), level=self.level, freedom=spread.freedom)
        return Estimate(share, "fraction", n, f"Wilson, effective n {min(effective, n):,.0f}, clusters: {way}",
                        low, high, self.level)  # fmt: skip

    def enough(self, found: Finding, threshold: float) -> Finding:
        """Refuse where one event alone would spend the budget at that rate."""
        answer, budget = found.answer, self.objective.budget
        if isinstance(answer, Refusal) or answer.n * budget * threshold > 1 + 1e-9:
            return found
        what = "slice" if self.objective.method == "time_slices" else "event"
        needed = math.floor(1 / (budget * threshold) + 1e-9) + 1
        spent = "all of the budget" if threshold == 1.0 else f"a burn rate of {1 / (answer.n * budget):.3g}"
        refusal = Refusal(
            Reason.TOO_FEW_UNITS,
            f"too little traffic: of {answer.n:,} {what}s one bad {what} is {spent}; {needed:,} are needed",
            "Take a longer window, a lower target, or several services together.",
        )
        return replace(found, answer=refusal)

    def burnt(self, found: Finding, question: str) -> Finding:
        """Return the error rate over the budget."""
        answer, budget = found.answer, self.objective.budget
        if isinstance(answer, Estimate):
            low, high = (None if bound is None else (1 - bound) / budget for bound in (answer.high, answer.low))
            value = (1 - answer.value) / budget
            answer = Estimate(value, "1", answer.n, f"error rate over budget; {answer.method}", low, high, answer.level)
        return replace(found, question=question, answer=answer)

    def finding(
        self, question: str, answer: Answer, window: Window, like: Finding | None, checks: tuple[Check, ...] = ()
    ) -> Finding:
        """Say an answer with its origin."""
        metric = self.known.get(self.objective.metric).id
        origin = self.ws.provenance(self.known.tables(metric), window, self.known.hash(metric))
        return Finding(
            question, answer, metric, tuple(self.objective.where.items()),
            checks=like.checks if like else checks, provenance=like.provenance if like else origin,
        )  # fmt: skip


def _units(seconds: NDArray[np.int64]) -> tuple[NDArray[np.int64], str]:
    """Gather slices in days, or in hours where those are few: bad ones come together."""
    for name, length in (("days", 86_400), ("hours", 3_600)):
        seen, unit = np.unique(seconds // length, return_inverse=True)
        if len(seen) >= _FEWEST:
            return unit.astype(np.int64), f"{len(seen)} {name}"
    return np.arange(len(seconds)), f"{len(seconds)} slices"


def _left(burn: Answer) -> Answer:
    if isinstance(burn, Refusal):
        return burn
    low, high = (None if bound is None else 1 - bound for bound in (burn.high, burn.low))
    return Estimate(1 - burn.value, "fraction", burn.n, burn.method, low, high, burn.level)


def _fires(pair: list[Finding], threshold: float) -> bool | None:
    """Both above: fires. One not above: does not, whatever the other is. Else nobody can say."""
    above = [found.answer.value > threshold if isinstance(found.answer, Estimate) else None for found in pair]
    return False if False in above else None if None in above else True


def _said(length: timedelta) -> str:
    minutes = int(length.total_seconds() // 60)
    if minutes < 60:
        return f"{minutes} minutes"
    hours = minutes // 60
    return "hour" if hours == 1 else f"{hours} hours" if hours < 48 else f"{hours // 24} days"
