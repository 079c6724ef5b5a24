"""Roll-ups in use: the sums that a question needs, added up from kept days where that is exactly the same."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from metricstack.core.errors import InvalidInput
from metricstack.core.windows import Window
from metricstack.metrics.query.rows import Frame
from metricstack.metrics.query.states import Quantity, Role, State
from metricstack.metrics.rollups.store import FOLDER, STATES, Manifest, Segment, differing, kept, sources_of, state_name
from metricstack.telemetry.tables import table

if TYPE_CHECKING:
    import pyarrow as pa

    from metricstack.telemetry.workspace import Workspace

__all__ = ["RollUp", "find"]


def find(frame: Frame, name: str, exact_units: int) -> "RollUp | None":
    """Find the roll-up that answers what is asked of a table exactly, None where only the rows can.

    Its days must be whole local days whose data have not changed since, and what is asked by or
    filtered on must be among its dimensions.

    Args:
        frame: What is asked.
        name: The table.
        exact_units: Up to so many units are taken one by one.
    """
    ws = frame.ws
    if table(name).state_of or frame != Frame(ws, frame.given, frame.periods, frame.by, frame.where):
        return None
    manifest = kept(ws, name, frame.given, exact_units)
    if manifest is None:
        return None
    paths = [*frame.by, *(path for path, _ in frame.where)]
    if any(path.through or path.column not in manifest.by for path in paths):
        return None
    try:
        days = tuple((_day(ws, period.start), _day(ws, period.end)) for period in frame.periods)
    except InvalidInput:
        return None
    if any(first is None or after is None for first, after in days):
        return None
    window = Window(frame.periods[0].start, frame.periods[-1].end)
    if any(
        source.first < window.end and source.last >= window.start
        for source in differing(manifest.sources, sources_of(ws, name))
    ):
        return None
    return RollUp(frame, manifest, tuple((first or 0, after or 0) for first, after in days))


def _day(ws: "Workspace", instant: datetime) -> int | None:
    """The local day that begins at an instant, None where none does."""
    day = ws.calendar.local_day(instant)
    return day.toordinal() if ws.calendar.midnight(day) == instant else None


@dataclass(frozen=True, eq=False)
class RollUp:
    """A table's daily sums, for what is asked in a frame.

    Args:
        frame: What is asked.
        manifest: What is kept.
        days: First day and day after (ordinals) of each period.
    """

    frame: Frame
    manifest: Manifest
    days: tuple[tuple[int, int], ...]

    @property
    def counts(self) -> dict[str, int]:
        """Rows of the table in the whole window, and sampled ones among them."""
        first, after = self.days[0][0], self.days[-1][1]
        inside = [counts for day, counts in self.manifest.days.items() if first <= day < after]
        return {"rows": sum(rows for rows, _ in inside), "sampled": sum(sampled for _, sampled in inside)}

    def sums(self, states: Sequence[State], *, units: bool = True) -> "pa.Table | None":
        """Add up states as `compile.fused` does, by unit or over them; None where one of them is not kept."""
        places = {name: i for i, name in enumerate(self.manifest.states)}
        names = [state_name(state) for state in states]
        if any(name not in places for name in names):
            return None
        sums = {f"s{j}": f"s{places[name]}" for j, name in enumerate(names)}
        whole = {f"s{j}" for j, state in enumerate(states) if state.role in (Role.N, Role.ELIGIBLE)}
        return self._add(
            STATES, ["_unit" if units else "0"], sums | {"_n": "_n", "_unknown": "_unknown"}, whole | {"_n", "_unknown"}
        )

    def sampling(self, quantities: Sequence[Quantity]) -> "pa.Table | None":
        """Add up sampling covariances as `compile.sampled` does; None where one of them is not kept."""
        places = {text: i for i, text in enumerate(self.manifest.spreads)}
        if any(quantity.text not in places for quantity in quantities):
            return None
        at = [places[quantity.text] for quantity in quantities]
        pairs = [(i, j) for i in range(len(at)) for j in range(i, len(at))]
        columns = {f"v_{i}_{j}": "v_{}_{}".format(*sorted((at[i], at[j]))) for i, j in pairs}
        return self._add("sampling", [], columns, set())

    def bins(self, quantity: Quantity) -> "pa.Table | None":
        """Add up a logarithmic histogram as `compile.binned` does; None where it is not kept."""
        if quantity.text not in self.manifest.bins:
            return None
        columns = {name: name for name in ("_w", "_n", "_e", "_unknown")}
        kind = f"bins{self.manifest.bins.index(quantity.text)}"
        return self._add(kind, ["_unit", "_bin"], columns, {"_n", "_e", "_unknown"})

    def _add(self, kind: str, units: list[str], columns: Mapping[str, str], whole: set[str]) -> "pa.Table | None":
        """Add up columns by period, group and unit, over the days of each period."""
        import duckdb

        frame, by = self.frame, self.manifest.by
        folder = frame.ws.root / FOLDER / self.manifest.table
        keys = [f"_g{by.index(path.column)}" for path in frame.by] + units
        where = [f"_g{by.index(path.column)} = ?" for path, _ in frame.where]
        chosen = [f"{name} AS k{i}" for i, name in enumerate(keys)]
        chosen += [f"{column} AS c{i}" for i, column in enumerate(columns.values())]
        parts: list[str] = []
        values: list[Any] = []
        for segment in self.manifest.of(kind):
            days = self._places(segment)
            if days:
                parts.append(
                    f"SELECT _period, {', '.join(chosen)} FROM read_parquet(?) "  # noqa: S608  names are our own
                    "JOIN (SELECT unnest(?::INTEGER[]) AS _day, unnest(?::BIGINT[]) AS _period) USING (_day) "
                    f"WHERE {' AND '.join(['_day BETWEEN ? AND ?', *where])}"
                )
                values += [_escaped(folder / segment.path), list(days), list(days.values()), min(days), max(days)]
                values += [value for _, value in frame.where]
        names = [*frame.keys[1:], *("_unit" if unit == "0" else unit for unit in units)]
        shown = ["_period", *(f"k{i} AS {name}" for i, name in enumerate(names))]
        # Asked by everything that is kept, day by day, a row of the file is a row of the answer.
        alone = len(set(keys) - {"0"}) == len(by) + len(units) and all(after - first == 1 for first, after in self.days)
        total = "c{}" if alone else "sum(c{})"
        shown += [
            f"CAST({total.format(i)} AS {'BIGINT' if name in whole else 'DOUBLE'}) AS {name}"
            for i, name in enumerate(columns)
        ]
        if not parts:
            nothing = ["NULL::BIGINT AS _period", *(f"NULL AS {name.split()[-1]}" for name in chosen)]
            parts = [f"SELECT {', '.join(nothing)} LIMIT 0"]
        grouped = "" if alone else f"GROUP BY {', '.join(['_period', *(f'k{i}' for i in range(len(keys)))])}"
        query = f"SELECT {', '.join(shown)} FROM ({' UNION ALL '.join(parts)}) {grouped}"  # noqa: S608  names are our own
        with duckdb.connect(config={"threads": 1}) as connection:
            try:
                return connection.execute(query, values).to_arrow_table()
            except duckdb.IOException:
                return None  # another run has just put other files in their place

    def _places(self, segment: Segment) -> dict[int, int]:
        """The days that a file answers for: day (ordinal) → number of its period."""
        return {
            day: period
            for period, (first, after) in enumerate(self.days)
            for low, high in segment.days
            for day in range(max(low, first), min(high + 1, after))
        }


def _escaped(path: Path) -> str:
    # DuckDB reads [, * and ? in a path as patterns; a class of one character stands for itself.
    return "".join(f"[{sign}]" if sign in "[*?" else sign for sign in str(path))
