"""What a workspace holds for a map: series, panels, past experiments and staged rollouts, each read once."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property, reduce
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from metricstack.core.errors import InvalidInput, UnknownName
from metricstack.core.values import Provenance, Refusal
from metricstack.core.windows import Window
from metricstack.experiments import PastEffects, past_effects
from metricstack.linkage.calendar import Events
from metricstack.linkage.dated import Dated, dated_changes, split_about
from metricstack.linkage.hypothesis import Hypothesis
from metricstack.linkage.stability import Stationarity, stationarity
from metricstack.metrics.definitions import Catalogue, catalogue
from metricstack.metrics.language.resolve import inline, leaves
from metricstack.metrics.lineage import ColumnUse, Role, lineage
from metricstack.metrics.query.rows import NOT_RECORDED
from metricstack.metrics.query.states import quantity_of
from metricstack.metrics.values import values
from metricstack.telemetry.beside import beside
from metricstack.telemetry.kept import Arrays, kept

if TYPE_CHECKING:
    import pandas as pd

    from metricstack.telemetry.workspace import Workspace

__all__ = ["Observed", "Staged"]

_SIGNALS = ("name", "kpi")
"""Columns that say what a row is a value of: metrics of different ones share no row."""


@dataclass(frozen=True)
class Staged:
    """One staged rollout, from the dated events of kind ``rollout`` that are about the same.

    Args:
        name: What was rolled out.
        dimension: What adopts: the first part of the events' scope, ``team`` of ``team:payments``.
        adopted: Value of the dimension → when it adopted; others never did.
        use_case: The use case that it changes, named in brackets behind the name; empty = all.
    """

    name: str
    dimension: str
    adopted: Mapping[str, datetime]
    use_case: str = ""


@dataclass(eq=False)
class Observed:
    """Reads what edges are judged by, each kind once for all of them.

    Args:
        ws: The workspace.
        metrics: Ids of all metrics on the map.
        window: The instants to look at.
        pairs: Causes with their effects, of all declared edges.
        tests: Only experiments that started in it; None = all.
        beside: Further pairs of metrics on which effects are wanted together.
        edges: The edges: of units that only some of them have, only their metrics are read.
    """

    ws: "Workspace"
    metrics: tuple[str, ...]
    window: Window
    pairs: tuple[tuple[str, str], ...] = ()
    tests: Window | None = None
    beside: tuple[tuple[str, str], ...] = ()
    edges: tuple[Hypothesis, ...] = ()

    def __post_init__(self) -> None:
        self._panels: dict[tuple[tuple[str, ...], str], pd.DataFrame] = {}
        self._staged: dict[tuple[str, str, str], pd.DataFrame] = {}
        self._steady: dict[bytes, Stationarity | Refusal] = {}
        self._tests: Callable[[], PastEffects] | None = None

    @cached_property
    def catalogue(self) -> Catalogue:
        """The workspace's metrics."""
        return catalogue(self.ws)

    @cached_property
    def effects(self) -> PastEffects:
        """Effects of past experiments on all metrics that can be told of one."""
        return self._past(self.ws) if self._tests is None else self._tests()

    def _past(self, ws: "Workspace") -> PastEffects:
        asked = [(edge.cause, edge.effect) for edge in self.edges] or self.pairs
        pairs = (*asked, *self.beside)
        names = tuple(dict.fromkeys([*self.metrics, *(name for pair in self.beside for name in pair)]))
        return past_effects(ws, names, pairs=pairs, window=self.tests)

    @contextmanager
    def reading_tests(self) -> Iterator[None]:
        """Read the effects of past experiments meanwhile."""
        if self._tests is not None or "effects" in self.__dict__:
            yield
            return
        with beside(self.ws, self._past) as self._tests:
            yield

    def unit(self, metric: str) -> str:
        """Return the unit of a metric, in the workspace's currency."""
        return self.catalogue.get(metric).unit.replace("currency", self.ws.config.currency)

    def provenance(self, metrics: Sequence[str]) -> Provenance:
        """Say where numbers about some metrics come from."""
        tables = dict.fromkeys(name for metric in metrics for name in self.catalogue.tables(metric))
        return self.ws.provenance(tuple(tables), self.window, "")

    def shared(self, cause: str, effect: str) -> tuple[str, ...]:
        """Return what two metrics are both made of: they move together by arithmetic then."""
        one, other = (dict.fromkeys(self._parts(name)) for name in (cause, effect))
        return tuple(text for table, text in one if (table, text) in other)

    def read_by_both(self, cause: str, effect: str) -> tuple[str, ...]:
        """Return the raw columns whose values two metrics are both made of; not those of different signals."""
        one, other = ({use.name: use for use in self._values(name)} for name in (cause, effect))
        both = [use for name, use in one.items() if name in other]
        by_name = {use.table for use in both if use.column in _SIGNALS}
        return tuple(use.name for use in both if use.table not in by_name)

    def _values(self, metric: str) -> Iterator[ColumnUse]:
        return (use for use in lineage(metric, self.catalogue).uses if use.role is Role.VALUE)

    def _parts(self, metric: str) -> Iterator[tuple[str, str]]:
        definition = self.catalogue.get(metric)
        for home, call in leaves(inline(definition, self.catalogue.definitions), definition.table):
            if call.is_aggregate and (text := quantity_of(call, home).text):
                yield home, text

    def series(self) -> "pd.DataFrame":
        """Return daily values of the whole company: a row per local day, a column per metric."""
        return self.panel((), "day").droplevel("unit")

    def steady(self, values: NDArray[np.float64]) -> Stationarity | Refusal:
        """Tell whether a daily series keeps its mean; asked once of the many edges that share it."""
        key = values.tobytes()
        if key not in self._steady:
            self._steady[key] = stationarity(values)
        return self._steady[key]

    def panel(self, by: tuple[str, ...], grain: str) -> "pd.DataFrame":
        """Return values by units and periods: a row per unit and period, a column per metric that has the dimensions.

        Args:
            by: Dimensions whose values, together, name a unit; empty for the whole.
            grain: Length of a period.
        """
        if (by, grain) not in self._panels:
            theirs = {
                name
                for edge in self.edges
                if (edge.by and edge.grain == grain and by[: len(edge.by)] == edge.by)
                or (edge.changes and grain == "day" and len(by) == 1)
                for name in edge.named
            }
            able = tuple(name for name in self.metrics if (not theirs or name in theirs) and self._has(name, by, {}))
            self._panels[by, grain] = self._tabulated(able, by, grain, {})
        return self._panels[by, grain]

    def tells(self, metrics: Sequence[str], by: tuple[str, ...]) -> bool:
        """Whether all of some metrics can be asked by these dimensions."""
        return all(self._has(name, by, {}) for name in metrics)

    def _has(self, metric: str, by: tuple[str, ...], where: Mapping[str, str]) -> bool:
        return not self.untold(metric, by, where)

    def untold(self, metric: str, by: tuple[str, ...], where: Mapping[str, str] | None = None) -> str:
        """Say why a metric cannot be asked by these dimensions; empty where it can."""
        from metricstack.metrics.evaluate import ask, prepare

        try:
            request, ids = ask(self.ws, metric, window=self.window, by=by, grain=None, where=where or None, level=0.95)
            prepare(request, ids)
        except (UnknownName, InvalidInput) as error:
            return str(error).partition(". ")[0].rstrip(".")
        return ""

    def _tabulated(
        self, metrics: tuple[str, ...], by: tuple[str, ...], grain: str, where: Mapping[str, str]
    ) -> "pd.DataFrame":
        """Read a table of values, or find it where it was kept; a row per unit and period that tell any of them."""
        import pandas as pd

        question = ("panel", metrics, self.window, by, grain, sorted(where.items()))
        found = kept(self.ws, question, lambda: self._read(metrics, by, grain, where))
        index = pd.MultiIndex.from_arrays(
            [pd.array(found[name].tolist(), dtype="str") for name in ("unit", "period")], names=["unit", "period"]
        )
        columns = pd.Index(found["metric"].tolist(), dtype="str", name="metric")
        return pd.DataFrame(found["value"], index=index, columns=columns)

    def _read(self, metrics: tuple[str, ...], by: tuple[str, ...], grain: str, where: Mapping[str, str]) -> Arrays:
        if not metrics:
            text = np.zeros(0, dtype=np.str_)
            return {"unit": text, "period": text, "metric": text, "value": np.zeros((0, 0))}
        table = values(self.ws, metrics, window=self.window, by=by, grain=grain, where=where or None, intervals=False)
        for name in by:  # rows without a value are a mixture of units, some of which may have adopted
            table = table[table[name].notna() & (table[name] != NOT_RECORDED)]
        unit = reduce(lambda one, other: one + ", " + other, (table[name] for name in by)) if by else ""
        table = table.assign(unit=unit, value=table["value"].astype("float64"))
        wide = table.set_index(["unit", "period", "metric"])["value"].unstack("metric").sort_index()  # noqa: PD010 - each is there once
        named = {name: wide.index.get_level_values(name) for name in ("unit", "period")} | {"metric": wide.columns}
        return {name: np.array(one, dtype=np.str_) for name, one in named.items()} | {"value": wide.to_numpy()}

    @cached_property
    def rollouts(self) -> tuple[Staged, ...]:
        """Return the staged rollouts that the dated events tell of, by what they are about."""
        rows = self.ws.table("events", columns=["kind", "scope", "start", "about", "env"])
        if isinstance(rows, Refusal):
            return ()
        here = rows.filter(
            rows.env.fill_null(self.ws.config.environment) == self.ws.config.environment, rows.kind == "rollout"
        )
        found: dict[tuple[str, str], dict[str, datetime]] = {}
        for row in here.to_pyarrow().to_pylist():
            dimension, colon, value = (row["scope"] or "").partition(":")
            if colon and row["about"] and row["start"] is not None:
                adopted = found.setdefault((row["about"], dimension), {})
                adopted[value] = min(row["start"], adopted.get(value, row["start"]))
        told = []
        for (about, dimension), adopted in sorted(found.items()):
            name, use_case = split_about(about)
            told.append(Staged(name, dimension, adopted, use_case))
        return tuple(told)

    @cached_property
    def changed(self) -> tuple[Dated, ...]:
        """Return the dated changes, of everybody or of a part."""
        return dated_changes(self.ws)

    def staged(self, rollout: Staged) -> "pd.DataFrame":
        """Return a rollout's weekly panel: columns ``unit``, ``period``, ``adopted`` and one per metric it can tell."""
        key = rollout.name, rollout.dimension, rollout.use_case
        if key not in self._staged:
            where = {"use_case": rollout.use_case} if rollout.use_case else {}
            able = tuple(name for name in self.metrics if self._has(name, (rollout.dimension,), where))
            table = self._tabulated(able, (rollout.dimension,), "week", where).reset_index()
            day = self.ws.calendar.local_day
            table["adopted"] = [
                None if (at := rollout.adopted.get(unit)) is None else str(day(at)) for unit in table["unit"]
            ]
            self._staged[key] = table
        return self._staged[key]

    @cached_property
    def events(self) -> Events:
        """The days of events that touch everybody: promotions, holidays and the like, by kind."""
        rows = self.ws.table("events", columns=["kind", "scope", "start", "end", "env"])
        if isinstance(rows, Refusal):
            return {}
        import pandas as pd

        here = rows.filter(
            rows.env.fill_null(self.ws.config.environment) == self.ws.config.environment, rows.scope == "all"
        )
        found: dict[str, list[str]] = {}
        day = self.ws.calendar.local_day
        for row in here.to_pyarrow().to_pylist():
            if row["start"] is None or row["kind"] in ("release", "rollout"):
                continue
            after = self.window.end if row["end"] is None else min(row["end"], self.window.end)
            last = max(row["start"], after - timedelta(microseconds=1))
            days = pd.date_range(day(row["start"]), day(last))
            found.setdefault(row["kind"], []).extend(str(one.date()) for one in days)
        return found
