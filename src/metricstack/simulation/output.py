"""Write a whole simulated workspace, or draw its tables in memory."""

import json
import os
import re
import shutil
import tempfile
import time
from collections import deque
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from metricstack.core.errors import InvalidInput, WorkspaceError
from metricstack.simulation.behaviour import Exposures, assignments
from metricstack.simulation.company import REGIONS, USE_CASES
from metricstack.simulation.daily import DAILY, TOTALS
from metricstack.simulation.identifiers import privacy_key
from metricstack.simulation.intervene import find_truth
from metricstack.simulation.model import OBSERVED, Coefficients
from metricstack.simulation.registers import REGISTERS, registers
from metricstack.simulation.settings import Dirt, Settings
from metricstack.simulation.settings_file import settings_file
from metricstack.simulation.stretches import TABLES_OF_TRAFFIC, Stretch, Unfolded, stretches, unfold_stretch
from metricstack.simulation.truth import Truth
from metricstack.simulation.world import World
from metricstack.telemetry.config import FILE_NAME
from metricstack.telemetry.tables import TABLES, table
from metricstack.telemetry.warehouse import DataFile, Load, Warehouse

__all__ = ["TRUTH_FILE", "sample", "simulate"]

TRUTH_FILE = "truth.json"
_ROW_GROUP = 122_880
_ABANDONED = 3600.0
"""Seconds without a write after which a draft belongs to a run that was killed: a stretch takes far less."""
_ASSIGNMENT_ROWS = 250_000
_DELTA = {"start", "end", "ingested_at", "given", "first_exposure"}

Progress = Callable[[int, int], None]


def simulate(
    directory: str | os.PathLike[str],
    *,
    requests: int,
    days: int,
    seed: int,
    start: date = date(2025, 7, 1),
    dirt: Dirt | None = None,
    replace: bool = False,
    progress: Progress | None = None,
    workers: int | None = None,
    coefficients: Coefficients = OBSERVED,
) -> Truth:
    """Write the workspace of a simulated company: every table, its settings, and what is true of it.

    The workspace appears whole, by one rename, or not at all. The same arguments give the same
    bytes, whatever the machine and the number of workers.

    Args:
        directory: Where the workspace goes; absent or empty.
        requests: Requests that happen in the period.
        days: Days of the period, in the zone Europe/Berlin.
        seed: Names the company.
        start: First day.
        dirt: What goes wrong with the telemetry; realistic by default.
        replace: Replace a simulated workspace that is there already. Anything else is never touched.
        progress: Called with (requests written, requests in all) after every stretch.
        workers: Threads; two by default, as far as the machine has them. More take more memory.
        coefficients: The stated effects.

    Returns:
        The truth that is also in ``truth.json``.

    Raises:
        InvalidInput: a number that cannot be simulated.
        WorkspaceError: something else is in the directory, or it cannot be written.
    """
    settings = Settings(requests=requests, days=days, seed=seed, start=start, dirt=dirt or Dirt.realistic())
    if workers is not None and workers < 1:
        raise InvalidInput(f"workers is {workers}; at least one is needed.")
    target = Path(directory).expanduser().absolute()
    _check_target(target, replace=replace)
    draft: Path | None = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _sweep(target)
        draft = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".simulating", dir=target.parent))
        draft.chmod(0o755)
        truth = _write(draft, settings, coefficients, progress, workers or min(2, os.cpu_count() or 1))
        _publish(draft, target)
    except OSError as error:
        detail = error.strerror or str(error)
        raise WorkspaceError(f"{target} cannot be written ({detail}). Nothing was changed.") from error
    finally:
        if draft is not None:
            shutil.rmtree(draft, ignore_errors=True)
    return truth


