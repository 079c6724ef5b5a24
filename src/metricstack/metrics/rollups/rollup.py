"""`build_rollups`: keep daily sums of tables by declared dimensions, so that questions about days need no rows.

What is kept are states, which add up; values do not. No average of a percentile and no sum of a distinct
count is ever kept, and what depends on more than a row and its day (other tables, other rows, when the data
end) is left to the rows.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from metricstack.core.errors import InvalidInput, WorkspaceError
from metricstack.core.values import Refusal
from metricstack.metrics.definitions import Catalogue, catalogue
from metricstack.metrics.query import binning
from metricstack.metrics.query import compile as queries
from metricstack.metrics.query.fetch import EXACT_UNITS
from metricstack.metrics.query.joins import Path as Way
from metricstack.metrics.query.plan import plan_of, units_per_row
from metricstack.metrics.query.rows import Frame
from metricstack.metrics.query.states import Quantity, Role, State
from metricstack.metrics.rollups.needs import Needs, declared, needs_of
from metricstack.metrics.rollups.store import (
    FOLDER,
    STATES,
    Manifest,
    Segment,
    differing,
    forget,
    read,
    sources_of,
    stamp,
    state_name,
    stretches,
    write,
)
from metricstack.telemetry.contract import Table
from metricstack.telemetry.tables import table
from metricstack.telemetry.warehouse import file_digest

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import pyarrow as pa

    from metricstack.telemetry.workspace import Workspace

__all__ = ["RolledUp", "build_rollups"]

_LARGEST = 5
"""A histogram is kept where it has at most one row for so many of the table's."""
_CHUNK = 92  # days in one query: bounds memory, and a quarter is one
_GAP = 7  # days without rows that are cheaper to ask for than another query
_SEGMENTS = 8  # more files of a kind are gathered into one
_SLOT = 900  # seconds; every zone's days begin on a quarter of an hour
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FAR = 50_000_000  # slots from 1970, beyond every calendar and within what a clock can say


@dataclass(frozen=True, slots=True)
class RolledUp:
    """What became of one table.

    Args:
        table: The table.
        by: Dimensions.
        built: Days that were computed.
        kept: Days that were up to date.
        size: Bytes on disk.
    """

    table: str
    by: tuple[str, ...]
    built: int
    kept: int
    size: int


def build_rollups(
    ws: "Workspace", *, rebuild: bool = False, progress: Callable[[int, int, str], None] | None = None
) -> tuple[RolledUp, ...]:
    """Bring the daily sums of a workspace up to date; only days whose data have changed are computed.

    They lie in the folder ``rollups`` of the workspace and are used by themselves from then on, wherever they
    answer exactly. Deleting the folder loses nothing but time.

    Args:
        ws: The workspace.
        rebuild: Compute all days, changed or not.
        progress: Called with tables done, tables in all, and the next one's name.

    Returns:
        What became of each table, in the schema's order.

    Raises:
        ConfigurationError: ``[rollups]`` names what a table cannot be rolled up by.
        WorkspaceError: the tables lie in a database, another run holds the roll-ups, or the folder cannot be written.
    """
    from filelock import FileLock, Timeout

    if ws.is_remote:
        raise WorkspaceError(
            "Roll-ups are kept of a folder of Parquet, whose files tell which days have changed. Rows of a database "
            "may change in place, which would leave old sums standing."
        )
    wanted, known = declared(ws), catalogue(ws)
    needs = needs_of(known, ws)
    folder = ws.root / FOLDER
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        remedy = "Move that file away." if folder.is_file() else "Choose a workspace that you may write."
        raise WorkspaceError(f"Cannot write roll-ups to {folder}: {error.strerror or error}. {remedy}") from error
    found: list[RolledUp] = []
    try:
        with FileLock(folder / ".lock", timeout=600):
            forget(ws)
            for i, (name, by) in enumerate(wanted.items()):
                if progress:
                    progress(i, len(wanted), name)
                found.append(_Builder(ws, known, name, by, needs.get(name, Needs())).build(rebuild=rebuild))
    except Timeout as error:
        raise WorkspaceError(f"Another run is writing roll-ups to {folder}. Wait for it to end.") from error
    finally:
        forget(ws)
    return tuple(found)


