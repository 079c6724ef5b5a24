"""Roll-ups on disk: daily sums as Parquet, beside the workspace's configuration, and one manifest for each table.

Nothing here is data of its own: whatever is kept can be computed again, so that a file that is gone, damaged
or out of date is passed over in silence and the rows answer instead. A writer adds files under new names and
replaces the manifest by one rename; readers see it before or after.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from metricstack.metrics.query.compile import Plan
from metricstack.metrics.query.states import State
from metricstack.telemetry.measures import Given, measures_of
from metricstack.telemetry.warehouse import code_digest, file_digest, write_atomic

if TYPE_CHECKING:
    from metricstack.telemetry.workspace import Workspace

__all__ = [
    "FOLDER",
    "STATES",
    "Manifest",
    "Segment",
    "Source",
    "differing",
    "forget",
    "kept",
    "read",
    "sources_of",
    "stamp",
    "state_name",
    "stretches",
    "write",
]

FOLDER = "rollups"
"""The folder of a workspace that holds them."""
_VERSION = 2
_MAKERS = ("metrics", "telemetry", "numerics")
"""The rooms whose code makes sums."""
_READ: "WeakKeyDictionary[Workspace, dict[str, Manifest | None]]" = WeakKeyDictionary()
STATES = "states"
"""The kind of segment that holds sums by unit."""


@dataclass(frozen=True, slots=True)
class Source:
    """One file of a table's data as it was rolled up: equal files have equal rows.

    Args:
        digest: Of its bytes.
        first: Smallest event time in it.
        last: Largest event time in it.
    """

    digest: str
    first: datetime
    last: datetime


@dataclass(frozen=True, slots=True)
class Segment:
    """One Parquet file of sums.

    Args:
        kind: ``states``, ``sampling``, or ``bins`` and the number of the quantity.
        path: Where it is, relative to the table's folder.
        size: Its length in bytes.
        digest: SHA-256 of its bytes.
        days: First and last day (ordinals, both included) of the stretches for which it counts.
    """

    kind: str
    path: str
    size: int
    digest: str
    days: tuple[tuple[int, int], ...]

    def without(self, days: Iterable[int]) -> "Segment":
        """Return it without some days, which other segments now hold."""
        gone = set(days)
        left = [day for first, last in self.days for day in range(first, last + 1) if day not in gone]
        return replace(self, days=stretches(left))


@dataclass(frozen=True, slots=True)
class Manifest:
    """What is kept of one table.

    Args:
        table: The table.
        stamp: Of code, engine, calendar and parameters; another stamp, other sums.
        exact_units: Up to so many units were taken one by one.
        by: Dimensions, own columns of the table.
        plan: How rows became units and weights.
        units_per_row: Units for each row of the table.
        sources: The data, as they were rolled up.
        states: Names of the states, in the order of their columns ``s0``…
        spreads: Texts of the quantities whose sampling covariances are kept, ``v_i_j``.
        bins: Texts of the quantities whose histograms are kept.
        declined: Texts of the quantities whose histograms would not be small.
        days: Day (ordinal) → its rows, and sampled ones among them; only days with rows.
        segments: The files.
    """

    table: str
    stamp: str
    exact_units: int
    by: tuple[str, ...]
    plan: Plan
    units_per_row: float
    sources: tuple[Source, ...]
    states: tuple[str, ...]
    spreads: tuple[str, ...] = ()
    bins: tuple[str, ...] = ()
    declined: tuple[str, ...] = ()
    days: Mapping[int, tuple[int, int]] = field(default_factory=dict)
    segments: tuple[Segment, ...] = ()

    def of(self, kind: str) -> tuple[Segment, ...]:
        """Return the files of one kind."""
        return tuple(segment for segment in self.segments if segment.kind == kind)


def state_name(state: State) -> str:
    """Name a state for the manifest: its role and its quantity's canonical text."""
    return f"{state.role}:{state.quantity.text}"


def stretches(days: Iterable[int]) -> tuple[tuple[int, int], ...]:
    """Gather days into stretches of consecutive ones, first and last included.

    Example:
        >>> stretches([5, 1, 2, 3])
        ((1, 3), (5, 5))
    """
    found: list[tuple[int, int]] = []
    for day in sorted(set(days)):
        if found and found[-1][1] == day - 1:
            found[-1] = (found[-1][0], day)
        else:
            found.append((day, day))
    return tuple(found)


