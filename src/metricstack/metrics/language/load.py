"""Read definitions from TOML, and report every fault of every file at once, with file, line and nearest word.

[metrics.cost_per_successful_outcome]
title = "Cost per successful outcome"
about = "Cost of all attempts, failed ones too, for each outcome that succeeded."
table = "requests"
formula = "sum(cost) / count(successful)"
unit = "currency/outcome"
better = "lower"
layer = "cost"
levels = { target = 0.05, warn = 0.10, breach = 0.20 }
requires = { n = 30 }
"""

import sys
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import Any

from metricstack.core.errors import ConfigurationError, Fault, InvalidInput, UnreadableFile, nearest
from metricstack.core.toml import line_of, read_toml
from metricstack.core.units import check_unit
from metricstack.metrics.language.faults import faults_of
from metricstack.metrics.language.formula import Number, parse
from metricstack.metrics.model import Better, Bucket, Definition, Layer, Levels, Pillar, Population, Requires
from metricstack.telemetry.contract import Kind
from metricstack.telemetry.tables import TABLES

__all__ = ["CATALOGUE", "load"]

CATALOGUE = Path(str(files("metricstack.metrics") / "catalogue"))
"""The folder of the definitions that metricstack ships."""

_TEXTS = ("title", "about", "table", "formula", "unit", "owner", "steward", "source", "settled_by", "split")
_CHOICES: dict[str, type[StrEnum]] = {
    "better": Better, "layer": Layer, "bucket": Bucket, "pillar": Pillar, "population": Population,
}  # fmt: skip
_FIELDS = (*_TEXTS, *_CHOICES, "version", "levels", "requires", "by", "to_date", "window", "aliases")
_PLAIN = ("version", "to_date", "window")
_LONGEST_WINDOW = 3_660
_LONGEST_FAULT = 600
_LARGEST = sys.float_info.max
_REQUIRED = ("title", "about", "formula", "unit", "better")


