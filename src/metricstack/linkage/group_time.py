"""Effects by adoption cohort and period, each against units not (yet) treated, and what averages of them say."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from metricstack.linkage.adoption import NEVER, Adoption
from metricstack.linkage.doubly_robust import doubly_robust
from metricstack.linkage.influence import Influence

__all__ = ["Control", "GroupTime", "by_size", "cluster_sums", "group_time", "lead_effects", "sources_of_variance"]

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]
Integers = NDArray[np.int64]
Mask = NDArray[np.bool_]

Control = Literal["not_yet", "never"]


@dataclass(frozen=True, slots=True)
class GroupTime:
    """ATT(g, t) of every cohort and period that can be compared.

    Args:
        cohort: Cohort g of each cell, shape (cells,), as a period's index.
        period: Period t of each cell.
        influence: The effects and their errors.
        skipped: Cells without a treated or a control unit.
        apart: Cells in which covariates tell treated from control units, so that only the outcome model adjusts.
        alone: Cohorts of one cluster, whose noise is taken from the control units'.
    """

    cohort: Integers
    period: Integers
    influence: Influence
    skipped: int
    apart: int
    alone: int


@dataclass(slots=True)
class _Borrowed:
    """Error rows that a cohort of one cluster borrows from the controls: (cohort, cluster) → cell → amount."""

    rows: dict[tuple[int, int], dict[int, float]] = field(default_factory=dict)

    def add(self, cell: int, cohort: int, change: Vector, cluster: Integers) -> None:
        labels, at = np.unique(cluster, return_inverse=True)
        means = np.bincount(at, change) / np.bincount(at)
        spread = (means - means.mean()) / np.sqrt(max(len(labels) - 1, 1))
        for label, amount in zip(labels, spread, strict=True):
            self.rows.setdefault((cohort, int(label)), {})[cell] = float(amount)


def group_time(panel: Adoption, *, control: Control, small_sample: bool) -> GroupTime:
    """Estimate the effect of each cohort in each period, from the change since its last period without treatment.

    Args:
        panel: Who adopted when.
        control: ``"never"``: units that do not adopt while observed; ``"not_yet"``: those that have not adopted by the
            later of both periods.
        small_sample: Divide each group's squares by its clusters less one, not by its clusters; and lend the controls'
            spread to cohorts of one cluster.

    Source:
        Callaway and Sant'Anna (2021), with one base period g - 1 - anticipation for periods
        before adoption too; influence function of an independent mean is ``(x - mean) / n``. A cohort of one cluster
        has no spread of its own: it is given that of control clusters' mean changes (as Conley and Taber, 2011).
    """
    values: list[float] = []
    columns: list[Vector] = []
    cells: list[tuple[int, int]] = []
    borrowed, skipped, apart = _Borrowed(), 0, 0
    nested, _, _ = sources_of_variance(panel)
    alone = {g for g in panel.cohorts if small_sample and panel.clusters(panel.cohort == g) == 1}
    for g in panel.cohorts:
        base = g - 1 - panel.anticipation
        if base < 0:
            continue
        for t in range(panel.periods):
            if t == base:
                continue
            change = panel.outcomes[:, t] - panel.outcomes[:, base]
            seen = np.isfinite(change)
            if panel.covariates.shape[2]:
                seen &= np.isfinite(panel.covariates[:, base]).all(axis=1)
            treated, other = (panel.cohort == g) & seen, _controls(panel, control, g, max(t, base)) & seen
            cell = _cell(panel, change, treated, other, (base, nested and small_sample))
            if cell is None:
                skipped += 1
                continue
            value, parts, overlaps = cell
            apart += not overlaps
            if g in alone:
                borrowed.add(len(values), g, change[other], panel.cluster[other])
            values.append(value)
            columns.append(parts)
            cells.append((g, t))
    rows = cluster_sums(panel, np.column_stack(columns) if columns else np.zeros((panel.n, 0)))
    influence = _with_borrowed(panel, np.array(values), rows, borrowed, small_sample=small_sample)
    pairs = np.array(cells, dtype=np.int64).reshape(-1, 2)
    return GroupTime(pairs[:, 0], pairs[:, 1], influence, skipped, apart, len(alone))


def _controls(panel: Adoption, control: Control, cohort: int, until: int) -> Mask:
    if control == "never":
        found: Mask = (panel.cohort == NEVER) | ((panel.cohort >= panel.periods) & (panel.anticipation == 0))
    else:
        found = (panel.cohort > until + panel.anticipation) & (panel.cohort != cohort)
    return found


def _cell(
    panel: Adoption, change: Vector, treated: Mask, other: Mask, how: tuple[int, bool]
) -> tuple[float, Vector, bool] | None:
    base, corrected = how
    if not treated.any() or not other.any():
        return None
    factors = [_factor(panel.clusters(side)) if corrected else 1.0 for side in (treated, other)]
    influence = np.zeros(panel.n)
    if not panel.covariates.shape[2]:
        means = [float(change[side].mean()) for side in (treated, other)]
        influence[treated] = factors[0] * (change[treated] - means[0]) / treated.sum()
        influence[other] = -factors[1] * (change[other] - means[1]) / other.sum()
        return means[0] - means[1], influence, True
    both = treated | other
    found = doubly_robust(change[both], treated[both], panel.covariates[both, base])
    if found is None:
        return None
    influence[both] = found.influence / both.sum()
    influence[treated] *= factors[0]
    influence[other] *= factors[1]
    return found.value, influence, found.overlaps


def _factor(clusters: int) -> float:
    return float(np.sqrt(clusters / (clusters - 1))) if clusters > 1 else 1.0


def cluster_sums(panel: Adoption, by_unit: Matrix) -> Matrix:
    """Add up rows of units to rows of clusters, shape (clusters, columns)."""
    labels, at = np.unique(panel.cluster, return_inverse=True)
    if len(labels) == panel.n:
        return by_unit[np.argsort(panel.cluster)]
    found = np.zeros((len(labels), by_unit.shape[1]))
    np.add.at(found, at, by_unit)
    return found


def sources_of_variance(panel: Adoption) -> tuple[bool, Integers, Vector]:
    """Return whether clusters adopt as a whole; each cluster's group; and the groups' degrees of freedom.

    Where they do, each cohort is a source of its own, with its clusters less one (cohorts of one cluster share one).
    """
    _, first, at = np.unique(panel.cluster, return_index=True, return_inverse=True)
    of_cluster = panel.cohort[first]
    if (of_cluster[at] != panel.cohort).any():
        return False, np.zeros(len(first), dtype=np.int64), np.array([max(len(first) - 1.0, 1.0)])
    _, group, sizes = np.unique(of_cluster, return_inverse=True, return_counts=True)
    if (sizes == 1).any():
        shared = np.where(sizes == 1, len(sizes), np.arange(len(sizes)))[group]
        _, group, sizes = np.unique(shared, return_inverse=True, return_counts=True)
    return True, group.astype(np.int64), np.maximum(sizes - 1.0, 1.0)


def _with_borrowed(
    panel: Adoption, values: Vector, rows: Matrix, borrowed: _Borrowed, *, small_sample: bool
) -> Influence:
    nested, group, freedom = sources_of_variance(panel)
    if small_sample and not nested:
        rows = rows * _factor(len(rows))
    keys = sorted(borrowed.rows)
    extra = np.zeros((len(keys), len(values)))
    for at, key in enumerate(keys):
        for cell, amount in borrowed.rows[key].items():
            extra[at, cell] = amount
    owners, of_owner, counts = np.unique([key[0] for key in keys], return_inverse=True, return_counts=True)
    if len(owners):
        group = np.concatenate([group, len(freedom) + of_owner])
        freedom = np.concatenate([freedom, np.maximum(counts - 1.0, 1.0)])
    return Influence(values, np.vstack([rows, extra]), group, freedom, panel.n)


def by_size(panel: Adoption, influence: Influence, cohort: Integers, sets: Sequence[Integers]) -> Influence:
    """Average estimates of cohorts within each set, every cohort weighted by its number of units.

    That the sizes themselves are drawn adds ``(value_g - mean) / sum of sizes`` for every unit of cohort g.

    Args:
        panel: Who adopted when.
        influence: The estimates, each of one cohort.
        cohort: Their cohorts, shape (k,).
        sets: Positions of the estimates of each average.
    """
    labels, at = np.unique(panel.cluster, return_inverse=True)
    weights = np.zeros((len(influence.values), len(sets)))
    drawn = np.zeros((len(influence.rows), len(sets)))
    sizes = {int(g): int((panel.cohort == g).sum()) for g in np.unique(cohort)}
    for column, members in enumerate(sets):
        size = np.array([sizes[int(cohort[k])] for k in members], dtype=np.float64)
        weights[members, column] = size / size.sum()
        mean = float(influence.values[members] @ size) / size.sum()
        for k in members:
            units = np.bincount(at[panel.cohort == cohort[k]], minlength=len(labels))
            drawn[: len(labels), column] += units * (influence.values[k] - mean) / size.sum()
    found = influence.combined(weights)
    return Influence(found.values, found.rows + drawn, found.group, found.freedom, found.n)


def lead_effects(panel: Adoption, cells: GroupTime) -> tuple[Influence, Integers]:
    """Average the cells before adoption by their distance to the base period, farthest first."""
    distance = cells.period - (cells.cohort - 1 - panel.anticipation)
    early = np.flatnonzero(distance < 0)
    away = np.unique(distance[early])
    sets = [early[distance[early] == step] for step in away]
    return by_size(panel, cells.influence, cells.cohort, sets), away