@dataclass(eq=False)
class _Builder:
    """Brings one table's roll-up up to date."""

    ws: "Workspace"
    known: Catalogue
    name: str
    by: tuple[str, ...]
    needs: Needs

    @property
    def folder(self) -> Path:
        return self.ws.root / FOLDER / self.name

    @property
    def contract(self) -> Table:
        return table(self.name)

    def build(self, *, rebuild: bool) -> RolledUp:
        ws, name = self.ws, self.name
        plan = plan_of(ws, name, exact_units=EXACT_UNITS)
        assert not isinstance(plan, Refusal)  # only tables at hand are declared
        states, spreads, quantiles = list(self.needs.states), list(self.needs.spreads), list(self.needs.quantiles)
        # What is kept as one must be whole in its day and group, so that days' covariances add up: one row each.
        alone = self.contract.key == (queries.kept_as_one(self.contract),)
        spreads = spreads if plan.weighted and alone else []
        fresh = Manifest(
            name, stamp(ws, name, self.known.given), EXACT_UNITS, self.by, plan,
            units_per_row(ws, name, plan), sources_of(ws, name), tuple(state_name(state) for state in states),
            tuple(quantity.text for quantity in spreads),
        )  # fmt: skip
        before = None if rebuild else read(ws, name)
        texts = {quantity.text for quantity in quantiles}
        if before is None or not _alike(before, fresh, texts):
            before = None
        days = self._changed(before, fresh)
        manifest = fresh if before is None else self._without(before, fresh, days)
        if days or before is None or before.sources != fresh.sources:
            self.folder.mkdir(exist_ok=True)
            manifest = self._with(manifest, days, states, spreads, quantiles, first=before is None)
            manifest = self._gathered(manifest)
            write(ws, manifest)
        size = sum(segment.size for segment in manifest.segments)
        built = len(set(days) & set(manifest.days))
        return RolledUp(name, self.by, built, len(manifest.days) - built, size)

    def _changed(self, before: Manifest | None, fresh: Manifest) -> list[int]:
        """The days (ordinals) to compute: those with rows whose data are not those that were rolled up."""
        rows = self.ws.table(self.name, columns=[self.contract.event_time])
        assert not isinstance(rows, Refusal)
        time = rows[self.contract.event_time]
        if before is not None:
            changed = differing(before.sources, fresh.sources)
            if not changed:
                return []
            first, last = (min(source.first for source in changed), max(source.last for source in changed))
            rows = rows.filter(time >= first, time <= last)
            time = rows[self.contract.event_time]
        slot = (time.epoch_seconds() / _SLOT).floor().cast("int64").name("slot")
        numbers = slot.as_table().distinct().to_pyarrow()["slot"].to_pylist()
        days = {self._day(_EPOCH + timedelta(seconds=n * _SLOT)) for n in numbers if n is not None and abs(n) < _FAR}
        if before is None:
            return sorted(day for day in days if day is not None)
        spans = [(self._day(source.first) or 0, self._day(source.last) or date.max.toordinal()) for source in changed]
        there = {*before.days, *(day for day in days if day is not None)}
        return sorted(day for day in there if any(low <= day <= high for low, high in spans))

    def _day(self, instant: datetime) -> int | None:
        """The local day of an instant (ordinal), None outside the years of the calendar."""
        try:
            return self.ws.calendar.local_day(instant).toordinal()
        except InvalidInput:
            return None

    @staticmethod
    def _without(before: Manifest, fresh: Manifest, days: list[int]) -> Manifest:
        gone = set(days)
        segments = (segment.without(gone) for segment in before.segments)
        return replace(
            fresh,
            bins=before.bins,
            declined=before.declined,
            days={day: counts for day, counts in before.days.items() if day not in gone},
            segments=tuple(segment for segment in segments if segment.days),
        )

    def _with(
        self,
        manifest: Manifest,
        days: list[int],
        states: list[State],
        spreads: list[Quantity],
        quantiles: list[Quantity],
        *,
        first: bool,
    ) -> Manifest:
        """Compute days and add their files."""
        plan, name = manifest.plan, self.name
        segments, counted = list(manifest.segments), dict[int, tuple[int, int]]()
        sampled = self._sampled(days, plan) if plan.weighted else {}
        parts = self._parts(days, lambda frame: queries.fused(frame, name, states, plan), states)
        segments += self._written(STATES, days, parts)
        for part in parts:
            counted |= {day: (rows, sampled.get(day, 0)) for day, rows in _rows_by_day(part).items()}
        manifest = replace(manifest, days=dict(manifest.days) | counted)
        if spreads:
            segments += self._segment("sampling", days, lambda frame: queries.sampled(frame, name, spreads))
        by_text = {quantity.text: quantity for quantity in quantiles}
        if first:
            small = [quantity.text for quantity in quantiles if self._is_small(quantity, plan, counted)]
            declined = tuple(text for text in by_text if text not in small)
            manifest = replace(manifest, bins=tuple(small), declined=declined)
        for i, text in enumerate(manifest.bins):
            binned = partial(binning.binned, name=name, quantity=by_text[text], plan=plan)
            segments += self._segment(f"bins{i}", days, binned)
        return replace(manifest, segments=tuple(segments))

    def _sampled(self, days: list[int], plan: queries.Plan) -> dict[int, int]:
        """Sampled rows of each day."""
        found: dict[int, int] = {}
        for first, frame in self._frames(days, by=False):
            query = queries.counted(frame, self.name, plan, by_period=True)
            assert not isinstance(query, Refusal)
            for row in query.to_pyarrow().to_pylist():
                found[first + row["_period"]] = int(row["sampled"] or 0)
        return found

    def _is_small(self, quantity: Quantity, plan: queries.Plan, counted: Mapping[int, tuple[int, int]]) -> bool:
        """Look at the day with most rows: where its histogram is not small, no other day's is."""
        if not counted:
            return False
        day = max(counted, key=lambda day: counted[day][0])
        ((_, frame),) = self._frames([day])
        query = binning.binned(frame, self.name, quantity, plan)
        assert not isinstance(query, Refusal)
        return int(query.count().to_pyarrow().as_py()) * _LARGEST <= counted[day][0]

    def _frames(self, days: Iterable[int], *, by: bool = True) -> Iterator[tuple[int, Frame]]:
        """Cut days into stretches that are asked in one query each: its first day, and what is asked."""
        ways = tuple(Way(column, (), self.name) for column in self.by) if by else ()
        calendar = self.ws.calendar
        for first, last in _chunks(days):
            asked = (date.fromordinal(day) for day in range(first, last + 1))
            periods = tuple(calendar.between(day, day + timedelta(days=1)) for day in asked)
            yield first, Frame(self.ws, self.known.given, periods, ways)

    def _segment(self, kind: str, days: list[int], build: "Callable[[Frame], ir.Table | Refusal]") -> list[Segment]:
        return self._written(kind, days, self._parts(days, build))

    def _parts(
        self, days: list[int], build: "Callable[[Frame], ir.Table | Refusal]", states: Iterable[State] = ()
    ) -> "list[pa.Table]":
        """Run a query over days; its rows have the day in the place of the period."""
        parts, roles = [], [state.role for state in states]
        for first, frame in self._frames(days):
            query = build(frame)
            assert not isinstance(query, Refusal)
            parts.append(_with_day(query.to_pyarrow(), first, roles))
        return parts

    def _written(self, kind: str, days: list[int], parts: "list[pa.Table]") -> list[Segment]:
        return [self._write(kind, parts, stretches(days))] if any(len(part) for part in parts) else []

    def _write(self, kind: str, parts: "list[pa.Table]", days: tuple[tuple[int, int], ...]) -> Segment:
        import pyarrow as pa
        import pyarrow.parquet as pq

        path = self.folder / f"{kind}-{uuid4().hex[:12]}.parquet"
        whole = pa.concat_tables(parts, promote_options="permissive")
        order = [name for name in whole.column_names if name in ("_day", "_unit", "_bin") or name.startswith("_g")]
        whole = whole.sort_by([(name, "ascending") for name in ("_day", *(name for name in order if name != "_day"))])
        pq.write_table(whole, path, compression="zstd")
        return Segment(kind, path.name, path.stat().st_size, file_digest(path), days)

    def _gathered(self, manifest: Manifest) -> Manifest:
        """Gather many small files of a kind into one."""
        import pyarrow.compute as pc
        import pyarrow.parquet as pq

        for kind in {segment.kind for segment in manifest.segments}:
            old = manifest.of(kind)
            if len(old) <= _SEGMENTS:
                continue
            parts = []
            for segment in old:
                rows = pq.read_table(self.folder / segment.path)
                days = [day for first, last in segment.days for day in range(first, last + 1)]
                parts.append(rows.filter(pc.is_in(rows["_day"], _array(days))))
            covered = stretches(day for one in old for first, last in one.days for day in range(first, last + 1))
            new = self._write(kind, parts, covered)
            others = tuple(segment for segment in manifest.segments if segment.kind != kind)
            manifest = replace(manifest, segments=(*others, new))
        return manifest


