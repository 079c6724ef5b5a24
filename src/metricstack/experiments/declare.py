"""What a workspace declares: files ``experiments/*.toml`` and the table `experiments`, with what was changed since."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import chain, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from metricstack.core.errors import ConfigurationError, Fault, InvalidInput, UnknownName, UnreadableFile
from metricstack.core.toml import line_of, read_toml
from metricstack.core.values import Refusal
from metricstack.experiments.declaration import Change, Declaration
from metricstack.experiments.entry import FIELDS, read_entry
from metricstack.experiments.names import unknown_names
from metricstack.experiments.registry import FOLDER, Registered, register_all, registered

if TYPE_CHECKING:
    from metricstack.telemetry.workspace import Workspace

__all__ = ["Declared", "declaration", "declarations", "declared", "register"]

_TABLE = "experiments"
_JSON: dict[str, Any] = {
    "arms": [], "allocation": [], "guardrails": {}, "secondary": [], "covariates": [], "segments": [], "ramps": [],
}  # fmt: skip
_WHOLE = ("looks", "covariate_days")


@dataclass(frozen=True)
class Declared:
    """All that a workspace declares.

    Args:
        experiments: Key → declaration, of those that can be.
        faults: What is wrong, each with its place: with others that cannot be read, and the names that are not known.
        unproven: Why the register proves no time, empty where it could; of a read-only workspace no fault.
        unknown: Key → names in its declaration that are not known, which are among the faults. What does not rest on
            them can be read all the same.
    """

    experiments: Mapping[str, Declaration]
    faults: tuple[str, ...] = ()
    unproven: str = ""
    unknown: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def declared(ws: "Workspace", *, names: bool = True) -> Declared:
    """Return every experiment that can be read as it was declared, and what is wrong with the others.

    Where a file and the table both declare one, the file counts, and where its entry is wrong, neither does: what the
    table says is not what was meant. Of two files that declare one, none counts. Its time is that of the register, or
    of the table's row that says the same.

    Args:
        ws: The workspace.
        names: Check the names of metrics, dimensions and arms, too, which takes the catalogue and the arms in
            `assignments`.
    """
    rows, faults = _of_table(ws)
    found = {key: history[-1] for key, history in rows.items()}
    folder = ws.root / FOLDER
    if folder.exists() and not folder.is_dir():
        faults.append(
            Fault(f"{FOLDER} is a file; declarations stand in a folder of that name, as {FOLDER}/retry.toml.")
        )
    elif folder.is_dir() and not os.access(folder, os.R_OK | os.X_OK):
        faults.append(Fault(f"{FOLDER} cannot be read: it may hold declarations; allow it to be read."))
    of_files: dict[str, str] = {}
    for path in sorted(folder.glob("*.toml")):
        try:
            read, wrong = _of_file(path)
        except UnreadableFile as error:
            faults.append(Fault(str(error)))
            continue
        faults += wrong
        for key, (origin, one) in read.items():
            twice = key in of_files
            if twice:
                faults.append(Fault(f"{origin}: experiment {key!r} is declared in {of_files[key]} already."))
            of_files.setdefault(key, origin)
            if one is None or twice:
                found.pop(key, None)
            else:
                found[key] = one
    register = registered(ws)
    unproven = register.broken or register.withheld
    if register.broken:
        faults.append(Fault(f"The register of experiments proves nothing: {register.broken}."))
    told = {
        key: replace(_with_history(one, rows.get(key, []), register.of(key)), unproven=unproven)
        for key, one in found.items()
    }
    unknown = unknown_names(ws, told) if names else {}
    faults += dict.fromkeys(chain.from_iterable(unknown.values()))
    return Declared(told, tuple(faults), unproven, unknown)


def declarations(ws: "Workspace") -> dict[str, Declaration]:
    """Return every experiment that a workspace declares.

    Raises:
        ConfigurationError: a file or a row declares what cannot be, or names a metric, a dimension or an arm that is
            not known; every fault with its place.
    """
    found = declared(ws)
    if found.faults:
        raise ConfigurationError("What is declared of experiments", found.faults)
    return dict(found.experiments)


def declaration(ws: "Workspace", key: str) -> Declaration:
    """Return one experiment's declaration, whatever is wrong with others.

    Raises:
        UnknownName: there is none; names the nearest.
        ConfigurationError: there is none, and some cannot be read.
    """
    found = declared(ws, names=False)
    if not isinstance(key, str):
        raise InvalidInput(f"An experiment is named by its key, a text, not {key!r}.")
    if key in found.experiments:
        return found.experiments[key]
    if found.faults:
        raise ConfigurationError("What is declared of experiments", found.faults)
    raise UnknownName("experiment", key, found.experiments, remedy="List them with `metricstack experiment list`.")


def register(ws: "Workspace", keys: Sequence[str] | str | None = None) -> dict[str, Registered]:
    """Register declarations as they stand, so that a readout can show that they came before the data.

    Args:
        ws: The workspace.
        keys: Which, None for all.

    Returns:
        Key → its line in the register, with its time; one that was registered before keeps that time.

    Raises:
        UnknownName: no experiment of a key; names the nearest.
        ConfigurationError: a declaration cannot be or names what is not known, or the register was changed or cannot
            be written.
    """
    if keys is None:
        wanted = list(declarations(ws).values())
    else:
        wanted = [declaration(ws, key) for key in dict.fromkeys([keys] if isinstance(keys, str) else keys)]
        unknown = unknown_names(ws, {one.key: one for one in wanted}).values()
        if unknown:
            raise ConfigurationError("What is declared of experiments", dict.fromkeys(chain.from_iterable(unknown)))
    return register_all(ws, wanted)


def _of_table(ws: "Workspace") -> tuple[dict[str, list[Declaration]], list[str]]:
    """The declarations of each experiment in the table, oldest first, and what is wrong with the last ones."""
    rows = ws.table(_TABLE)
    if isinstance(rows, Refusal):
        return {}, []
    here = rows.filter(rows.env.isnull() | (rows.env == ws.config.environment)).to_pyarrow().to_pylist()
    found: dict[str, list[Declaration]] = {}
    wrong: dict[str, list[str]] = {}
    for row in sorted(here, key=lambda row: (row["registered_at"], str(row["ingested_at"]))):
        one, faults = _of_row(row)
        wrong[row["experiment"]] = [Fault(f"table {_TABLE!r}, {row['experiment']!r}: {text}") for text in faults]
        if one is not None:
            found.setdefault(one.key, []).append(replace(one, origin=_TABLE))
        else:
            found.pop(row["experiment"], None)
    return found, [fault for faults in wrong.values() for fault in faults]


def _of_row(row: Mapping[str, Any]) -> tuple[Declaration | None, list[str]]:
    told = {name: value for name, value in row.items() if name in FIELDS and value is not None}
    told |= {"primary": row["primary_metric"]}
    wrong = []
    for name, empty in _JSON.items():
        if not row[name]:
            told[name] = empty
            continue
        try:
            told[name] = json.loads(row[name])
        except (ValueError, RecursionError):
            wrong.append(f"{name} = {row[name]!r}: it must be JSON, as {json.dumps([0.5, 0.5])}.")
    for name in _WHOLE:
        if isinstance(told.get(name), float) and told[name].is_integer():
            told[name] = int(told[name])
    if wrong:
        return None, wrong
    one, faults = read_entry(row["experiment"], told)
    return one, [text for _, text in faults]


def _of_file(path: Path) -> tuple[dict[str, tuple[str, Declaration | None]], list[str]]:
    """The entries of a file, each with its place, None where it cannot be read; and all that is wrong."""
    values, text = read_toml(path)
    faults: list[str] = []
    found: dict[str, tuple[str, Declaration | None]] = {}
    faults += [
        Fault(
            f"{path.name}:{line_of(text, name)}: unknown section [{name}]; declarations stand under [experiments.KEY]."
        )
        for name in values
        if name != _TABLE
    ]
    entries = values.get(_TABLE, {})
    if not isinstance(entries, dict):
        place = f"{path.name}:{line_of(text, _TABLE)}"
        return {}, [*faults, Fault(f"{place}: declarations stand under [experiments.KEY], one table for each.")]
    for key, entry in entries.items():
        origin = f"{path.name}:{line_of(text, _TABLE, key)}"
        found[key] = origin, None
        if not isinstance(entry, dict):
            faults.append(Fault(f"{origin}: {key!r} must be a table."))
            continue
        one, wrong = read_entry(key, entry)
        if "registered_at" in entry:
            message = "registered_at: a file proves no time; leave it out, and run `metricstack experiment register`."
            wrong = [*wrong, ("registered_at", message)]
        faults += [
            Fault(f"{path.name}:{line_of(text, _TABLE, key, name)}: experiment {key!r}: {message}")
            for name, message in wrong
        ]
        if one is not None and not wrong:
            found[key] = origin, replace(one, origin=origin)
    return found, faults


def _with_history(one: Declaration, rows: Sequence[Declaration], lines: Sequence[Registered]) -> Declaration:
    """Add when a declaration as it stands was registered, and what was declared otherwise before."""
    told = [(row.registered_at, row.hash, row.content) for row in rows if row.registered_at is not None]
    told += [(line.at, line.hash, line.content) for line in lines]
    versions = sorted(told, key=lambda version: version[0])
    at = None
    for when, known, _ in reversed(versions):  # the earliest of the last versions that say the same
        if known != one.hash:
            break
        at = when
    steps: list[tuple[datetime | None, dict[str, Any]]] = [(when, content) for when, _, content in versions]
    if at is None:
        steps.append((None, one.content))
    changes = [
        Change(
            name,
            before.get(name, _USUAL[name]),
            after.get(name, _USUAL[name]),
            when,
            late=when is None or when > _first_start(before, after, one),
        )
        for (_, before), (when, after) in pairwise(steps)
        for name in dict.fromkeys([*before, *after])
        if name in _USUAL and before.get(name) != after.get(name)
    ]
    return replace(one, registered_at=at, changes=tuple(changes))


def _first_start(before: Mapping[str, Any], after: Mapping[str, Any], one: Declaration) -> datetime:
    """The earlier start of two declarations: to move it does not make a late change an early one."""
    return min(datetime.fromisoformat(told.get("start", one.start.isoformat())) for told in (before, after))


_USUAL = {
    name: one.default if isinstance(one.default, int | float | str | None) else None
    for name, one in Declaration.__dataclass_fields__.items()
    if name in FIELDS
}
