"""What functions that stand alone in a formula share: their query, their groups, when they must refuse."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from metricstack.core.values import Check, Reason, Refusal
from metricstack.metrics.answers.answer import Answered, needed_n
from metricstack.metrics.answers.notes import sampling_checks
from metricstack.metrics.language.formula import Call
from metricstack.metrics.language.resolve import columns_of
from metricstack.metrics.model import Definition, Population
from metricstack.metrics.query import compile as queries
from metricstack.metrics.query.fetch import TableData
from metricstack.metrics.query.grouped import Grouped, Key, fetch
from metricstack.metrics.query.rows import Frame
from metricstack.metrics.query.states import Quantity, quantity_of

if TYPE_CHECKING:
    import ibis.expr.types as ir
    from numpy.typing import NDArray

__all__ = ["Single", "gathered", "quantities_of"]

_EXACT_UNITS = 512


def quantities_of(call: Call, name: str) -> tuple[Quantity, ...]:
    """Return what a function reads of a row: values first, then the columns that name items, raters or tasks."""
    first = quantity_of(call, name)
    further = [column for argument in call.arguments[1:] for column in columns_of(argument)]
    return (first, *(quantity_of(Call("", (column,), call.where), name) for column in further))


def gathered(units: "NDArray[np.int64]") -> "NDArray[np.int64]":
    """Return units as they are where they are few, else the random group of each (its hash is random)."""
    return units if len(np.unique(units)) <= _EXACT_UNITS else units & (queries.GROUPS - 1)


@dataclass(eq=False)
class Single(ABC):
    """One function of a table, evaluated for all groups of a pass by one query.

    Args:
        data: The table's data: what is asked, and how rows become units and weights.
        call: The function.
        ends: For each period, the end of what the data tell.
    """

    data: TableData
    call: Call
    ends: Sequence[datetime]

    @property
    def frame(self) -> Frame:
        """What is asked of the table."""
        return self.data.frame

    @property
    def quantities(self) -> tuple[Quantity, ...]:
        """What it reads of a row."""
        return quantities_of(self.call, self.data.name)

    @property
    def label(self) -> str:
        """A reader's name of its first value."""
        return self.quantities[0].label

    @abstractmethod
    def query(self) -> "ir.Table | Refusal":
        """Build its query."""

    @abstractmethod
    def answered(self, definition: Definition, key: Key, *, factor: float, level: float, unit: str) -> Answered:
        """Answer in one group.

        Args:
            definition: The metric.
            key: The group.
            factor: The metric's units in one base unit, times its scale.
            level: Confidence level.
            unit: The metric's unit, with the workspace's currency.
        """

    @cached_property
    def grouped(self) -> Grouped | Refusal:
        """What the query gave, by group."""
        if isinstance(self.data.counts, Refusal):
            return self.data.counts
        query = self.query()
        return query if isinstance(query, Refusal) else fetch(query, self.frame.keys)

    @property
    def keys(self) -> frozenset[Key] | Refusal:
        """The groups that have rows."""
        return self.grouped if isinstance(self.grouped, Refusal) else frozenset(self.grouped.slices)

    def judgements(self) -> "tuple[ir.Table, list[str], list[str]] | Refusal":
        """Build the rows whose thing (item, task) and rater are known.

        Returns:
            The rows as of `compile.vectors`, with ``_low`` and ``_high`` (the unit, to find things of several) and
            ``_own`` (hash of the thing itself); the columns that name group and thing; those of the rater.
        """
        thing, *rater = ([name.name for name in columns_of(argument)] for argument in self.call.arguments[1:])
        also = [*thing, *(rater[0] if rater else [])]
        plan = replace(self.data.plan, gathered=not self.data.is_small)
        flat = queries.vectors(self.frame, self.data.name, self.quantities[:1], plan, also)
        if isinstance(flat, Refusal):
            return flat
        if "e0" in flat.columns:
            flat = flat.filter(flat["e0"] > 0)
        flat = flat.filter(*(flat[f"c{i}"].notnull() for i in range(len(also))))
        names = [f"c{i}" for i in range(len(also))]
        own = flat["c0"].cast("string")
        for name in names[1 : len(thing)]:
            own = own + "|" + flat[name].cast("string")
        whole = own.hash() if self.data.is_small else own.hash() & (queries.GROUPS - 1)
        flat = flat.mutate(_low=flat["_unit"], _high=flat["_unit"], _own=whole)
        return flat, [*self.frame.keys, *names[: len(thing)]], names[len(thing) :]

    def checks(self, *, known: int, eligible: int, rows: int, unknown: int) -> tuple[Check, ...]:
        """Say how much was known, and how rows were sampled."""
        found = sampling_checks(self.data.name, self.data, rows, unknown)
        if known < eligible:
            share = f"{known:,} of {eligible:,} rows ({known / eligible:.1%})"
            found.insert(0, Check("coverage", None, f"{self.label!r} is known in {share}; the others are left out"))
        return tuple(found)

    def refusal(self, definition: Definition, *, known: int, eligible: int, n: int, what: str) -> Refusal | None:
        """Refuse where there is nothing, or less than the definition requires.

        Args:
            definition: The metric.
            known: Rows whose value is known.
            eligible: Rows that it is about.
            n: What it stands on, in number.
            what: What that is: observations, items, tasks.
        """
        needed, name = needed_n(definition, Population.PROCESS), self.data.name
        if not eligible:
            return Refusal(Reason.NO_DATA, f"no row of table {name!r} is about {self.label!r} in this window")
        if not known:
            return Refusal(
                Reason.NOT_MEASURED, f"{self.label!r} is unknown in all {eligible:,} rows of {name!r} that it is about"
            )
        if known / eligible < definition.requires.coverage:
            return Refusal(
                Reason.LOW_COVERAGE,
                f"only {known / eligible:.0%} of the rows in question are known; "
                f"{definition.requires.coverage:.0%} are needed",
            )
        if n < needed:
            return Refusal(
                Reason.TOO_FEW_UNITS, f"it stands on {n:,} {what}; {needed} are needed",
                "Take a longer window or a larger group.",
            )  # fmt: skip
        return None