def _alike(before: Manifest, fresh: Manifest, texts: set[str]) -> bool:
    same = all(
        getattr(before, name) == getattr(fresh, name)
        for name in ("stamp", "exact_units", "by", "plan", "states", "spreads")
    )
    return same and texts == {*before.bins, *before.declined}


def _chunks(days: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Stretches of at most `_CHUNK` days, over gaps of at most `_GAP`."""
    start = last = None
    for day in sorted(days):
        if start is not None and last is not None and (day - last > _GAP or day - start >= _CHUNK):
            yield start, last
            start = day
        start, last = (day if start is None else start), day
    if start is not None and last is not None:
        yield start, last


def _rows_by_day(part: "pa.Table") -> dict[int, int]:
    found = part.group_by("_day").aggregate([("_n", "sum")]).to_pydict()
    return dict(zip(found["_day"], found["_n_sum"], strict=True))


def _array(days: list[int]) -> "pa.Array":
    import pyarrow as pa

    return pa.array(days, pa.int32())


def _with_day(rows: "pa.Table", first: int, roles: list[Role]) -> "pa.Table":
    """Put the day in the place of the period, and sums into one type, whole where they count."""
    import pyarrow as pa
    import pyarrow.compute as pc

    columns: dict[str, Any] = {}
    for name in rows.column_names:
        values = rows[name]
        if name == "_period":
            columns["_day"] = pc.add(values, first).cast(pa.int32())
        elif name.startswith("s") and roles:
            whole = roles[int(name[1:])] in (Role.N, Role.ELIGIBLE)
            columns[name] = pc.fill_null(values.cast(pa.int64() if whole else pa.float64()), 0)
        elif name in ("_n", "_unknown", "_e"):
            columns[name] = pc.fill_null(values.cast(pa.int64()), 0)
        elif name.startswith("v_") or name == "_w":
            columns[name] = values.cast(pa.float64())
        else:
            columns[name] = values
    return pa.table(columns)