class _Reader:
    """One file's definitions, and the faults found on the way."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.values, self.text = read_toml(path)
        self.faults: list[Fault] = []

    def fault(self, message: str, *place: str) -> None:
        if len(message) > _LONGEST_FAULT:
            message = f"{message[: _LONGEST_FAULT // 2]} … {message[-_LONGEST_FAULT // 2 :]}"
        self.faults.append(Fault(f"{self.path.name}:{line_of(self.text, *place)}: {message}"))

    def definitions(self) -> list[Definition]:
        for name in self.values:
            if name != "metrics":
                self.fault(f"unknown section [{name}]; a catalogue holds [metrics.ID] only.", name)
        entries = self.values.get("metrics", {})
        if not isinstance(entries, dict):
            self.fault("[metrics] must be a table of tables.", "metrics")
            return []
        return [found for name, entry in entries.items() if (found := self.definition(name, entry)) is not None]

    def definition(self, name: str, entry: object) -> Definition | None:
        place = ("metrics", name)
        before = len(self.faults)
        if not isinstance(entry, dict):
            self.fault(f"metric {name!r} must be a table.", *place)
            return None
        if not name.isidentifier() or name != name.lower():
            self.fault(f"metric id {name!r} is not snake_case.", *place)
        self.check_fields(name, entry)
        values: dict[str, Any] = {field: entry[field] for field in (*_TEXTS, *_PLAIN) if field in entry}
        for field, kind in _CHOICES.items():
            if field in entry and entry[field] in list(kind):
                values[field] = kind(entry[field])
        values["levels"] = Levels(**self.numbers(name, entry, "levels", ("target", "warn", "breach")))
        values["requires"] = Requires(**self.requires(name, entry))
        values["by"] = tuple(sorted(entry["by"].items())) if isinstance(entry.get("by"), dict) else ()
        values["aliases"] = tuple(entry["aliases"]) if isinstance(entry.get("aliases"), list) else ()
        values["tree"] = self.tree(name, entry)
        if len(self.faults) > before:
            return None
        return Definition(id=name, origin=f"{self.path.name}:{line_of(self.text, *place)}", **values)

    def check_fields(self, name: str, entry: dict[str, Any]) -> None:
        place = ("metrics", name)
        for field in _REQUIRED:
            if field not in entry:
                self.fault(f"metric {name!r} has no {field!r}.", *place)
            elif isinstance(entry[field], str) and not entry[field].strip():
                self.fault(f"metric {name!r}: {field!r} is empty.", *place, field)
        for field, value in entry.items():
            if field not in _FIELDS:
                guess = nearest(field, _FIELDS)
                hint = f"Did you mean {guess!r}?" if guess else f"Allowed: {', '.join(_FIELDS)}."
                self.fault(f"metric {name!r} has an unknown field {field!r}. {hint}", *place, field)
            elif field in _TEXTS and not isinstance(value, str):
                self.fault(f"metric {name!r}: {field!r} must be text, not {value!r}.", *place, field)
            elif field in _CHOICES and value not in list(_CHOICES[field]):
                self.choice(name, field, value)
            elif field == "version" and (not isinstance(value, int) or isinstance(value, bool) or value < 1):
                self.fault(f"metric {name!r}: 'version' must be a whole number from 1, not {value!r}.", *place, field)
            elif field == "to_date" and not isinstance(value, bool):
                self.fault(f"metric {name!r}: 'to_date' must be true or false, not {value!r}.", *place, field)
            elif field == "window" and (type(value) is not int or not 1 <= value <= _LONGEST_WINDOW):
                text = f"'window' must be whole days from 1 to {_LONGEST_WINDOW:,}, not {value!r}."
                self.fault(f"metric {name!r}: {text}", *place, field)
            elif field in ("levels", "requires", "by") and not isinstance(value, dict):
                self.fault(f"metric {name!r}: {field!r} must be a table, not {value!r}.", *place, field)
            elif field == "aliases" and not (
                isinstance(value, list) and all(isinstance(one, str) and one.strip() for one in value)
            ):
                self.fault(f"metric {name!r}: 'aliases' must be a list of texts.", *place, field)
        self.names(name, entry)

    def choice(self, name: str, field: str, value: object) -> None:
        allowed = [str(one) for one in _CHOICES[field]]
        guess = nearest(str(value), allowed)
        hint = f"Did you mean {guess!r}?" if guess else f"Allowed: {', '.join(allowed)}."
        self.fault(f"metric {name!r}: {field} {value!r} is unknown. {hint}", "metrics", name, field)

    def names(self, name: str, entry: dict[str, Any]) -> None:
        table, unit, by = entry.get("table", ""), entry.get("unit"), entry.get("by")
        if isinstance(table, str) and table and table not in TABLES:
            guess = nearest(table, TABLES)
            hint = f"Did you mean {guess!r}?" if guess else "The tables are described in docs/tables.md."
            self.fault(f"metric {name!r}: unknown table {table!r}. {hint}", "metrics", name, "table")
        owner, _, column = str(entry.get("settled_by", "")).partition(".")
        contract = TABLES.get(owner)
        if owner and not (contract and column in contract and contract[column].kind is Kind.INSTANT):
            text = f"'settled_by' is an instant as in 'incidents.closed', not {entry['settled_by']!r}."
            self.fault(f"metric {name!r}: {text}", "metrics", name, "settled_by")
        if isinstance(unit, str):
            try:
                check_unit(unit)
            except InvalidInput as error:
                self.fault(f"metric {name!r}: {error}", "metrics", name, "unit")
        if entry.get("to_date") is True and "window" in entry:
            self.fault(f"metric {name!r}: 'to_date' takes all rows up to the end, 'window' the last days of them; "
                       "only one can hold.", "metrics", name, "window")  # fmt: skip
        if isinstance(by, dict) and not all(isinstance(one, str) for one in by.values()):
            self.fault(f"metric {name!r}: 'by' sends a dimension to a metric's id.", "metrics", name, "by")

    def numbers(self, name: str, entry: dict[str, Any], field: str, allowed: Iterable[str]) -> dict[str, float]:
        given, good = entry.get(field, {}), {}
        for key, value in given.items() if isinstance(given, dict) else ():
            if key not in allowed:
                self.fault(f"metric {name!r}: {field} has {key!r}; allowed are {', '.join(allowed)}.",
                           "metrics", name, field)  # fmt: skip
            elif isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= _LARGEST:
                self.fault(f"metric {name!r}: {field}.{key} must be a number, not {value!r}.", "metrics", name, field)
            else:
                good[key] = float(value)
        return good

    def requires(self, name: str, entry: dict[str, Any]) -> dict[str, Any]:
        good: dict[str, Any] = self.numbers(name, entry, "requires", ("n", "coverage"))
        if "n" in good:
            if good["n"] < 0 or good["n"] != int(good["n"]):
                text = f"requires.n must be a whole number from 0, not {good['n']:g}."
                self.fault(f"metric {name!r}: {text}", "metrics", name, "requires")
            good["n"] = int(good["n"])
        if not 0 <= good.get("coverage", 0.0) <= 1:
            self.fault(f"metric {name!r}: requires.coverage is a share from 0 to 1.", "metrics", name, "requires")
        return good

    def tree(self, name: str, entry: dict[str, Any]) -> Any:
        formula = entry.get("formula")
        if isinstance(formula, str):
            try:
                return parse(formula)
            except InvalidInput as error:
                self.fault(f"metric {name!r}: {error}", "metrics", name, "formula")
        return Number(0.0)


def load(folder: Path, known: Mapping[str, Definition] = MappingProxyType({})) -> dict[str, Definition]:
    """Read every ``*.toml`` of a folder, in order of name, and add its metrics to those that are known.

    It may not redefine one of them: owner, target, warn and breach are the policies' to set, and a
    metric that means something else needs a name of its own.

    Args:
        folder: The folder.
        known: Metric id → definition, of another catalogue that was read before.

    Returns:
        Metric id → definition, the known ones first.

    Raises:
        ConfigurationError: anything is wrong; every fault of every file, with file and line.
    """
    found = dict(known)
    faults: list[str] = []
    places: list[tuple[Definition, _Reader]] = []
    for path in sorted(folder.glob("*.toml")):
        try:
            reader = _Reader(path)
        except UnreadableFile as error:
            faults.append(str(error))
            continue
        for definition in reader.definitions():
            if definition.id in found:
                reader.fault(
                    f"metric {definition.id!r} is already defined at {found[definition.id].origin}. "
                    "Give it another id; owner and levels are set under [policies] in the metricstack.toml.",
                    "metrics", definition.id,
                )  # fmt: skip
            else:
                found[definition.id] = definition
                places.append((definition, reader))
        faults += reader.faults
    faults += _check(found, places)
    if faults:
        raise ConfigurationError("The catalogue", faults)
    return found


def _check(found: Mapping[str, Definition], places: Sequence[tuple[Definition, _Reader]]) -> list[str]:
    """Hold every definition against the tables and the others, once all are known."""
    faults: list[str] = []
    new = {definition.id for definition, _ in places}
    names = dict.fromkeys(found, "") | {
        alias: other.id for other in found.values() if other.id not in new for alias in other.aliases
    }
    for definition, reader in places:
        before = len(reader.faults)
        for message in faults_of(definition, found):
            reader.fault(f"metric {definition.id!r}: {message}", "metrics", definition.id, "formula")
        for alias in definition.aliases:
            if alias in names:
                reader.fault(
                    f"metric {definition.id!r}: alias {alias!r} is taken.", "metrics", definition.id, "aliases"
                )
            names[alias] = definition.id
        faults += reader.faults[before:]
    return faults
