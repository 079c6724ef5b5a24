"""Daily series of the whole company: which of the two moves first, their own pasts and the calendar taken out."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from metricstack.core.errors import InvalidInput
from metricstack.core.values import Check, Reason, Refusal
from metricstack.experiments.effect import Effect
from metricstack.linkage.association import correlation
from metricstack.linkage.evidence import Assumption, Diagnostic, Evidence, Rung, Status, scaled
from metricstack.linkage.hypothesis import Hypothesis
from metricstack.linkage.lead_lag import LeadLag, lead_lag
from metricstack.linkage.observed import Observed
from metricstack.numerics.intervals import t_quantile

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["led"]

_LONGEST = 7
_DAYS = {"day": 1, "week": 7, "month": 30}


def led(seen: Observed, edge: Hypothesis) -> Iterator[Evidence]:
    """Climb by lead and lag, or by moving on the same day."""
    table = seen.series()
    lacking = [name for name in (edge.cause, edge.effect) if name not in table.columns]
    if lacking:
        detail = f"{' and '.join(lacking)} has no daily series"
        yield Evidence(Rung.LEAD_LAG, "daily series", Refusal(Reason.NOT_MEASURED, detail), 0)
        return
    pair = table[[edge.cause, edge.effect]].dropna()
    if len(pair) < 2:
        nothing = Refusal(Reason.NO_DATA, f"{len(pair)} days tell both metrics", "Wait for more days.")
        yield Evidence(Rung.LEAD_LAG, "daily series", nothing, len(pair), window=seen.window)
        return
    dates = [str(day) for day in pair.index]
    x, y = (pair[name].to_numpy(dtype=np.float64) for name in (edge.cause, edge.effect))
    lags = max(_LONGEST, edge.lags[1] * _DAYS[edge.grain])
    try:
        found = lead_lag(x, y, lags=lags, dates=dates, events=seen.events, missing="skip")
    except InvalidInput as error:
        yield Evidence(Rung.LEAD_LAG, "daily series", Refusal(Reason.UNSTABLE, _named(str(error), edge)), len(pair))
        return
    if isinstance(found, Refusal):
        found = replace(found, detail=_named(found.detail, edge))
        yield Evidence(Rung.LEAD_LAG, f"lead and lag over {lags} days", found, len(pair), window=seen.window)
        return
    yield _told(seen, edge, found, pair)


def _named(text: str, edge: Hypothesis) -> str:
    """Call the series of a sentence, x and y there, by their metrics."""
    names = {"x": edge.cause, "y": edge.effect}
    return re.sub(r"\b[xy]\b", lambda one: names[one[0]], text)


@dataclass(frozen=True)
class _BestOfLags:
    """The slope at the best of several lags: an interval of any level that allows for the search (Bonferroni)."""

    slope: Effect
    lags: int
    p_value: float

    def at(self, level: float) -> Effect:
        known = self.slope
        assert known.standard_error is not None
        reach = t_quantile(1 - (1 - level) / self.lags, known.freedom) * known.standard_error
        low, high = known.value - reach, known.value + reach
        return Effect(
            replace(known.estimate, low=low, high=high, level=level), self.p_value, None, known.freedom, known.checks
        )


def _told(seen: Observed, edge: Hypothesis, found: LeadLag, pair: "pd.DataFrame") -> Evidence:
    unit = seen.unit(edge.effect)
    rung = Rung.LEAD_LAG if found.lag > 0 else Rung.ASSOCIATION
    told: Effect | Refusal = found.slope
    again: _BestOfLags | None = None
    if isinstance(told, Effect):
        again = _BestOfLags(scaled(told, edge.step, unit=unit), len(found.profile), found.p_value)
        told = again.at(1 - found.alpha)
    elif found.lag < 0:
        days = f"{-found.lag} day{'s' if found.lag < -1 else ''}"
        detail = f"{edge.effect} moves {days} before {edge.cause}, if anything does"
        told = Refusal(Reason.UNSTABLE, detail, "Ask whether the effect moves the cause.")
    says = _named(found.says, edge)
    first = found.lag > 0 if found.linked and found.lag else None
    checks = [Diagnostic(Check("cause_first", first, f"{says}, p = {found.p_value:.2g} over all lags"))]
    dates = [str(day) for day in pair.index]
    x, y = (pair[name].to_numpy(dtype=np.float64) for name in (edge.cause, edge.effect))
    simple = correlation(x, y, dates=dates, method="calendar", missing="skip")
    if not isinstance(simple, Refusal) and simple.p_value is not None:
        agrees = (simple.p_value <= found.alpha) == found.linked
        detail = f"by effective days r = {simple.value:.2f}, p = {simple.p_value:.2g}; "
        detail += f"by innovations p = {found.p_value:.2g}"
        checks.append(Diagnostic(Check("ways_agree", agrees or None, detail)))
    for name, series in ((edge.cause, x), (edge.effect, y)):
        steady = seen.steady(series)
        if not isinstance(steady, Refusal):
            checks.append(Diagnostic(Check(f"stationary: {name}", None, steady.check.detail)))
    return Evidence(
        rung, f"lead and lag over {(len(found.profile) - 1) // 2} days, prewhitened", told, len(x),
        assumptions=(
            Assumption("Nothing moves both.", Status.UNTESTED, "weekdays, trend and known events are taken out only"),
        ),
        diagnostics=tuple(checks), window=seen.window,
        provenance=seen.provenance([edge.cause, edge.effect]), intervals=again,
    )  # fmt: skip
