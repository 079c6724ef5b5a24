"""`values`: the numbers of `evaluate` as one table, computed for all groups at once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from metricstack.core.values import Answer, Estimate, Reason, Refusal
from metricstack.core.windows import Window
from metricstack.metrics.answers.algebra import Group
from metricstack.metrics.answers.arrays import Answers, answers, is_plain
from metricstack.metrics.answers.binned import Spread, quantiles, spread_of
from metricstack.metrics.answers.laid import Laid
from metricstack.metrics.evaluate import ask, prepare
from metricstack.metrics.job import Job, Request
from metricstack.metrics.model import Population
from metricstack.metrics.passes import Pass
from metricstack.metrics.query.grouped import Key
from metricstack.metrics.query.states import Quantity, quantity_of

if TYPE_CHECKING:
    import pandas as pd

    from metricstack.telemetry.workspace import Workspace

__all__ = ["values"]


def values(
    ws: "Workspace",
    metrics: Sequence[str] | str,
    *,
    window: Window | str | None = None,
    by: Sequence[str] | str = (),
    grain: str | None = None,
    where: Mapping[str, str] | None = None,
    intervals: bool = True,
    level: float = 0.95,
) -> "pd.DataFrame":
    """Tabulate metrics by dimensions and periods: the numbers of `evaluate`, for exploring and for many groups.

    Formulas are walked once over arrays instead of once for each group, and no `Finding` is made: ask
    `evaluate` where checks, method and origin are needed.

    Args:
        ws: The workspace.
        metrics: Ids or aliases of the catalogue.
        window: As in `evaluate`.
        by: As in `evaluate`.
        grain: As in `evaluate`.
        where: As in `evaluate`.
        intervals: False: values without intervals, from sums that tell no units apart, which is faster. A value
            that `evaluate` refuses only since all its rows belong to one unit is then given.
        level: Confidence level of the intervals, a fraction in (0, 1).

    Returns:
        One row per metric, group and period, in the order of `evaluate`. Columns: ``metric``; one per
        dimension; ``period`` (first local day) where a grain was asked; ``value``, ``low``, ``high`` (Float64,
        in ``unit``; bounds are missing for a census); ``n`` (Int64); ``unit``; ``reason`` (of a refusal, whose
        numbers are missing).

    Raises:
        UnknownName: as in `evaluate`.
        InvalidInput: as in `evaluate`.
    """
    request, ids = ask(ws, metrics, window=window, by=by, grain=grain, where=where, level=level)
    desk = _Desk(request, intervals)
    return _tabulate(request, desk.parts(ids))


@dataclass(frozen=True, eq=False)
class _Part:
    """One metric's rows: its groups (None = it could not be grouped at all) and what is known of each."""

    job: Job
    keys: tuple[Key | None, ...]
    found: Answers


