"""Two-way fixed effects, for reference, and which comparisons they are made of: some should never be made."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from metricstack.core.values import Check
from metricstack.linkage.adoption import NEVER, Adoption
from metricstack.linkage.group_time import cluster_sums
from metricstack.linkage.imputation import two_way
from metricstack.linkage.influence import Influence

__all__ = ["ComparisonWeights", "comparison_weights", "two_way_effect"]

Matrix = NDArray[np.float64]
Vector = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ComparisonWeights:
    """What a regression on unit and time effects averages.

    Args:
        kinds: For ``"never treated"``, ``"not yet treated"`` and ``"already treated"`` controls: the share of the
            weight, and the weighted mean of those comparisons (None where there are none).
        units: Units observed in every period, which the decomposition needs.
        value: The weighted sum of all.
    """

    kinds: tuple[tuple[str, float, float | None], ...]
    units: int
    value: float

    @property
    def forbidden(self) -> float:
        """Share of the weight on comparisons with units that are treated already."""
        return self.kinds[2][1]

    @property
    def check(self) -> Check:
        """The warning; it only informs, because the forbidden comparisons are part of no other method."""
        _, share, says = self.kinds[2]
        rest = [part for part in self.kinds[:2] if part[2] is not None]
        others = sum(part[1] * (part[2] or 0.0) for part in rest) / max(sum(part[1] for part in rest), 1e-300)
        note = f"{100 * share:.0f} % of a two-way regression compares with units treated already"
        if says is not None:
            note += f": these comparisons say {says:.4g}, the others {others:.4g}"
        return Check("forbidden_comparisons", passed=None, detail=note)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        kinds = [{"control": name, "share": share, "value": value} for name, share, value in self.kinds]
        return {"kind": "comparison_weights", "kinds": kinds, "units": self.units, "value": self.value}


def two_way_effect(panel: Adoption) -> Influence | None:
    """Regress the outcome on the treatment with unit and time effects; None where nothing is left of the treatment.

    Source:
        Frisch, Waugh and Lovell; clustered sandwich with ``G / (G - 1) (N - 1) / (N - K)``, units nested in clusters
        not counted in K (Cameron and Miller, 2015).
    """
    k = panel.covariates.shape[2]
    mask = np.isfinite(panel.outcomes) & np.isfinite(panel.covariates).all(axis=2)
    fit = two_way(mask)
    treated = (np.arange(panel.periods)[None, :] >= panel.cohort[:, None]).astype(np.float64)
    columns = [treated, *(panel.covariates[:, :, j] for j in range(k)), panel.outcomes]
    swept = np.column_stack([(column - fit.fitted(column))[mask] for column in columns])
    x, y = swept[:, :-1], swept[:, -1]
    cross = x.T @ x
    if cross[0, 0] <= 1e-12 * mask.sum() or np.linalg.matrix_rank(cross, hermitian=True) < 1 + k:
        return None
    inverse = np.linalg.inv(cross)
    slope = inverse @ (x.T @ y)
    scores = np.zeros(mask.shape)
    scores[mask] = (x @ inverse[:, 0]) * (y - x @ slope)
    rows = cluster_sums(panel, scores.sum(axis=1, keepdims=True))
    clusters, cells = len(rows), int(mask.sum())
    used = panel.periods + 1 + k
    factor = clusters / max(clusters - 1, 1) * (cells - 1) / max(cells - used, 1)
    return Influence(
        slope[:1], rows * np.sqrt(factor), np.zeros(clusters, dtype=np.int64),
        np.array([max(clusters - 1.0, 1.0)]), panel.n,
    )  # fmt: skip


def comparison_weights(panel: Adoption) -> ComparisonWeights | None:
    """Take a two-way regression (without covariates) apart into comparisons of two cohorts; None without whole units.

    Source:
        Goodman-Bacon (2021), *Difference-in-differences with variation in treatment timing*, theorem 1:
        the weight of a comparison is its share of units squared times the variance of the treatment within it.
    """
    whole = np.isfinite(panel.outcomes).all(axis=1)
    cohort = np.where(panel.cohort >= panel.periods, NEVER, panel.cohort)[whole]
    y = panel.outcomes[whole]
    groups = [int(g) for g in np.unique(cohort)]
    if len(groups) < 2:
        return None
    means = {g: y[cohort == g].mean(axis=0) for g in groups}
    size = {g: float((cohort == g).mean()) for g in groups}
    share = {g: 0.0 if g == NEVER else 1 - g / panel.periods for g in groups}
    found: dict[str, list[tuple[float, float]]] = {"never treated": [], "not yet treated": [], "already treated": []}
    for at, early in enumerate(groups):
        for late in groups[at + 1 :]:
            both, part = size[early] + size[late], size[early] / (size[early] + size[late])
            between = part * (1 - part)
            if late == NEVER:
                weight = both**2 * between * share[early] * (1 - share[early])
                found["never treated"].append((weight, _gap(means[early], means[late], (0, early, panel.periods))))
                continue
            k, m = share[early], share[late]
            before = (both * (1 - m)) ** 2 * between * (k - m) / (1 - m) * (1 - k) / (1 - m)
            found["not yet treated"].append((before, _gap(means[early], means[late], (0, early, late))))
            after = (both * k) ** 2 * between * m / k * (k - m) / k
            found["already treated"].append((after, _gap(means[late], means[early], (early, late, panel.periods))))
    total = sum(weight for pairs in found.values() for weight, _ in pairs)
    kinds = []
    for name, pairs in found.items():
        weight = sum(w for w, _ in pairs)
        kinds.append((name, weight / total, sum(w * b for w, b in pairs) / weight if weight else None))
    return ComparisonWeights(tuple(kinds), int(whole.sum()), sum(w * (b or 0.0) for _, w, b in kinds))


def _gap(treated: Vector, control: Vector, window: tuple[int, int, int]) -> float:
    """Return the difference of changes between the parts of a window, before and from its middle on."""
    low, middle, high = window
    rise = treated[middle:high].mean() - treated[low:middle].mean()
    return float(rise - (control[middle:high].mean() - control[low:middle].mean()))
