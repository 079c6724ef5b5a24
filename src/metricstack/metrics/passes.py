"""A pass: metrics that group alike, so that each table is read once for all of them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cached_property

from metricstack.core.errors import InvalidInput, nearest
from metricstack.core.values import Check, Finding, Provenance, Reason, Refusal
from metricstack.core.windows import Window
from metricstack.metrics.answers.algebra import Group, Unanswerable, compute
from metricstack.metrics.answers.answer import Answered, answer
from metricstack.metrics.answers.percentile import answer_quantile, share_of
from metricstack.metrics.answers.privacy import withheld
from metricstack.metrics.answers.provisional import open_since, settled
from metricstack.metrics.answers.single import Single
from metricstack.metrics.answers.special import single
from metricstack.metrics.job import Job, Request
from metricstack.metrics.language.dimension import dimension
from metricstack.metrics.language.formula import Call, Name, walk
from metricstack.metrics.model import Population
from metricstack.metrics.query.coverage import covered_days, judged_until, reaches
from metricstack.metrics.query.fetch import TableData
from metricstack.metrics.query.grouped import Key
from metricstack.metrics.query.inputs import Assumption, read_assumptions
from metricstack.metrics.query.joins import path_to
from metricstack.metrics.query.periods import trailing
from metricstack.metrics.query.rows import NOT_RECORDED, Frame, measures_used
from metricstack.metrics.query.states import Quantity, Role, State, quantity_of, states_of
from metricstack.telemetry.completeness import covered_span
from metricstack.telemetry.lookups import lookup
from metricstack.telemetry.measures import measures_of
from metricstack.telemetry.tables import table

__all__ = ["Pass"]

_MOST_GROUPS = 5_000
_MOST_LISTED = 12


@dataclass(eq=False)
class Pass:
    """All metrics that need the same grouping, so that each table is read once for them."""

    request: Request
    over: tuple[str, ...]
    to_date: bool
    window: int | None = None
    per: tuple[str, ...] = ()
    jobs: list[Job] = field(default_factory=list)

    @property
    def by(self) -> tuple[str, ...]:
        """The dimensions grouped by: those asked, then those that a ``total`` adds over."""
        return (*self.request.by, *self.over)

    def frame(self, name: str) -> Frame:
        """Return what is asked of one table."""
        request = self.request
        asked = self.jobs[0].name if self.jobs else name
        return Frame(
            request.ws,
            replace(request.catalogue.given, until=judged_until(request.ws, name, request.window)),
            request.periods,
            tuple(path_to(name, column, asked) for column in self.by),
            tuple((path_to(name, column, asked), value) for column, value in request.where.items()),
            self.to_date,
            self.window,
        )

    @cached_property
    def tables(self) -> dict[str, TableData]:
        """Each table with everything that this pass's metrics need of it."""
        states: dict[str, dict[State, None]] = {}
        spreads: dict[str, dict[Quantity, None]] = {}
        shares: dict[str, dict[Quantity, dict[float, None]]] = {}
        extremes: dict[str, dict[tuple[Quantity, str], None]] = {}
        for job in self.jobs:
            if job.quantile is not None:
                name, call, _ = job.quantile
                quantity = quantity_of(call, name)
                if call.function in ("min", "max"):
                    extremes.setdefault(name, {}).setdefault((quantity, call.function))
                else:
                    shares.setdefault(name, {}).setdefault(quantity, {}).setdefault(share_of(call))
                continue
            if job.special is not None:
                continue
            for state in states_of(job.tree, job.definition.table):
                states.setdefault(state.quantity.table, {}).setdefault(state)
                if job.population is Population.WINDOW and state.role is Role.TOTAL:
                    spreads.setdefault(state.quantity.table, {}).setdefault(state.quantity)
        return {
            name: TableData(
                self.frame(name), name, tuple(states.get(name, ())), tuple(spreads.get(name, ())),
                {quantity: tuple(sorted(asked)) for quantity, asked in shares.get(name, {}).items()},
                tuple(extremes.get(name, ())),
            )
            for name in dict.fromkeys(name for job in self.jobs for name in job.tables)
        }  # fmt: skip

    @cached_property
    def inputs(self) -> Mapping[tuple[int, str, str], Assumption] | Refusal:
        """Stated inputs by period, name and use case; a refusal without their table."""
        request = self.request
        return read_assumptions(Frame(request.ws, request.catalogue.given, request.periods))

    def findings(self, job: Job) -> Iterator[Finding]:
        """Yield a metric's findings: one per group and period, or one refusal where nothing can be grouped."""
        groups = self.groups(job)
        if isinstance(groups, Refusal):
            yield self._finding(job, Answered(groups), None)
            return
        if not groups:
            names = " and ".join(repr(name) for name in job.tables)
            yield self._finding(
                job, Answered(Refusal(Reason.NO_DATA, f"table {names} has no rows in this window")), None
            )
        for key, keys in groups.items():
            yield self._finding(job, self.answered(job, key, keys), key)

    def groups(self, job: Job) -> dict[Key, tuple[Key, ...]] | Refusal:
        """Return the groups asked for, sorted, each with the finer groups that make it up; every period for each."""
        seen: set[Key] = set()
        refused: list[Refusal] = []
        for name in job.tables:
            data = self.tables[name]
            if job.special is not None:
                found = self.single(job).keys
            elif job.quantile is None:
                found = data.keys(None)
            else:
                _, call, _ = job.quantile
                found = data.keys(quantity_of(call, name), extreme=call.function in ("min", "max"))
            if isinstance(found, Refusal):
                refused.append(found)
            else:
                seen.update(found)
        optional = any(isinstance(node, Call) and node.function == "known_part" for node in walk(job.tree))
        if refused and (not optional or len(refused) == len(job.tables)):
            return refused[0]
        if not seen and self.request.where and (absent := self._absent(job)) is not None:
            return absent
        count = len(self.request.by)
        values = sorted({group[:count] for _, group in seen}, key=lambda group: [(v == NOT_RECORDED, v) for v in group])
        if not count:
            values = [()]
        if len(values) * len(self.request.periods) > _MOST_GROUPS:
            raise InvalidInput(
                f"Metric {job.name!r} by {', '.join(self.request.by)} has {len(values) * len(self.request.periods):,} "
                f"groups; at most {_MOST_GROUPS:,} are given. Ask by fewer dimensions, or narrow with where."
            )
        asked = [(i, value) for value in values for i in range(len(self.request.periods))]
        if not self.over:
            return {key: (key,) for key in asked}
        finer: dict[Key, list[Key]] = {key: [] for key in asked}
        for key in sorted(seen):
            finer[key[0], key[1][:count]].append(key)
        return {key: tuple(found) for key, found in finer.items()}

    def _absent(self, job: Job) -> Refusal | None:
        """Refuse a value that no row of the window has: nothing was asked of it, which is not the same as nothing."""
        for name in job.tables:
            frame = self.frame(name)
            for path, value in frame.where:
                rows = replace(frame, by=(path,), where=()).rows(name)
                if isinstance(rows, Refusal):
                    continue
                shown = rows.table.select(**rows.keys).select("_g0").distinct().limit(_MOST_GROUPS).to_pyarrow()
                known = sorted(shown["_g0"].to_pylist())
                if known and value not in known:
                    guess = nearest(value, known)
                    listed = f"There are: {', '.join(known)}." if len(known) <= _MOST_LISTED else ""
                    return Refusal(
                        Reason.NO_DATA,
                        f"no row of table {name!r} has the {path.column} {value!r} in this window",
                        f"Did you mean {guess!r}?" if guess else listed,
                    )
        return None

    def answered(self, job: Job, key: Key, keys: tuple[Key, ...]) -> Answered:
        """Answer a metric in one group of one period; see `groups` for both keys."""
        request, definition = self.request, job.definition
        unit = definition.unit.replace("currency", request.ws.config.currency)
        if "team" in (*request.by, *request.where) and (people := withheld(self.tables, job.tables, key)):
            return Answered(people)
        if job.special is not None:
            alone, (_, _, scale) = self.single(job), job.special
            lacking = next(filter(None, map(self._missing, alone.quantities)), None)
            if lacking is not None:
                return Answered(lacking)
            factor = scale / dimension(definition.unit).factor
            return alone.answered(definition, key, factor=factor, level=request.level, unit=unit)
        if job.per and (blurred := self._blurred(job)):
            return Answered(blurred)
        if job.quantile is not None:
            name, call, scale = job.quantile
            data = self.tables[name]
            missing = self._missing(quantity_of(call, name))
            return answer_quantile(
                definition, call, scale, data=data, key=key, missing=missing, level=request.level, unit=unit
            )
        group = self.group(job, key, keys)
        try:
            found = compute(job.tree, group, definition.table)
        except Unanswerable as error:
            return Answered(error.refusal)
        return answer(definition, job.tree, found, group, job.population, level=request.level, unit=unit)

    def single(self, job: Job) -> Single:
        """Return what evaluates a metric that is one function of its own, made once for all groups."""
        assert job.special is not None
        name, call, _ = job.special
        if (name, call) not in self._singles:
            ends = [judged_until(self.request.ws, name, period) for period in self.request.periods]
            self._singles[name, call] = single(call, self.tables[name], ends)
        return self._singles[name, call]

    @cached_property
    def _singles(self) -> dict[tuple[str, Call], Single]:
        return {}

    def _blurred(self, job: Job) -> Refusal | None:
        """Refuse to add within keys whose rows were kept or dropped apart: what is left of a key is not its sum."""
        for name in job.tables:
            contract = table(name)
            whole = {"run", "trace", contract.key[0]}
            if whole.isdisjoint(job.per) and self.tables[name].plan.weighted:
                return Refusal(
                    Reason.NOT_MEASURED,
                    f"rows of {name!r} were sampled one by one, so that what a {' and '.join(job.per)} adds up to is "
                    "not known",
                    "Sample by that, or keep everything.",
                )
        return None

    def group(self, job: Job, key: Key, keys: tuple[Key, ...]) -> Group:
        """Return one group of one period with all that a metric's formula may ask of it."""
        period = self._stretch(self.request.periods[key[0]])
        return Group(
            key=key, keys=keys, by=self.by,
            tables={name: self.tables[name] for name in job.tables},
            inputs=lambda: self.inputs,
            days=lambda home: self._days((home,) if home else job.tables, period),
            missing=self._missing,
            covers=lambda home: self._listened(home, period),
        )  # fmt: skip

    def _stretch(self, period: Window) -> Window:
        """Return the days that a period's rows are of: its own, or the last so many up to its end."""
        return period if self.window is None else trailing(self.request.ws.calendar, period, self.window)

    def _listened(self, home: str, period: Window) -> bool:
        """Whether a table's source was listening in a period."""
        key = (home, period)
        if key not in self._spans:
            self._spans[key] = reaches(self.request.ws, home, period)
        return self._spans[key]

    def _days(self, names: tuple[str, ...], period: Window) -> float:
        """Local days of a period that the data are about."""
        if (names, period) not in self._counted:
            self._counted[names, period] = covered_days(self.request.ws, period, names)
        return self._counted[names, period]

    @cached_property
    def _counted(self) -> dict[tuple[tuple[str, ...], Window], float]:
        return {}

    @cached_property
    def _spans(self) -> dict[tuple[str, Window], bool]:
        return {}

    @cached_property
    def _lacking(self) -> dict[Quantity, Refusal | None]:
        return {}

    def _missing(self, quantity: Quantity) -> Refusal | None:
        if quantity not in self._lacking:
            self._lacking[quantity] = self._lack(quantity)
        return self._lacking[quantity]

    def _lack(self, quantity: Quantity) -> Refusal | None:
        """Refuse where the data lack a column without which a quantity would be wrong, not just unknown."""
        ws, name = self.request.ws, quantity.table
        have = set(ws.columns(name))
        if not have:
            return ws.missing(name)
        for looked in (lookup(name, join) for measure in measures_used(quantity) for join in measure.joins):
            if looked is not None and looked.required and not ws.has(looked.reads[0]):
                return ws.missing(looked.reads[0])
        measures = measures_of(name)
        nodes = list(walk(quantity.node)) if quantity.node is not None else []
        plain = [node.name for node in nodes if isinstance(node, Name) and node.name not in measures]
        needed = [*plain, *(column for measure in measures_used(quantity) for column in measure.needs)]
        needed += quantity.per
        lacking = [repr(column) for column in dict.fromkeys(needed) if column not in have]
        either = dict.fromkeys(measure.either for measure in measures_used(quantity) if measure.either)
        lacking += [" or ".join(map(repr, columns)) for columns in either if have.isdisjoint(columns)]
        if not lacking:
            return None
        return Refusal(
            Reason.MISSING_COLUMN,
            f"the data of table {name!r} have no column {' and '.join(lacking)}",
            f"It usually comes from {table(name).provider}.",
        )

    def _finding(self, job: Job, answered: Answered, key: Key | None) -> Finding:
        request = self.request
        where: tuple[tuple[str, str], ...] = tuple(request.where.items())
        period = request.window
        if key is not None:
            where = (*zip(request.by, key[1], strict=False), *where)
            period = request.periods[key[0]]
            if request.grain:
                where = (*where, ("period", period.name))
        group = ", ".join(value for name, value in where if name != "period")
        definition = request.catalogue.get(job.name)
        return Finding(
            question=f"{definition.title} in {period}{f', {group}' if group else ''}",
            answer=answered.answer,
            subject=job.name,
            where=where,
            checks=(*answered.checks, *(() if isinstance(answered.answer, Refusal) else self._limits(job, period))),
            assumptions=answered.assumptions,
            provenance=self._origin(job, period),
        )

    @cached_property
    def _origins(self) -> dict[tuple[str, Window], Provenance]:
        return {}

    def _origin(self, job: Job, period: Window) -> Provenance:
        key = (job.name, period)
        if key not in self._origins:
            known, name = self.request.catalogue, job.definition.id
            self._origins[key] = self.request.ws.provenance(known.tables(name), period, known.hash(name))
        return self._origins[key]

    @cached_property
    def _covered(self) -> Window | None:
        return covered_span(self.request.ws)

    @cached_property
    def _open(self) -> dict[str, tuple[float, ...]]:
        return {}

    def _limits(self, job: Job, period: Window) -> tuple[Check, ...]:
        """Say where the data tell part of a period only, and where its value may still change."""
        return (*self._partial(job, period), *self._settled(job.definition.settled_by, period))

    def _settled(self, settled_by: str, period: Window) -> tuple[Check, ...]:
        if not settled_by:
            return ()
        if settled_by not in self._open:
            self._open[settled_by] = open_since(self.request.ws, settled_by)
        attribution = self.request.catalogue.given["failure_attribution"]
        return settled(settled_by, self._open[settled_by], period, attribution)

    def _partial(self, job: Job, period: Window) -> tuple[Check, ...]:
        """Say so where the data start after the period does, or end before it.

        What is known as of the period's end, registers and what is observed once, needs no beginning.
        """
        span = self._covered
        if span is None:
            return ()
        day, tick = self.request.ws.calendar.local_day, timedelta(microseconds=1)
        as_of = job.definition.to_date or all(table(name).state_of for name in job.tables)
        said = []
        first = self._stretch(period).start
        if not as_of and day(span.start) > day(first):
            named = f"{period} does" if self.window is None else f"its {self.window} days do, on {day(first)}"
            said.append(f"start on {day(span.start)}, after {named}")
        if day(span.end - tick) < day(period.end - tick):
            said.append(f"end on {day(span.end - tick)}, before {period} does")
        return (Check("whole_period", False, f"the data {' and '.join(said)}"),) if said else ()
