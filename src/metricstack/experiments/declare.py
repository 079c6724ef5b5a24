"""What an experiment was to show, as it was declared: from ``experiments/*.toml`` and the table `experiments`."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeGuard

from metricstack.core.errors import ConfigurationError, Fault, InvalidInput, UnknownName, UnreadableFile, nearest
from metricstack.core.toml import line_of, read_toml
from metricstack.core.values import Refusal

if TYPE_CHECKING:
    from metricstack.telemetry.workspace import Workspace

__all__ = ["Declaration", "Design", "Guardrail", "NullPolicy", "Ramp", "declaration", "declarations"]

FOLDER = "experiments"
UNITS = ("user", "session", "tenant", "run")
_SHARES_ADD_UP_TO = 1e-6


class Design(StrEnum):
    """How an experiment may be read."""

    FIXED = "fixed"
    """Once, at the planned n."""
    GROUP_SEQUENTIAL = "group_sequential"
    """At the looks that were planned."""
    ALWAYS_VALID = "always_valid"
    """At any time."""


class NullPolicy(StrEnum):
    """How rows of unknown outcome count."""

    NONE = "none"
    EXCLUDE = "exclude"
    ZERO = "zero"


@dataclass(frozen=True, slots=True)
class Ramp:
    """An allocation from an instant on."""

    at: datetime
    allocation: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Guardrail:
    """A metric that must not get worse by more than a margin.

    Args:
        metric: Id in the catalogue.
        margin: How much worse is still acceptable, above 0.
        relative: The margin is a fraction of control; False = in the metric's unit.
    """

    metric: str
    margin: float
    relative: bool = True


@dataclass(frozen=True)
class Declaration:
    """One experiment as declared.

    Args:
        key: Its name.
        unit: Unit of randomisation: a column of the fact tables.
        arms: Variants, control first.
        allocation: Share of each arm, adding up to 1.
        primary: The metric that decides.
        start: When it started.
        end: When it ended, None while it runs.
        registered_at: When this was declared, None where nothing proves a time.
        hypothesis: What is expected, and why.
        owner: Team that owns it.
        use_case: The use case that it changes, empty = all.
        secondary: Further metrics, read with multiplicity.
        guardrails: Metrics that must not get worse.
        smallest_effect: Smallest effect of interest, a fraction of control; None where none was named.
        design: How it may be read.
        looks: How many looks a group sequential design plans.
        alpha: Two-sided error rate.
        planned_n: Planned units over all arms, None where none was planned.
        lever: What kind of change it is.
        flag_version: Version of the feature flag.
        model_version: Version of the model under test.
        origin: Where it was read: file and line, or the table.
    """

    key: str
    unit: str
    arms: tuple[str, ...]
    allocation: tuple[float, ...]
    primary: str
    start: datetime
    end: datetime | None = None
    registered_at: datetime | None = None
    hypothesis: str = ""
    owner: str = ""
    use_case: str = ""
    secondary: tuple[str, ...] = ()
    guardrails: tuple[Guardrail, ...] = ()
    smallest_effect: float | None = None
    design: Design = Design.FIXED
    looks: int = 5
    alpha: float = 0.05
    planned_n: int | None = None
    lever: str = ""
    flag_version: str = ""
    model_version: str = ""
    triggered: bool = False
    covariates: tuple[str, ...] = ()
    covariate_days: int = 28
    null_policy: NullPolicy = NullPolicy.NONE
    cap: float | None = None
    ramps: tuple[Ramp, ...] = ()
    segments: tuple[str, ...] = ()
    correction: str = "holm"
    staged: bool = False
    origin: str = field(default="", compare=False)

    @property
    def periods(self) -> tuple[tuple[datetime, tuple[float, ...]], ...]:
        """Starts of stretches of one allocation, each with its shares."""
        return ((self.start, self.allocation), *((r.at, r.allocation) for r in self.ramps))

    @property
    def hash(self) -> str:
        """Hash of what was declared; not of when, nor of where it was read."""
        told = {one.name: getattr(self, one.name) for one in fields(self) if one.name not in _NOT_HASHED}
        text = json.dumps(told, default=str, sort_keys=True)
        return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()

    @property
    def metrics(self) -> tuple[str, ...]:
        """Every metric that it names, the primary first."""
        return tuple(dict.fromkeys([self.primary, *(one.metric for one in self.guardrails), *self.secondary]))

    @property
    def is_registered(self) -> bool:
        """True where it was declared before it started."""
        return self.registered_at is not None and self.registered_at <= self.start


_NOT_HASHED = ("registered_at", "origin", "end")
_TEXTS = ("unit", "primary", "hypothesis", "owner", "use_case", "lever", "flag_version", "model_version")
_FIELDS = (*(one.name for one in fields(Declaration) if one.name not in ("key", "origin")),)


def declarations(ws: "Workspace") -> dict[str, Declaration]:
    """Return every experiment that a workspace declares: those of its files, else those of its table.

    Where both declare one, the file counts; its registration is the table's if that says the same.

    Raises:
        ConfigurationError: a file or a row declares what cannot be; every fault with its place.
    """
    found, wrong_rows = _of_table(ws)
    of_files: dict[str, str] = {}
    faults: list[str] = list(wrong_rows)
    for path in sorted((ws.root / FOLDER).glob("*.toml")):
        try:
            read, wrong = _of_file(path)
        except UnreadableFile as error:
            faults.append(str(error))
            continue
        faults += wrong
        for key, one in read.items():
            other = found.get(key)
            if key in of_files:
                faults.append(Fault(f"{one.origin}: experiment {key!r} is declared in {of_files[key]} already."))
            of_files.setdefault(key, one.origin)
            same = other is not None and other.origin == "experiments" and other.hash == one.hash
            found[key] = replace(one, registered_at=other.registered_at) if other is not None and same else one
    if faults:
        raise ConfigurationError("The declarations of experiments", faults)
    return found


def _of_table(ws: "Workspace") -> tuple[dict[str, Declaration], list[Fault]]:
    """The last declaration of each experiment, and what is wrong with it."""
    rows = ws.table("experiments")
    if isinstance(rows, Refusal):
        return {}, []
    here = rows.filter(rows.env.isnull() | (rows.env == ws.config.environment)).to_pyarrow().to_pylist()
    order = sorted(here, key=lambda row: (row["registered_at"], str(row["ingested_at"])))
    found: dict[str, Declaration] = {}
    faults: list[Fault] = []
    for row in {row["experiment"]: row for row in order}.values():
        told = {name: value for name, value in row.items() if name in _FIELDS and value is not None}
        told |= {"primary": row["primary_metric"]}
        wrong: list[tuple[str, str]] = []
        for name in ("arms", "allocation", "guardrails"):
            try:
                told[name] = json.loads(row[name]) if row[name] else [] if name != "guardrails" else {}
            except ValueError:
                wrong.append((name, f"{name} = {row[name]!r}: it must be JSON, as [0.5, 0.5]."))
        one, more = _declaration(row["experiment"], told)
        faults += [Fault(f"table 'experiments', {row['experiment']!r}: {text}") for _, text in (wrong or more)]
        if one is not None and not wrong:
            found[one.key] = replace(one, origin="experiments")
    return found, faults


def _of_file(path: Path) -> tuple[dict[str, Declaration], list[Fault]]:
    values, text = read_toml(path)
    faults: list[Fault] = []
    found: dict[str, Declaration] = {}
    faults += [
        Fault(
            f"{path.name}:{line_of(text, name)}: unknown section [{name}]; declarations stand under [experiments.KEY]."
        )
        for name in values
        if name != "experiments"
    ]
    entries = values.get("experiments", {})
    if not isinstance(entries, dict):
        place = f"{path.name}:{line_of(text, 'experiments')}"
        return {}, [*faults, Fault(f"{place}: declarations stand under [experiments.KEY], one table for each.")]
    for key, entry in entries.items():
        if not isinstance(entry, dict):
            faults.append(Fault(f"{path.name}:{line_of(text, 'experiments', key)}: {key!r} must be a table."))
            continue
        one, wrong = _declaration(key, entry)
        if "registered_at" in entry:
            message = "registered_at: a file proves no time, a row of the table 'experiments' does; leave it out."
            wrong = [*wrong, ("registered_at", message)]
        faults += [
            Fault(f"{path.name}:{line_of(text, 'experiments', key, name)}: experiment {key!r}: {message}")
            for name, message in wrong
        ]
        if one is not None:
            found[key] = replace(one, origin=f"{path.name}:{line_of(text, 'experiments', key)}")
    return found, faults


def _declaration(key: str, entry: Mapping[str, Any]) -> tuple[Declaration | None, list[tuple[str, str]]]:
    """Read one declaration; what is wrong with it as (field, message)."""
    wrong: list[tuple[str, str]] = []

    def check(name: str, holds: object, message: str) -> None:
        if name in entry and not holds:
            stated = entry[name]
            told = stated.isoformat() if isinstance(stated, date) else repr(stated)
            wrong.append((name, f"{name} = {told}: {message}"))

    for name in entry:
        if name not in _FIELDS:
            guess = nearest(name, _FIELDS)
            wrong.append(
                (
                    name,
                    f"unknown field {name!r}. "
                    + (f"Did you mean {guess!r}?" if guess else f"Allowed: {', '.join(_FIELDS)}."),
                )
            )
    wrong += [(name, f"it has no {name!r}.") for name in ("unit", "arms", "primary", "start") if not entry.get(name)]
    for name in _TEXTS:
        check(name, isinstance(entry.get(name), str), "it must be text.")
    for name in ("start", "end", "registered_at"):
        stated = entry.get(name)
        check(
            name,
            isinstance(stated, datetime) and stated.tzinfo is not None,
            "an instant with its zone is needed, as 2026-07-01T00:00:00Z.",
        )
    start, end = entry.get("start"), entry.get("end")
    if not wrong and isinstance(start, datetime) and isinstance(end, datetime):
        check("end", start < end, f"it must be after the start, {start.isoformat()}.")
    check("unit", entry.get("unit") in UNITS, f"the unit of randomisation is one of {', '.join(UNITS)}.")
    arms = entry.get("arms")
    good = isinstance(arms, list) and len(arms) >= 2 and all(isinstance(arm, str) and arm for arm in arms)
    check(
        "arms",
        good and len(set(arms or ())) == len(arms or ()),
        "two or more different names are needed, control first.",
    )
    shares = entry.get("allocation") or []
    told = isinstance(shares, list) and all(_is_number(share) and share > 0 for share in shares)
    adds = told and abs(sum(shares) - 1) <= _SHARES_ADD_UP_TO and isinstance(arms, list) and len(shares) == len(arms)
    check("allocation", not shares or adds, "one share above 0 for each arm is needed, adding up to 1.")
    check("design", entry.get("design") in list(Design), f"a design is one of {', '.join(Design)}.")
    check(
        "alpha",
        _is_number(entry.get("alpha")) and 0 < entry["alpha"] < 1,
        "an error rate lies in (0, 1); 0.05 is usual.",
    )
    check(
        "looks",
        type(entry.get("looks")) is int and 1 <= entry["looks"] <= 100,
        "a whole number from 1 to 100 is needed.",
    )
    check("planned_n", _is_number(entry.get("planned_n")) and entry["planned_n"] >= 2, "at least 2 units are needed.")
    check(
        "smallest_effect",
        _is_number(entry.get("smallest_effect")) and entry["smallest_effect"] > 0,
        "a fraction of control above 0 is needed.",
    )
    check(
        "secondary",
        isinstance(entry.get("secondary"), list) and all(isinstance(one, str) for one in entry["secondary"]),
        "a list of metrics is needed.",
    )
    guardrails, faults = _guardrails(entry.get("guardrails", {}))
    wrong += [("guardrails", message) for message in faults]
    if any(one.metric == entry.get("primary") for one in guardrails):
        message = f"guardrail {entry['primary']!r} is the primary, which decides already; name another metric."
        wrong.append(("guardrails", message))
    if wrong:
        return None, wrong
    plain = {
        name: entry[name]
        for name in ("start", "end", "registered_at", "smallest_effect", "alpha", "looks", *_TEXTS)
        if name in entry
    }
    names = tuple(arms or ())
    plain["design"] = Design(entry.get("design", Design.FIXED))
    return Declaration(
        key=key, arms=names, allocation=tuple(float(share) for share in shares) or tuple(1 / len(names) for _ in names),
        guardrails=guardrails, secondary=tuple(entry.get("secondary", ())),
        planned_n=round(entry["planned_n"]) if "planned_n" in entry else None, **plain,
    ), []  # fmt: skip


def _guardrails(entry: Any) -> tuple[tuple[Guardrail, ...], list[str]]:
    """Read ``metric = 0.02`` (a fraction of control) or ``metric = { margin = 0.5, relative = false }``."""
    if not isinstance(entry, dict):
        return (), (
            [f"guardrails = {entry!r}: metric → margin is needed, as {{ latency_p95 = 0.08 }}."] if entry else []
        )
    found, faults = [], []
    for metric, stated in entry.items():
        told = stated if isinstance(stated, dict) else {"margin": stated}
        margin, relative = told.get("margin"), told.get("relative", True)
        if (
            not _is_number(margin)
            or not margin > 0
            or not isinstance(relative, bool)
            or set(told) - {"margin", "relative"}
        ):
            faults.append(f"guardrail {metric!r} = {stated!r}: a margin above 0 is needed, a fraction of control, or "
                          "{ margin = 0.5, relative = false } in the metric's unit.")  # fmt: skip
        else:
            found.append(Guardrail(metric, float(margin), relative))
    return tuple(found), faults


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < float("inf")


def declaration(ws: "Workspace", key: str) -> Declaration:
    """Return one experiment's declaration.

    Raises:
        UnknownName: there is none; names the nearest.
    """
    known = declarations(ws)
    if not isinstance(key, str):
        raise InvalidInput(f"An experiment is named by its key, a text, not {key!r}.")
    if key not in known:
        raise UnknownName("experiment", key, known, remedy="List them with `metricstack experiment list`.")
    return known[key]