def sources_of(ws: "Workspace", name: str) -> tuple[Source, ...]:
    """Return the files of a table's data."""
    found = (
        Source(file.digest, file.first, file.last)
        for file in ws.warehouse.of(name)
        if file.first is not None and file.last is not None
    )
    return tuple(sorted(found, key=lambda source: (source.first, source.digest)))


def differing(before: Iterable[Source], after: Iterable[Source]) -> tuple[Source, ...]:
    """Return the files that only one of two states of the data has: the days that they touch have changed."""
    return tuple(set(before) ^ set(after))


def stamp(ws: "Workspace", name: str, given: Given) -> str:
    """Hash what besides the data decides a table's sums: code, engine, calendar, environment, parameters.

    The engine's version is in it since the hash that names a unit may change with it.
    """
    bound = [(measure.name, given.bound(measure)) for measure in measures_of(name).values()]
    parts = [
        _VERSION, code_digest(*_MAKERS), ws.connection.name, ws.connection.version, ws.config.zone,
        ws.config.environment, ws.columns(name), sorted(bound),
    ]  # fmt: skip
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


def read(ws: "Workspace", name: str) -> Manifest | None:
    """Return what is kept of a table as of the workspace's first look, None where nothing usable is."""
    known = _READ.setdefault(ws, {})
    if name not in known:
        known[name] = _read(ws.root / FOLDER / name)
    return known[name]


def forget(ws: "Workspace") -> None:
    """Look again at what is kept, the next time that something is asked."""
    _READ.pop(ws, None)


def _digest(entry: Mapping[str, Any]) -> str:
    """Hash what a manifest says: a damaged count would be a wrong number that no file's digest betrays."""
    return hashlib.sha256(json.dumps(entry, sort_keys=True).encode()).hexdigest()


def _read(folder: Path) -> Manifest | None:
    try:
        entry = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        if not isinstance(entry, dict) or entry.pop("digest", None) != _digest(entry):
            return None
        if entry.pop("version") != _VERSION:
            return None
        found = Manifest(
            **(
                entry
                | {name: tuple(entry[name]) for name in ("by", "states", "spreads", "bins", "declined")}
                | {
                    "plan": Plan(**(entry["plan"] | {"cluster": tuple(entry["plan"]["cluster"])})),
                    "sources": tuple(
                        Source(digest, datetime.fromisoformat(first), datetime.fromisoformat(last))
                        for digest, first, last in entry["sources"]
                    ),
                    "days": {int(day): (rows, sampled) for day, (rows, sampled) in entry["days"].items()},
                    "segments": tuple(
                        Segment(**(one | {"days": tuple((first, last) for first, last in one["days"])}))
                        for one in entry["segments"]
                    ),
                }
            )
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None
    for segment in found.segments:
        path = folder / segment.path
        if not path.is_file() or path.stat().st_size != segment.size or file_digest(path) != segment.digest:
            return None
    return found


def write(ws: "Workspace", manifest: Manifest) -> None:
    """Put a table's manifest in the place of the one before, then remove the files that it does not name."""
    folder = ws.root / FOLDER / manifest.table
    entry = asdict(manifest) | {
        "version": _VERSION,
        "sources": [(one.digest, one.first.isoformat(), one.last.isoformat()) for one in manifest.sources],
    }
    entry["digest"] = _digest(entry)
    with write_atomic(folder / "manifest.json") as stream:
        stream.write(json.dumps(entry, sort_keys=True).encode())
    named = {segment.path for segment in manifest.segments}
    for path in folder.glob("*.parquet"):
        if path.name not in named:
            path.unlink(missing_ok=True)


def kept(ws: "Workspace", name: str, given: Given, exact_units: int) -> Manifest | None:
    """Return what is kept of a table where it still means what would be computed today, None elsewhere."""
    found = read(ws, name)
    if found is None or found.exact_units != exact_units or not ws.has(name):
        return None
    return found if found.stamp == stamp(ws, name, given) else None
