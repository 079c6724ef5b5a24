"""Load units into a workspace, each whole or not at all: conform, judge, write, and one commit at the end."""

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from metricstack.core.errors import InvalidInput, UnreadableFile
from metricstack.sources.base import BATCH_ROWS, Unit
from metricstack.sources.conform import conform
from metricstack.sources.place import LOAD_PREFIX, begin, lock, prepare, storage_errors, sweep, sync_folder
from metricstack.sources.stage import Settled, Stage
from metricstack.sources.summary import IngestIncomplete, IngestSummary, TableCounts
from metricstack.telemetry.tables import TABLES, table
from metricstack.telemetry.warehouse import DataFile, Load, Warehouse

__all__ = ["Progress", "load"]

Progress = Callable[[int, int, str], None]
"""Called with how much is done, how much there is, and what is being read."""

_WRITING = "Cannot write to the workspace"


def load(
    units: Sequence[Unit], *, source: str, root: Path, progress: Progress | None = None, wait: float = 60.0
) -> IngestSummary:
    """Load units, one atomic step each; one that cannot be read does not stop or undo the others.

    Args:
        units: What the reader found.
        source: Kind of source.
        root: The workspace's folder; made where there is none.
        progress: Called as the work goes on.
        wait: Seconds to wait for another run that writes to the workspace.

    Raises:
        InvalidInput: the only unit cannot be read (`UnreadableFile` names the place).
        IngestIncomplete: some of several units cannot be read; carries the summary.
        WorkspaceError: the workspace cannot be written, or is being written by another run.
    """
    run = _Run(source, root, units, progress or (lambda _done, _total, _label: None), wait)
    try:
        for unit in units:
            try:
                run.load(unit)
            except InvalidInput as error:
                if len(units) == 1:
                    if isinstance(error, UnreadableFile):
                        raise
                    raise InvalidInput(f"{unit.name}: {error}") from error
                run.failures.append(str(error) if isinstance(error, UnreadableFile) else f"{unit.name}: {error}")
            run.done += unit.size
            run.progress(run.done, run.total, unit.name)
    finally:
        run.stage.close()
        for unit in units:
            unit.close()
    summary = run.summary()
    if summary.failures:
        raise IngestIncomplete(summary)
    return summary


class _Run:
    """One call of `load`: what it has counted so far, and the stage that units pass through."""

    def __init__(self, source: str, root: Path, units: Sequence[Unit], progress: Progress, wait: float) -> None:
        self.source, self.root, self.units = source, root, units
        self.progress, self.wait = progress, wait
        self.done, self.total = 0, sum(unit.size for unit in units)
        self.now = datetime.now(UTC)
        self.counts: dict[str, TableCounts] = {}
        self.unmapped: Counter[str] = Counter()
        self.already: list[str] = []
        self.quarantine: list[str] = []
        self.failures: list[str] = []
        self.stage = Stage()

    def summary(self) -> IngestSummary:
        return IngestSummary(
            source=self.source,
            workspace=str(self.root),
            files=len(self.units),
            tables=tuple(self.counts[name] for name in TABLES if name in self.counts),
            already_loaded=tuple(self.already),
            unmapped=tuple(sorted(self.unmapped.items(), key=lambda item: (-item[1], item[0]))),
            quarantine=tuple(self.quarantine),
            failures=tuple(self.failures),
        )

    def load(self, unit: Unit) -> None:
        with lock(self.root, self.wait):
            config, key = prepare(self.root)
            warehouse = Warehouse.open(self.root / config.warehouse)
            with storage_errors(self.root, _WRITING):
                sweep(self.root, warehouse)
            digest = unit.digest()
            if _is_loaded(warehouse, digest):
                self.already.append(unit.name)
                return
            self.stage.clear()
            for batch in unit.batches():
                rows = conform(batch, key=key, source=self.source, now=self.now)
                with storage_errors(self.root, _WRITING):
                    self.stage.add(table(batch.table), rows)
                self.progress(self.done + int(unit.size * batch.done), self.total, unit.name)
            digest = digest or self.stage.digest()
            if _is_loaded(warehouse, digest):
                self.already.append(unit.name)
                return
            self._settle(unit, warehouse, digest)

    def _settle(self, unit: Unit, warehouse: Warehouse, digest: str) -> None:
        written: list[Path] = []
        files, settled, aside = [], [], []
        try:
            with storage_errors(self.root, _WRITING):
                begin(warehouse)
                for name in self.stage.tables:
                    there = [str(warehouse.root / file.path) for file in warehouse.of(name)]
                    one = self.stage.settle(table(name), there)
                    settled.append(one)
                    if one.loaded:
                        files.append(self._write_data(one, warehouse.root, digest, written))
                    if one.quarantined:
                        aside.append(self._write_aside(one, unit.name, digest, written))
                for folder in {path.parent for path in written}:
                    sync_folder(folder)
                warehouse.commit(files, [Load(self.source, unit.name, digest, _counted(settled))])
        except BaseException:
            for path in written:
                path.unlink(missing_ok=True)
            raise
        for one in settled:
            name = one.table.name
            counts = TableCounts(name, one.read, one.loaded, one.duplicates, one.quarantined)
            self.counts[name] = self.counts.get(name, TableCounts(name)).plus(counts)
        self.quarantine += aside
        self.unmapped.update(unit.unmapped)

    def _write_data(self, settled: Settled, root: Path, digest: str, written: list[Path]) -> DataFile:
        name, time = settled.table.name, settled.table.event_time
        path = root / name / f"{LOAD_PREFIX}{digest[:16]}.parquet"
        written.append(path)
        bounds: list[datetime] = []

        def watched() -> Iterator[Any]:
            for batch in self.stage.loaded(settled):
                times = batch.column(time)
                bounds.extend((times[0].as_py(), times[-1].as_py()))
                yield batch

        rows = _write(path, watched())
        return DataFile.of(root, path, name, rows=rows, first=bounds[0], last=bounds[-1])

    def _write_aside(self, settled: Settled, source_name: str, digest: str, written: list[Path]) -> str:
        path = self.root / "quarantine" / f"{settled.table.name}-{digest[:16]}.parquet"
        written.append(path)
        _write(path, self.stage.set_aside(settled, source_name))
        return path.relative_to(self.root).as_posix()


def _is_loaded(warehouse: Warehouse, digest: str | None) -> bool:
    return digest is not None and any(load.digest == digest for load in warehouse.loads)


def _counted(settled: Iterable[Settled]) -> tuple[tuple[str, int], ...]:
    return tuple(
        (f"{one.table.name}.{kind}", count)
        for one in settled
        for kind, count in (
            ("read", one.read),
            ("loaded", one.loaded),
            ("duplicates", one.duplicates),
            ("quarantined", one.quarantined),
        )
    )


def _write(path: Path, batches: Iterator[Any]) -> int:
    """Write record batches as one Parquet file, and see it to the disk; return how many rows."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    path.parent.mkdir(parents=True, exist_ok=True)
    rows, writer = 0, None
    with path.open("wb") as stream:
        try:
            for batch in batches:
                if writer is None:
                    writer = pq.ParquetWriter(stream, batch.schema, compression="zstd")
                writer.write_table(pa.Table.from_batches([batch]), row_group_size=BATCH_ROWS)
                rows += batch.num_rows
        finally:
            if writer is not None:
                writer.close()
        stream.flush()
        os.fsync(stream.fileno())
    return rows
