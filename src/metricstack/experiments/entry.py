"""One entry of a file or a table, read into a declaration: all that is wrong with it at once."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields
from datetime import UTC, date, datetime
from typing import Any, TypeGuard

from metricstack.core.errors import nearest
from metricstack.experiments.declaration import Declaration, Design, Guardrail, NullPolicy, Ramp, ShipIf

__all__ = ["FIELDS", "read_entry"]

UNITS = ("user", "session", "tenant", "run")
CORRECTIONS = ("holm", "bh", "by")
SPENDINGS = ("obrien_fleming", "pocock", "power")
FIELDS = tuple(one.name for one in fields(Declaration) if one.name not in ("key", "origin", "changes", "unproven"))
"""What may be declared."""
_TEXTS = (
    "unit", "primary", "hypothesis", "owner", "use_case", "exposure", "lever", "flag_version", "model_version",
)  # fmt: skip
_INSTANTS = ("start", "end", "registered_at")
_LISTS = ("secondary", "covariates", "segments")
_FLAGS = ("triggered", "staged")
_CHOICES: dict[str, tuple[str, ...]] = {
    "unit": UNITS,
    "design": tuple(map(str, Design)),
    "null_policy": tuple(map(str, NullPolicy)),
    "ship_if": tuple(map(str, ShipIf)),
    "correction": CORRECTIONS,
    "spending": SPENDINGS,
    "futility": SPENDINGS,
}
_NUMBERS: dict[str, tuple[Callable[[float], bool], str]] = {
    "alpha": (lambda x: 0 < x < 1, "an error rate lies in (0, 1); 0.05 is usual."),
    "beta": (lambda x: 0.001 <= x < 1, "a chance of missing the effect in [0.001, 1) is needed; 0.2 is usual."),
    "planned_n": (lambda x: x >= 2 and x == int(x), "a whole number is needed; at least 2 units."),
    "smallest_effect": (lambda x: x > 0, "a fraction of control above 0 is needed."),
    "cap": (lambda x: 0.5 < x < 1, "a share of units in (0.5, 1) is needed; 0.99 caps the largest 1 %."),
}
_COUNTS = {"looks": (1, 100), "covariate_days": (1, 366)}
_SHARES_ADD_UP_TO = 1e-6
_LARGEST = 1e15
"""A whole number beyond it is no longer told exactly, and one of 400 digits is no number of the machine at all."""
Fault = tuple[str, str]
"""A field, and what is wrong with it."""


def read_entry(key: str, entry: Mapping[str, Any]) -> tuple[Declaration | None, list[Fault]]:
    """Read one declaration.

    Args:
        key: The experiment.
        entry: Field → value, as it was written.

    Returns:
        The declaration, None where anything is wrong; and what is, as (field, message).
    """
    wrong = _names(entry) + _plain(entry)
    start, end = (entry.get(name) if _is_instant(entry.get(name)) else None for name in ("start", "end"))
    if start is not None and end is not None and end <= start:
        wrong.append(("end", f"end = {_written(end)}: it must be after the start, {start.isoformat()}."))
    arms = entry.get("arms")
    if "arms" in entry and not _are_arms(arms):
        wrong.append(("arms", f"arms = {arms!r}: two or more different names are needed, control first."))
    shares = entry.get("allocation") or []
    if not _are_shares(shares, arms) and "allocation" in entry and entry["allocation"] != []:
        wrong.append(("allocation", f"allocation = {entry['allocation']!r}: {_ONE_EACH}"))
    guardrails, faults = _guardrails(entry.get("guardrails", {}))
    wrong += [("guardrails", message) for message in faults]
    if any(one.metric == entry.get("primary") for one in guardrails):
        message = f"guardrail {entry['primary']!r} is the primary, which decides already; name another metric."
        wrong.append(("guardrails", message))
    ramps, faults = _ramps(entry.get("ramps", []), arms, start, end)
    wrong += [("ramps", message) for message in faults]
    wrong += _futility(entry)
    if wrong:
        return None, wrong
    told = {name: entry[name] for name in (*_TEXTS, *_INSTANTS, *_FLAGS, *_NUMBERS, *_COUNTS) if name in entry}
    told |= {name: tuple(entry[name]) for name in _LISTS if name in entry}
    told |= {name: entry[name] for name in ("correction", "spending", "futility") if name in entry}
    told |= {name: kind(entry[name]) for name, kind in _ENUMS.items() if name in entry}
    if "planned_n" in told:
        told["planned_n"] = int(told["planned_n"])
    if "smallest_effect" in told:
        told["smallest_effect"] = float(told["smallest_effect"])
    names = tuple(arms or ())
    allocation = tuple(float(share) for share in shares) or tuple(1 / len(names) for _ in names)
    told |= {"arms": names, "allocation": allocation, "guardrails": guardrails, "ramps": ramps}
    return Declaration(key=key, **told), []


_ENUMS: dict[str, Callable[[str], Any]] = {"design": Design, "null_policy": NullPolicy, "ship_if": ShipIf}
_ONE_EACH = "one share above 0 for each arm is needed, adding up to 1."


def _names(entry: Mapping[str, Any]) -> list[Fault]:
    wrong = []
    for name in entry:
        if name not in FIELDS:
            guess = nearest(name, FIELDS)
            hint = f"Did you mean {guess!r}?" if guess else f"Allowed: {', '.join(FIELDS)}."
            wrong.append((name, f"unknown field {name!r}. {hint}"))
    return wrong + [
        (name, f"it has no {name!r}.") for name in ("unit", "arms", "primary", "start") if not entry.get(name)
    ]


def _plain(entry: Mapping[str, Any]) -> list[Fault]:
    """What is wrong with fields that can be told alone."""
    wrong: list[Fault] = []

    def check(name: str, holds: object, message: str) -> None:
        if not holds:
            wrong.append((name, f"{name} = {_written(entry[name])}: {message}"))

    for name, value in entry.items():
        if name in _INSTANTS:
            check(name, _is_instant(value), "an instant with its zone is needed, as 2026-07-01T00:00:00Z.")
        elif name in _CHOICES:
            allowed = _CHOICES[name]
            guess = nearest(value, allowed) if isinstance(value, str) else None
            hint = f" Did you mean {guess!r}?" if guess else ""
            check(name, value in allowed, f"it is one of {', '.join(allowed)}.{hint}")
        elif name in _TEXTS:
            check(name, isinstance(value, str), "it must be text.")
        elif name in _NUMBERS:
            holds, message = _NUMBERS[name]
            check(name, _is_number(value) and holds(value), message)
        elif name in _COUNTS:
            least, most = _COUNTS[name]
            check(
                name, type(value) is int and least <= value <= most, f"a whole number from {least} to {most} is needed."
            )
        elif name in _LISTS:
            listed = isinstance(value, list) and all(isinstance(one, str) and one for one in value)
            check(name, listed and len(set(value)) == len(value), "a list of different names is needed.")
        elif name in _FLAGS:
            check(name, isinstance(value, bool), "true or false is needed.")
    return wrong


def _futility(entry: Mapping[str, Any]) -> Iterator[Fault]:
    """What is wrong with futility beside the design, where each alone is right."""
    futility, beta, alpha = entry.get("futility", ""), entry.get("beta", 0.2), entry.get("alpha", 0.05)
    if futility in SPENDINGS and entry.get("design", "fixed") != Design.GROUP_SEQUENTIAL:
        message = 'only looks that were planned can give it up; declare design = "group_sequential", or leave it out.'
        yield "futility", f"futility = {futility!r}: {message}"
    if beta != 0.2 and futility == "":
        message = "it is the chance of missing the effect at which futility is planned; declare that, or leave it out."
        yield "beta", f"beta = {beta!r}: {message}"
    if _is_number(beta) and _is_number(alpha) and 0 < alpha < 1 and 1 - alpha / 2 <= beta < 1:
        yield "beta", f"beta = {beta!r}: it leaves a power of {1 - beta:g}, not above the error {alpha / 2:g}."


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


def _ramps(entry: Any, arms: Any, start: datetime | None, end: datetime | None) -> tuple[tuple[Ramp, ...], list[str]]:
    """Read ``[{ at = 2026-07-08T00:00:00Z, allocation = [0.5, 0.5] }]``, in order of time."""
    if not isinstance(entry, list):
        return (), [
            f"ramps = {entry!r}: a list is needed, as [{{ at = 2026-07-08T00:00:00Z, allocation = [0.5, 0.5] }}]."
        ]
    found: list[Ramp] = []
    faults = []
    for i, stated in enumerate(entry, start=1):
        told = stated if isinstance(stated, dict) else {}
        at, shares = told.get("at"), told.get("allocation")
        if isinstance(at, str):  # a table holds JSON, which has no instants
            try:
                at = datetime.fromisoformat(at)
            except ValueError:
                at = None
        if set(told) != {"at", "allocation"} or not _is_instant(at):
            faults.append(f"ramp {i} = {stated!r}: an instant `at` with its zone and an `allocation` are needed.")
            continue
        if not _are_shares(shares, arms):
            faults.append(f"ramp {i}: allocation = {shares!r}: {_ONE_EACH}")
            continue
        before = found[-1].at if found else start
        if (before is not None and at <= before) or (end is not None and at >= end):
            faults.append(f"ramp {i} at {at.isoformat()}: ramps are in order of time, between the start and the end.")
            continue
        found.append(Ramp(at, tuple(float(share) for share in shares or ())))
    return tuple(found), faults


def _are_arms(arms: Any) -> bool:
    named = isinstance(arms, list) and len(arms) >= 2 and all(isinstance(arm, str) and arm for arm in arms)
    return named and len(set(arms)) == len(arms)


def _are_shares(shares: Any, arms: Any) -> bool:
    told = isinstance(shares, list) and bool(shares) and all(_is_number(share) and share > 0 for share in shares)
    return told and abs(sum(shares) - 1) <= _SHARES_ADD_UP_TO and isinstance(arms, list) and len(shares) == len(arms)


def _is_instant(value: Any) -> TypeGuard[datetime]:
    if not isinstance(value, datetime) or value.tzinfo is None:
        return False
    try:
        value.astimezone(UTC)
    except OverflowError:  # on the calendar's first or last day
        return False
    return True


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= _LARGEST


def _written(value: Any) -> str:
    return value.isoformat() if isinstance(value, date) else repr(value)