def sample(
    *,
    requests: int,
    days: int = 92,
    seed: int,
    start: date = date(2025, 7, 1),
    dirt: Dirt | None = None,
    tables: Collection[str] | None = None,
    coefficients: Coefficients = OBSERVED,
) -> dict[str, pa.Table]:
    """Draw tables of a simulated company in memory: for calibration over many seeds.

    A table is the same as `simulate` would write it, whichever others are asked for.

    Args:
        requests: Requests that happen in the period.
        days: Days of the period.
        seed: Names the company.
        start: First day.
        dirt: What goes wrong with the telemetry; nothing by default.
        tables: Names of the tables to make; all by default.
        coefficients: The stated effects.

    Returns:
        Table name → Arrow table, with the columns of its contract.

    Raises:
        UnknownName: the schema has no such table.
        InvalidInput: a number that cannot be simulated.

    Example:
        >>> drawn = sample(requests=500, days=7, seed=1, tables=("requests", "sessions"))
        >>> drawn["requests"].num_rows, sorted(drawn)
        (500, ['requests', 'sessions'])
    """
    settings = Settings(requests=requests, days=days, seed=seed, start=start, dirt=dirt or Dirt.none())
    wanted = frozenset(TABLES if tables is None else (table(name).name for name in tables))
    world = World.of(settings)
    traffic = wanted & {*TABLES_OF_TRAFFIC, "assignments", "business_kpis", "collection_health"}
    parts: dict[str, list[pa.Table]] = {}
    met: list[Exposures] = []
    daily = np.zeros((settings.days, len(REGIONS), len(DAILY)))
    for stretch in stretches(world) if traffic else ():
        unfolded = unfold_stretch(world, stretch, coefficients=coefficients, tables=wanted)
        for name, rows in unfolded.tables.items():
            parts.setdefault(name, []).append(rows)
        met += unfolded.exposures
        daily[unfolded.days : unfolded.days + len(unfolded.daily)] += unfolded.daily
    made = {name: pa.concat_tables(tables_) for name, tables_ in parts.items()}
    if "assignments" in wanted:
        made["assignments"] = assignments(world, met)
    if wanted & set(REGISTERS):
        made |= registers(world, daily, wanted)
    return {name: made[name] for name in TABLES if name in made}


def _check_target(target: Path, *, replace: bool) -> None:
    try:
        if not target.exists():
            return
        if not target.is_dir():
            raise WorkspaceError(f"{target} is a file. Name a folder that does not exist yet, or an empty one.")
        if not any(target.iterdir()):
            return
        if not (target / TRUTH_FILE).is_file():
            raise WorkspaceError(
                f"{target} is not empty and holds no simulated workspace (no {TRUTH_FILE}); it is left as it is. "
                "Name a folder that does not exist yet, or an empty one."
            )
    except OSError as error:
        raise WorkspaceError(f"{target} cannot be read ({error.strerror or error}). Nothing was changed.") from error
    if not replace:
        raise WorkspaceError(
            f"{target} holds a simulated workspace already. Replace it with `--replace` (in Python `replace=True`), "
            "or name another folder."
        )


def _sweep(target: Path) -> None:
    """Remove what killed runs left beside the target and nobody has written to for an hour.

    The old workspace of a run that was killed between its two renames is kept while nothing stands in its place.
    """
    ours = re.compile(rf"\.{re.escape(target.name)}\.[a-z0-9_]{{8}}\.(simulating|old)")
    for path in target.parent.iterdir():
        match = ours.fullmatch(path.name)
        if match is None or path.is_symlink() or not path.is_dir():
            continue
        if match[1] == "old" and not (target / TRUTH_FILE).is_file():
            continue
        if time.time() - max(inner.lstat().st_mtime for inner in (path, *path.rglob("*"))) > _ABANDONED:
            shutil.rmtree(path, ignore_errors=True)


def _publish(draft: Path, target: Path) -> None:
    """Put the finished draft in the target's place."""
    if target.exists() and any(target.iterdir()):
        old = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".old", dir=target.parent))
        target.replace(old)
        try:
            draft.replace(target)
        except OSError:
            old.replace(target)
            raise
        shutil.rmtree(old, ignore_errors=True)
    else:
        draft.replace(target)


