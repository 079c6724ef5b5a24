"""A metric's definition as data: what it means, how it is computed, and what good looks like."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from metricstack.metrics.language.formula import Node

__all__ = ["Better", "Bucket", "Definition", "Layer", "Levels", "Pillar", "Population", "Requires"]


class Better(StrEnum):
    """The direction of good."""

    HIGHER = "higher"
    LOWER = "lower"
    NEITHER = "neither"
    """A plain volume: it grows with use, which is neither good nor bad by itself."""


class Layer(StrEnum):
    """The four layers that metricstack joins."""

    BUSINESS = "business"
    QUALITY = "quality"
    RELIABILITY = "reliability"
    COST = "cost"


class Bucket(StrEnum):
    """The five buckets of AI operations."""

    RELIABILITY = "reliability"
    DATA = "data"
    VALUE = "value"
    RISK = "risk"
    SCALE = "scale"


class Pillar(StrEnum):
    """Who looks after it."""

    PRODUCT = "product"
    ENGINEERING = "engineering"
    DATA = "data"
    OPERATIONS = "operations"


class Population(StrEnum):
    """What a value is about, and so what its interval means."""

    PROCESS = "process"
    """The process behind the window: another quarter of the same process would differ by chance."""
    WINDOW = "window"
    """What happened in the window itself: uncertain only through sampling and assumed inputs, else a census."""


@dataclass(frozen=True, slots=True)
class Levels:
    """What good looks like, in the metric's unit; a workspace's policy overrides each."""

    target: float | None = None
    warn: float | None = None
    breach: float | None = None


@dataclass(frozen=True, slots=True)
class Requires:
    """What the data must offer before a value is given.

    Args:
        n: Fewest observations; None = 5 for a process, 1 for what happened in a window.
        coverage: Smallest share of the rows in question whose value is known.
    """

    n: int | None = None
    coverage: float = 0.0


@dataclass(frozen=True, slots=True)
class Definition:
    """One metric: formula, unit, direction, and who answers for it.

    Args:
        id: Stable name, ``snake_case``.
        title: Short name for readers: ``"Latency p95"``.
        about: What it means, in a sentence.
        formula: As written, in the grammar of `metrics.formula`.
        tree: The formula, parsed.
        unit: Unit of the value (`core.units`); ``"currency"`` stands for the workspace's.
        table: The fact table whose rows are aggregated; empty for arithmetic of other metrics.
        better: Direction of good.
        layer: One of the four layers, None for figures that only serve others.
        bucket: One of the five buckets, None where it is none of the fifteen.
        pillar: The pillar that it belongs to.
        population: What the interval is about; None = by the formula (see `Population`): totals and
            registers are about the window, everything else about the process.
        owner: Default owner.
        steward: Who keeps the definition.
        version: Raised by hand when the meaning changes.
        source: Where the definition comes from.
        levels: Defaults of target, warn and breach.
        requires: Fewest observations and coverage.
        by: Dimension → the sibling metric that answers when this one is asked by that dimension.
        to_date: A window's rows are all up to its end, not from its start: for what is observed once.
        window: Days: a period's rows are those of the last so many local days up to its end; None = its own.
        settled_by: ``table.column``, an instant: while rows of that table lack it, the value is provisional.
        split: The dimension by which it is usually read.
        aliases: Other names under which it is found.
        origin: ``file:line`` of the definition.
    """

    id: str
    title: str
    about: str
    formula: str
    tree: Node
    unit: str
    table: str = ""
    better: Better = Better.HIGHER
    layer: Layer | None = None
    bucket: Bucket | None = None
    pillar: Pillar | None = None
    population: Population | None = None
    owner: str = ""
    steward: str = ""
    version: int = 1
    source: str = ""
    levels: Levels = field(default_factory=Levels)
    requires: Requires = field(default_factory=Requires)
    by: tuple[tuple[str, str], ...] = ()
    to_date: bool = False
    window: int | None = None
    settled_by: str = ""
    split: str = ""
    aliases: tuple[str, ...] = ()
    origin: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values, without the tree."""
        return {
            "id": self.id,
            "title": self.title,
            "about": self.about,
            "table": self.table,
            "formula": self.formula,
            "unit": self.unit,
            "better": str(self.better),
            "layer": None if self.layer is None else str(self.layer),
            "bucket": None if self.bucket is None else str(self.bucket),
            "pillar": None if self.pillar is None else str(self.pillar),
            "population": None if self.population is None else str(self.population),
            "owner": self.owner,
            "steward": self.steward,
            "version": self.version,
            "source": self.source,
            "levels": {"target": self.levels.target, "warn": self.levels.warn, "breach": self.levels.breach},
            "requires": {"n": self.requires.n, "coverage": self.requires.coverage},
            "by": dict(self.by),
            "to_date": self.to_date,
            "window": self.window,
            "settled_by": self.settled_by,
            "split": self.split,
            "aliases": list(self.aliases),
        }
