"""A change laid out by kind and group, and the findings that its cells and their sums make."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from metricstack.core.values import Check, Estimate, Finding, Reason, Refusal
from metricstack.metrics.change.explanation import Breakdown, Explanation, GroupShift
from metricstack.numerics.decomposition import KINDS
from metricstack.numerics.intervals import Spread, interval

__all__ = ["Chosen", "Columns", "Place", "Shares", "refused"]

Array = NDArray[np.float64]
Columns = tuple[str, ...]
Place = tuple[tuple[str, str], ...]
Chosen = NDArray[np.bool_]


def refused(columns: Columns, whole: Explanation, refusal: Refusal, base: Place) -> Breakdown:
    """Return the breakdown that a dimension cannot give, with why."""
    question = f"{whole.total.question}, by {' and '.join(columns)}"
    finding = Finding(question, refusal, whole.metric, base, provenance=whole.total.provenance)
    return Breakdown(columns, refusal=finding)


@dataclass(frozen=True, eq=False)
class Shares:
    """A change by kind and group, with the variance of any sum of its cells."""

    values: Array
    labels: tuple[Columns, ...]
    share: Array
    n: tuple[int, ...]
    method: str
    checks: tuple[Check, ...]
    spread: Callable[[Chosen], Spread | None]

    def told(
        self, columns: Columns, whole: Explanation, level: float, base: Place
    ) -> Breakdown:  # fmt: skip
        """Say it in findings."""
        assert isinstance(whole.change.difference, Estimate)
        change = whole.change.difference
        size = max(abs(change.value), float(np.abs(self.values).sum()))
        if abs(float(self.values.sum()) - change.value) > 1e-9 * max(size, _size(whole)):
            refusal = Refusal(Reason.UNSTABLE, f"its groups by {' and '.join(columns)} do not add up to the whole")
            return refused(columns, whole, refusal, base)
        by = " and ".join(columns)

        def finding(chosen: Chosen, n: int, question: str, where: Place) -> Finding:
            value = float(self.values[chosen].sum())
            answer = self._estimate(value, chosen, n, change.unit, level)
            return Finding(question, answer, whole.metric, (*where, *base), provenance=whole.total.provenance)

        parts, rows = [], sum(self.n)
        shown = [i for i in range(len(KINDS)) if i not in (1, 2) or self.values[i].any() or self._has(i)]
        for i in shown:
            chosen = np.zeros_like(self.values, dtype=bool)
            chosen[i] = True
            where: Place = (("dimension", by), ("part", KINDS[i]))
            parts.append((KINDS[i], finding(chosen, rows, f"{whole.total.question}: {KINDS[i]} by {by}", where)))
        groups = []
        for j in np.argsort(-np.abs(self.values.sum(axis=0)), kind="stable"):
            chosen = np.zeros_like(self.values, dtype=bool)
            chosen[:, j] = True
            label = tuple(zip(columns, self.labels[j], strict=True))
            asked = f"{whole.total.question}: {' · '.join(self.labels[j])}"
            shift = finding(chosen, self.n[j], asked, (("dimension", by), *label))
            cells = []
            for i in shown:
                if self.values[i, j] != 0:
                    cell = np.zeros_like(self.values, dtype=bool)
                    cell[i, j] = True
                    where = (("dimension", by), *label, ("part", KINDS[i]))
                    cells.append((KINDS[i], finding(cell, self.n[j], f"{asked}, {KINDS[i]}", where)))
            groups.append(GroupShift(label, shift, tuple(cells)))
        return Breakdown(columns, tuple(parts), tuple(groups), self._concentration(change.value), self.checks)

    def _has(self, kind: int) -> bool:
        """A mean always has a mix, a total a volume, even of 0; which of both it is, the other tells."""
        return kind == 1 and not self.values[2].any()

    def _estimate(self, value: float, chosen: Chosen, n: int, unit: str, level: float) -> Estimate:
        spread = self.spread(chosen)
        if spread is None:
            return Estimate(value, unit, n, "census")
        if spread.freedom < 1:
            return Estimate(value, unit, n, "one unit gives no interval", -math.inf, math.inf, level)
        low, high = interval(value, spread, level=level)
        return Estimate(value, unit, n, self.method, low, high, level)

    def _concentration(self, change: float) -> float:
        shifts = self.values.sum(axis=0)
        whole = float(np.abs(shifts).sum())
        if whole == 0:
            return 0.0
        beyond = np.abs(shifts - self.share * change)
        for j in range(len(shifts)):
            chosen = np.zeros_like(self.values, dtype=bool)
            chosen[:, j] = True
            spread = self.spread(chosen)
            beyond[j] = max(beyond[j] - (0.0 if spread is None else math.sqrt(spread.variance)), 0.0)
        return min(float(beyond.sum()) / 2 / whole, 1.0)


def _size(whole: Explanation) -> float:
    """The larger of both values: sums of floating-point numbers are exact only beside it."""
    answers = (whole.change.before, whole.change.after)
    return max((abs(answer.value) for answer in answers if isinstance(answer, Estimate)), default=0.0)