def _write(
    draft: Path, settings: Settings, coefficients: Coefficients, progress: Progress | None, workers: int
) -> Truth:
    world = World.of(settings)
    root = draft / "data"
    root.mkdir()
    files: list[DataFile] = []
    daily = np.zeros((settings.days, len(REGIONS), len(DAILY)))
    totals = np.zeros((len(USE_CASES), len(TOTALS)))
    with ThreadPoolExecutor(workers) as pool:
        truth_later = pool.submit(find_truth, world, coefficients)

        def make(stretch: Stretch) -> tuple[Unfolded, list[DataFile]]:
            unfolded = unfold_stretch(world, stretch, coefficients=coefficients)
            written = [
                _write_table(root, name, unfolded.tables[name], f"part-{stretch.number:05d}")
                for name in TABLES_OF_TRAFFIC
            ]
            unfolded.tables.clear()
            return unfolded, written

        met: list[Exposures] = []
        parts = 0
        # The order of the results is that of the stretches, whichever thread was faster.
        for unfolded, written in _in_order(pool, make, stretches(world), ahead=workers + 1):
            files += written
            totals += unfolded.totals
            daily[unfolded.days : unfolded.days + len(unfolded.daily)] += unfolded.daily
            met += unfolded.exposures
            over = [exposure for exposure in met if world.tests[exposure.test].last <= unfolded.stretch.last]
            if sum(len(exposure.user) for exposure in over) > _ASSIGNMENT_ROWS:
                files.append(_write_table(root, "assignments", assignments(world, over), f"part-{parts:05d}"))
                met = [exposure for exposure in met if world.tests[exposure.test].last > unfolded.stretch.last]
                parts += 1
            if progress is not None:
                progress(unfolded.stretch.after, settings.requests)
        files.append(_write_table(root, "assignments", assignments(world, met), f"part-{parts:05d}"))
        for name, rows in registers(world, daily).items():
            files.append(_write_table(root, name, rows, "part-00000"))
        known = truth_later.result()
    by_use_case = zip(USE_CASES, totals.tolist(), strict=True)
    truth = replace(known, totals={name: dict(zip(TOTALS, row, strict=True)) for name, row in by_use_case})
    (draft / FILE_NAME).write_text(settings_file(), encoding="utf-8")
    (draft / "privacy.key").write_text(privacy_key(settings.seed).hex() + "\n", encoding="ascii")
    (draft / "privacy.key").chmod(0o600)
    (draft / TRUTH_FILE).write_text(json.dumps(truth.to_dict(), indent=1) + "\n", encoding="utf-8")
    Warehouse(root).commit(
        files,
        [Load("simulation", f"seed-{settings.seed}", "", (("requests", settings.requests), ("days", settings.days)))],
    )
    return truth


def _in_order(
    pool: ThreadPoolExecutor,
    make: Callable[[Stretch], tuple[Unfolded, list[DataFile]]],
    work: list[Stretch],
    *,
    ahead: int,
) -> Iterator[tuple[Unfolded, list[DataFile]]]:
    """Give the results in the order of the work, with a bounded number of them in memory."""
    waiting: deque[Future[tuple[Unfolded, list[DataFile]]]] = deque()
    try:
        for item in work:
            waiting.append(pool.submit(make, item))
            if len(waiting) >= ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for later in waiting:
            later.cancel()


def _write_table(root: Path, name: str, rows: pa.Table, part: str) -> DataFile:
    """Write one file of one table: zstd, dictionaries for categories only, plain types for every reader."""
    folder = root / name
    folder.mkdir(exist_ok=True)
    path = folder / f"{part}.parquet"
    categories = [field.name for field in rows.schema if pa.types.is_dictionary(field.type)]
    instants = [field.name for field in rows.schema if field.name in _DELTA and pa.types.is_timestamp(field.type)]
    small = rows.num_rows < 20_000
    pq.write_table(
        rows,
        path,
        row_group_size=_ROW_GROUP,
        compression="zstd",
        compression_level=1,
        use_dictionary=True if small else categories,
        column_encoding=None if small else dict.fromkeys(instants, "DELTA_BINARY_PACKED"),
        store_schema=False,
    )
    times = rows[TABLES[name].event_time]
    first, last = (times[0].as_py(), times[-1].as_py()) if rows.num_rows else (None, None)
    return DataFile.of(root, path, name, rows=rows.num_rows, first=first, last=last)
