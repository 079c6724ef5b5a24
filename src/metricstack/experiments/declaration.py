"""What an experiment was to show: the declaration and its parts, as values."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

__all__ = ["Change", "Declaration", "Design", "Guardrail", "NullPolicy", "Ramp", "ShipIf", "content_hash"]


class Design(StrEnum):
    """How an experiment may be read."""

    FIXED = "fixed"
    """Once, at the planned n."""
    GROUP_SEQUENTIAL = "group_sequential"
    """At the looks that were planned."""
    ALWAYS_VALID = "always_valid"
    """At any time."""


class NullPolicy(StrEnum):
    """How rows count of which the outcome is unknown."""

    NONE = "none"
    """Nothing was declared: more than a few make the readout invalid."""
    EXCLUDE = "exclude"
    """They are left out."""
    ZERO = "zero"
    """They count as 0."""


class ShipIf(StrEnum):
    """What the primary must show to ship, beside being better beyond chance."""

    BETTER = "better"
    """Nothing more."""
    MATTERS = "matters"
    """The effect is as large as the smallest of interest."""
    SURELY_MATTERS = "surely_matters"
    """So is the bound of its interval."""


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


@dataclass(frozen=True, slots=True)
class Ramp:
    """An allocation from an instant on.

    Args:
        at: When it began.
        allocation: Share of each arm, adding up to 1.
    """

    at: datetime
    allocation: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """Something that was declared otherwise before.

    Args:
        name: What: a field of the declaration.
        before: How it was declared.
        after: How it was declared then.
        at: When; None where nothing proves a time.
        late: It was changed after the start, as it was before or is now, whichever came first.
    """

    name: str
    before: Any
    after: Any
    at: datetime | None
    late: bool

    def __str__(self) -> str:
        when = "since then, at a time that nothing proves" if self.at is None else f"on {self.at:%Y-%m-%d}"
        told = f"{self.name} was changed from {_plain(self.before)} to {_plain(self.after)} {when}"
        return f"{told}, after the start" if self.late and self.at is not None else told


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
        exposure: Where exposures come from, in words.
        triggered: Only units that reached the changed code count; the effect is then spread over everyone, too.
        secondary: Further metrics, read with multiplicity.
        correction: How: ``holm``, ``bh`` (Benjamini-Hochberg) or ``by`` (Benjamini-Yekutieli).
        guardrails: Metrics that must not get worse.
        segments: Dimensions of units in which the primary is read.
        smallest_effect: Smallest effect of interest, a fraction of control; None where none was named.
        ship_if: What the primary must show to ship.
        design: How it may be read.
        looks: How many looks a group-sequential design plans.
        spending: How it spends alpha over them: ``obrien_fleming``, ``pocock`` or ``power``.
        futility: How it spends beta over them, by the same families, so that it may be given up at a look; empty = it
            may not. The bounds are not binding: alpha is kept whether or not they are obeyed.
        beta: Chance of missing the effect at which futility is planned, 1 - power.
        alpha: Two-sided error rate.
        planned_n: Planned units over all arms, None where none was planned.
        covariates: Metrics measured before the first exposure, which sharpen the effect.
        covariate_days: In so many days before it.
        null_policy: How rows of unknown outcome count.
        cap: Share at whose quantile of units, over both arms, each unit's amounts are capped; None = not.
        ramps: Allocations that followed the first one, in order of time.
        staged: Arms reached cohorts one after the other: no random split, but a staged rollout.
        lever: What kind of change it is.
        flag_version: Version of the feature flag.
        model_version: Version of the model under test.
        origin: Where it was read: file and line, or the table.
        changes: What was declared otherwise before.
        unproven: Why the register proves no time, empty where it could.
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
    exposure: str = ""
    triggered: bool = False
    secondary: tuple[str, ...] = ()
    correction: str = "holm"
    guardrails: tuple[Guardrail, ...] = ()
    segments: tuple[str, ...] = ()
    smallest_effect: float | None = None
    ship_if: ShipIf = ShipIf.MATTERS
    design: Design = Design.FIXED
    looks: int = 5
    spending: str = "obrien_fleming"
    futility: str = ""
    beta: float = 0.2
    alpha: float = 0.05
    planned_n: int | None = None
    covariates: tuple[str, ...] = ()
    covariate_days: int = 28
    null_policy: NullPolicy = NullPolicy.NONE
    cap: float | None = None
    ramps: tuple[Ramp, ...] = ()
    staged: bool = False
    lever: str = ""
    flag_version: str = ""
    model_version: str = ""
    origin: str = field(default="", compare=False)
    changes: tuple[Change, ...] = field(default=(), compare=False)
    unproven: str = field(default="", compare=False)

    @property
    def content(self) -> dict[str, Any]:
        """What was declared, as plain JSON values: not when, nor where it was read, nor what was left as usual."""
        told = {one.name: (getattr(self, one.name), one.default) for one in fields(self) if one.name not in _APART}
        told["guardrails"] = (tuple(sorted(self.guardrails, key=lambda one: one.metric)), ())  # they have no order
        return {name: _json(value) for name, (value, usual) in told.items() if usual is MISSING or value != usual}

    @property
    def hash(self) -> str:
        """Hash of what was declared."""
        return content_hash(self.content)

    @property
    def metrics(self) -> tuple[str, ...]:
        """Every metric that it names, the primary first."""
        return tuple(dict.fromkeys([self.primary, *(one.metric for one in self.guardrails), *self.secondary]))

    @property
    def is_registered(self) -> bool:
        """True where it was declared before it started."""
        return self.registered_at is not None and self.registered_at <= self.start

    @property
    def periods(self) -> tuple[tuple[datetime, tuple[float, ...]], ...]:
        """The stretches of one allocation: when each began, and the share of each arm."""
        return ((self.start, self.allocation), *((ramp.at, ramp.allocation) for ramp in self.ramps))

    def allocation_at(self, instant: datetime) -> tuple[float, ...] | None:
        """Return the share of each arm at an instant; None before the start and from the end on."""
        if instant < self.start or (self.end is not None and instant >= self.end):
            return None
        return [shares for since, shares in self.periods if since <= instant][-1]


_APART = ("registered_at", "origin", "end", "changes", "unproven")


def content_hash(content: Mapping[str, Any]) -> str:
    """Hash the content of a declaration."""
    return hashlib.blake2b(json.dumps(content, sort_keys=True).encode(), digest_size=8).hexdigest()


def _json(value: Any) -> Any:
    match value:
        case datetime():  # one instant is one text, in whatever zone it was written
            return value.astimezone(UTC).isoformat()
        case tuple():
            return [_json(one) for one in value]
        case Guardrail() | Ramp():
            return {one.name: _json(getattr(value, one.name)) for one in fields(value)}
        case StrEnum():
            return str(value)
        case _:
            return value


def _plain(value: Any) -> str:
    """Write a value of a declaration for a reader."""
    match value:
        case None:
            return "nothing"
        case int() | float() if not isinstance(value, bool):
            return f"{value:,}"
        case list():
            return f"[{', '.join(_plain(one) for one in value)}]"
        case dict():
            return ", ".join(f"{name} {_plain(one)}" for name, one in value.items())
        case _:
            return str(value) or "nothing"