@dataclass(eq=False)
class _Desk:
    """Answers metrics, with what those of the same groups share."""

    request: Request
    intervals: bool
    _laid: dict[tuple[Pass, tuple[Key, ...], str, bool], Laid] = field(default_factory=dict)
    _spreads: dict[tuple[Pass, tuple[Key, ...], Quantity], Spread | None] = field(default_factory=dict)

    def parts(self, ids: Sequence[str]) -> list[_Part]:
        found = prepare(self.request, ids)
        if not self.intervals:
            # What is answered group by group keeps its units: they may decide whether it is answered.
            others = [job.name for job in found if not self._at_once(job)]
            at_once = prepare(self.request, [job.name for job in found if self._at_once(job)])
            for part in at_once.values():
                for data in part.tables.values():
                    data.units = False
            answered = at_once | prepare(self.request, others)
            found = {job: answered[job] for job in found}
        return [self._part(job, part) for job, part in found.items()]

    def _at_once(self, job: Job) -> bool:
        """Whether all groups of a metric may be answered at once; people in teams are counted group by group."""
        if "team" in (*self.request.by, *self.request.where):
            return False
        return is_plain(job) or (job.quantile is not None and not job.per)

    def _part(self, job: Job, part: Pass) -> _Part:
        groups = part.groups(job)
        if isinstance(groups, Refusal) or not groups:
            reason = groups.reason if isinstance(groups, Refusal) else Reason.NO_DATA
            return _Part(job, (None,), _one_by_one([reason]))
        keys = tuple(groups)
        if self._at_once(job):
            first = {key[0]: key for key in reversed(keys)}
            periods = {i: part.group(job, key, groups[key]) for i, key in first.items()}
            if is_plain(job):
                return _Part(job, keys, self._sums(job, part, keys, periods))
            spread = self._spread(job, part, keys)
            if spread is not None:
                missing = next(iter(periods.values())).missing(spread.quantity)
                found = quantiles(job, spread, missing=missing, level=self.request.level, intervals=self.intervals)
                return _Part(job, keys, found)
        found = _one_by_one([part.answered(job, *group).answer for group in groups.items()])
        return _Part(job, keys, found if self.intervals else found.without_intervals())

    def _sums(self, job: Job, part: Pass, keys: tuple[Key, ...], periods: Mapping[int, Group]) -> Answers:
        laid = {name: self._lay(part, keys, name) for name in job.tables}
        window = job.population is Population.WINDOW and self.intervals
        sampling = {name: self._lay(part, keys, name, sampling=True) for name in job.tables} if window else {}
        return answers(
            job, keys, periods, {name: one for name, one in laid.items() if one is not None},
            sampling={name: one for name, one in sampling.items() if one is not None},
            level=self.request.level, intervals_too=self.intervals,
        )  # fmt: skip

    def _lay(self, part: Pass, keys: tuple[Key, ...], name: str, *, sampling: bool = False) -> Laid | None:
        data = part.tables[name]
        if sampling and not (data.plan.weighted and data.spreads):
            return None
        grouped = data.sampling if sampling else data.sums
        if isinstance(grouped, Refusal):
            return None
        key = (part, keys, name, sampling)
        if key not in self._laid:
            self._laid[key] = Laid(grouped, keys)
        return self._laid[key]

    def _spread(self, job: Job, part: Pass, keys: tuple[Key, ...]) -> Spread | None:
        assert job.quantile is not None
        name, call, _ = job.quantile
        key = (part, keys, quantity_of(call, name))
        if key not in self._spreads:
            self._spreads[key] = spread_of(job, part.tables[name], keys)
        return self._spreads[key]


def _one_by_one(found: Sequence[Answer | Reason]) -> Answers:
    """Put answers that were given group by group into arrays."""
    numbers = np.full((3, len(found)), np.nan)
    counts, reasons = np.zeros(len(found), dtype=np.int64), np.full(len(found), None, dtype=object)
    for i, one in enumerate(found):
        if isinstance(one, Estimate):
            numbers[:, i] = (one.value, *(np.nan if bound is None else bound for bound in (one.low, one.high)))
            counts[i] = one.n
        else:
            reasons[i] = one.reason if isinstance(one, Refusal) else one
    return Answers(numbers[0], numbers[1], numbers[2], counts, reasons)


def _tabulate(request: Request, parts: Sequence[_Part]) -> "pd.DataFrame":
    import pandas as pd

    lengths = [len(part.keys) for part in parts]
    keys = [key for part in parts for key in part.keys]
    columns: dict[str, Any] = {"metric": np.repeat(np.array([part.job.name for part in parts], dtype=object), lengths)}
    for i, name in enumerate(request.by):
        columns[name] = pd.array([None if key is None else key[1][i] for key in keys], dtype="str")
    if request.grain:
        names = [period.name for period in request.periods]
        columns["period"] = pd.array([None if key is None else names[key[0]] for key in keys], dtype="str")
    for name in ("value", "low", "high"):
        numbers = np.concatenate([getattr(part.found, name) for part in parts] or [np.zeros(0)])
        missing = np.isnan(numbers)
        columns[name] = pd.arrays.FloatingArray(np.where(missing, 1.0, numbers), missing)
    refused = [reason is not None for part in parts for reason in part.found.reason]
    counts = np.concatenate([part.found.n for part in parts] or [np.zeros(0, np.int64)])
    columns["n"] = pd.arrays.IntegerArray(counts, np.array(refused, dtype=bool))
    units = [part.job.definition.unit.replace("currency", request.ws.config.currency) for part in parts]
    columns["unit"] = np.repeat(np.array(units, dtype=object), lengths)
    reasons = [None if reason is None else str(reason) for part in parts for reason in part.found.reason]
    columns["reason"] = pd.array(reasons, dtype="str")
    return pd.DataFrame(columns).astype({"metric": "str", "unit": "str"})
