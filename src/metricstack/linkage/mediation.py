"""How much of an effect goes through a mediator: the product of two slopes, and what it takes for granted."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from metricstack.core.errors import InvalidInput
from metricstack.core.streams import stream
from metricstack.core.values import Answer, Check, Estimate, Reason, Refusal
from metricstack.experiments.effect import Effect, effect
from metricstack.experiments.samples import check_choice
from metricstack.linkage.columns import column_names, read_rows
from metricstack.linkage.linked import Linked, linked
from metricstack.linkage.panel_rows import without_singletons
from metricstack.numerics.absorption import Absorption
from metricstack.numerics.clustered import (
    Regression,
    clustered_spread,
    independent_columns,
    regression,
    robust_spread,
    usual_variance,
)
from metricstack.numerics.intervals import Spread, check_level

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Mediation", "mediation"]

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]
Integers = NDArray[np.int64]
_CELLS = 2_000_000  # draws times rows held at once
_ASSUMED = (
    "given the covariates, nothing hidden moves the cause and the mediator, or the cause and the outcome",
    "given the cause and the covariates, nothing hidden moves the mediator and the outcome (sequential ignorability); "
    "even a randomised cause does not give this",
    "the slopes are straight, and that of the mediator is the same whatever the cause",
)


@dataclass(frozen=True, slots=True)
class Mediation(Linked):
    """The indirect effect, a times b (its estimate), beside the direct one.

    Args:
        mediator: Name of the mediator.
        to_mediator: a, what the cause moves the mediator by.
        from_mediator: b, what the mediator moves the outcome by, the cause held fixed.
        direct: What the cause moves the outcome by, the mediator held fixed.
        total: Both.
        share: The indirect part of the total; a refusal where the total is not clear of 0.
        vanishes_at: Correlation of what is hidden in mediator and outcome at which the indirect effect is 0.
    """

    mediator: str = ""
    to_mediator: Effect | None = None
    from_mediator: Effect | None = None
    direct: Effect | None = None
    total: Effect | None = None
    share: Answer | None = None
    vanishes_at: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        parts = {name: getattr(self, name) for name in ("to_mediator", "from_mediator", "direct", "total", "share")}
        return Linked.to_dict(self) | {name: part and part.to_dict() for name, part in parts.items()} | {
            "mediator": self.mediator, "vanishes_at": self.vanishes_at,
        }  # fmt: skip


def mediation(
    df: "pd.DataFrame",
    outcome: str,
    cause: str,
    mediator: str,
    covariates: str | Sequence[str] = (),
    *,
    absorb: str | Sequence[str] = (),
    cluster: str | None = None,
    interval: Literal["monte_carlo", "bootstrap"] = "monte_carlo",
    draws: int = 10_000,
    step: float = 1.0,
    outcome_unit: str = "1",
    level: float = 0.95,
    seed: int = 0,
) -> Mediation | Refusal:
    """Estimate the part of an effect that goes through a mediator, by two linear regressions.

    Args:
        df: One row per unit.
        outcome: Column of the outcome, a number.
        cause: Column of the cause.
        mediator: Column of the mediator, a number, after the cause and before the outcome.
        covariates: Columns to hold fixed, from before the cause.
        absorb: Columns whose every value has an effect of its own to take out, two at most: unit and period of a panel.
        cluster: Column of clusters of dependent rows; None where rows are independent.
        interval: ``"monte_carlo"``: both slopes drawn from their distributions; ``"bootstrap"``: rows, or clusters,
            drawn with replacement, not where effects are absorbed. Percentiles of the products, which are skewed.
        draws: How many, 1,000 at least.
        step: Size of the change of the cause that effects are of.
        outcome_unit: Unit of the outcome.
        level: Confidence level, a fraction in (0, 1).
        seed: Seed of the draws.

    Returns:
        The indirect effect, with ``direct``, ``total``, ``share``, ``to_mediator`` and ``from_mediator``; or a refusal:
        ``NO_DATA``, ``TOO_FEW_UNITS``, ``NO_VARIATION`` (the cause, or the mediator beside it, does not vary).

    Raises:
        InvalidInput: too few draws, columns that are not of their kind, or more to absorb than can be.
        UnknownName: a column or interval that is not known.

    Source:
        Imai, Keele and Yamamoto (2010), *Identification, inference and sensitivity analysis for causal mediation
        effects*, theorem 2 and section 5.1; MacKinnon, Lockwood and Williams (2004) for the intervals.

    Derivation:
        In the linear model the indirect effect is proportional to r - rho sqrt((1 - r²) / (1 - rho²)), r the
        correlation of what the cause and the covariates leave of mediator and outcome, rho that of what is hidden: it
        vanishes at rho = r.

    Example:
        >>> import pandas as pd
        >>> x, u, v = [0, 0, 0, 0, 1, 1, 1, 1] * 5, [1, -1, 1, -1] * 10, [1, 1, -1, -1] * 10
        >>> df = pd.DataFrame({"x": x, "u": u, "v": v})
        >>> df["m"] = 2 * df.x + df.u
        >>> df["y"] = 1 * df.x + 3 * df.m + df.v
        >>> found = mediation(df, "y", "x", "m")  # 2 · 3 of 7; r = 3 / sqrt(10)
        >>> round(found.value, 6), round(found.share.value, 4), round(found.vanishes_at, 4)
        (6.0, 0.8571, 0.9487)
    """
    check_level(level)
    check_choice("interval", interval, ("monte_carlo", "bootstrap"))
    if draws < 1000:
        raise InvalidInput(f"{draws} draws give no steady interval; 1,000 are needed.")
    taken = column_names(absorb)
    if len(taken) > 2:
        raise InvalidInput(f"Effects of {', '.join(taken)} are too many to absorb; two at most. Hold others fixed.")
    if taken and interval == "bootstrap":
        raise InvalidInput("The bootstrap would have to absorb effects anew in each draw. Choose 'monte_carlo'.")
    rows = read_rows(
        df, numbers=[outcome, cause, mediator], keys=[*taken, *([] if cluster is None else [cluster])],
        covariates=column_names(covariates),
    )  # fmt: skip
    rows, single = without_singletons(rows, taken)
    alone = f", {single} alone in a unit or period" if single else ""
    if not len(rows):
        return Refusal(Reason.NO_DATA, f"no row is complete{alone}", "Look at the columns' missing values.")
    y, x, m = (rows.numbers[name] for name in (outcome, cause, mediator))
    groups = None if cluster is None else rows.keys[cluster]
    n = len(rows) if groups is None else int(groups.max()) + 1
    effects = Absorption(tuple(rows.keys[name] for name in taken) or (np.zeros(len(rows), dtype=np.int64),))
    columns = np.column_stack([rows.covariates, x, m])
    kept, k = independent_columns(columns, effects), rows.covariates.shape[1]
    for at, name in ((k, cause), (k + 1, mediator)):
        if at not in kept:
            beside = [*(["the cause"] if name == mediator else []), *(["the absorbed effects"] if taken else [])]
            told = f"{name!r} does not vary {'beside ' if beside else ''}{' and '.join(beside)}".rstrip()
            return Refusal(Reason.NO_VARIATION, told, "Choose another one.")
    z = rows.covariates[:, [at for at in kept if at < k]]
    if n < 5 or len(rows) < z.shape[1] + effects.rank + 4:
        return Refusal(Reason.TOO_FEW_UNITS, f"{len(rows)} rows in {n} clusters are too few", "Observe more.")
    first = regression(m, np.column_stack([x, z]), effects)
    second = regression(y, np.column_stack([m, x, z]), effects)
    whole = regression(y, np.column_stack([x, z]), effects)
    if not float(second.residuals @ second.residuals) > 1e-20 * float(y @ y):
        return Refusal(
            Reason.NO_VARIATION, f"nothing is left of {outcome!r} beside cause and mediator", "Look at how it is made."
        )

    def slope(fit: Regression, at: int, words: str, *, by: float = 1.0) -> Effect:
        spread = _spread(fit, groups, {at: 1.0})
        return effect(
            float(fit.coefficients[at]) * by, spread.variance**0.5 * abs(by), freedom=spread.freedom, level=level,
            unit=outcome_unit, n=n, method=words,
        )  # fmt: skip

    a, b = slope(first, 0, "cause to mediator", by=step), slope(second, 0, "mediator to outcome")
    direct, total = slope(second, 1, "direct", by=step), slope(whole, 0, "total", by=step)
    if interval == "bootstrap":
        drawn = _bootstrap(np.column_stack([x, m, y, z]), groups, draws, seed) * step
    else:
        drawn = _monte_carlo(a, second, groups, draws=draws, seed=seed) * (1.0, step)
    tail = (1 - level) / 2
    value = a.value * b.value
    low, high = (float(bound) for bound in np.quantile(drawn[:, 0], [tail, 1 - tail]))
    words = "indirect effect, " + ("bootstrap" if interval == "bootstrap" else "Monte Carlo")
    estimate = Estimate(value, outcome_unit, n, f"{words}, {draws:,} draws", min(low, value), max(high, value), level)
    below = float((drawn[:, 0] <= 0).mean())
    p = min(2 * (min(below, 1 - below) * draws + 1) / (draws + 1), 1.0)
    hidden = float(np.corrcoef(first.residuals, whole.residuals)[0, 1])
    share = _share(value, total, drawn, level, n)
    checks = (
        Check("rows", None, f"{len(rows):,} rows; {rows.incomplete} left out for a missing value{alone}"),
        Check("sequential_ignorability", None, "taken for granted, and cannot be tested with these columns"),
        Check("sensitivity", None, f"it vanishes where what is hidden in mediator and outcome correlates {hidden:.2f}"),
    )  # fmt: skip
    found = Effect(estimate, p, float(drawn[:, 0].std(ddof=1)))
    return linked(
        Mediation, found, checks=checks, cause=cause, outcome=outcome, assumptions=_ASSUMED, mediator=mediator,
        to_mediator=a, from_mediator=b, direct=direct, total=total, share=share, vanishes_at=hidden,
    )  # fmt: skip


def _spread(fit: Regression, groups: Integers | None, contrast: dict[int, float]) -> Spread:
    weights = np.zeros(fit.design.shape[1])
    for at, weight in contrast.items():
        weights[at] = weight
    if groups is None:
        return robust_spread(fit, contrast=weights)
    kind = usual_variance(int(groups.max()) + 1)
    return clustered_spread(fit, (groups,), kind=kind, contrast=weights)


def _monte_carlo(a: Effect, second: Regression, groups: Integers | None, *, draws: int, seed: int) -> Matrix:
    """Draw indirect and direct effects, shape (draws, 2): a by itself, b and the direct slope together."""
    own = [_spread(second, groups, {at: 1.0}) for at in (0, 1)]
    both = _spread(second, groups, {0: 1.0, 1: 1.0})
    shared = (both.variance - own[0].variance - own[1].variance) / 2
    values, vectors = np.linalg.eigh(np.array([[own[0].variance, shared], [shared, own[1].variance]]))
    half = vectors * np.sqrt(np.maximum(values, 0.0))
    rng = stream(seed, "mediation")
    # Student's t by its own chi-square, so that few clusters make wide draws.
    scale = [np.sqrt(df / rng.chisquare(df, draws)) for df in (max(a.freedom, 1.0), max(own[0].freedom, 1.0))]
    first = a.value + (a.standard_error or 0.0) * rng.standard_normal(draws) * scale[0]
    rest = second.coefficients[:2] + (rng.standard_normal((draws, 2)) * scale[1][:, None]) @ half.T
    return np.column_stack([first * rest[:, 0], rest[:, 1]])


def _bootstrap(columns: Matrix, groups: Integers | None, draws: int, seed: int) -> Matrix:
    """Draw rows or clusters with replacement; indirect and direct effects of each draw, shape (draws, 2)."""
    # Centred and scaled, so that sums of squares keep their figures; slopes are scaled back.
    spread = columns.std(axis=0)
    data = np.column_stack([np.ones(len(columns)), (columns - columns.mean(axis=0)) / spread])
    codes = np.arange(len(data)) if groups is None else groups
    order = np.argsort(codes, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(codes[order]) > 0])
    products = np.add.reduceat(data[order][:, :, None] * data[order][:, None, :], starts, axis=0)
    g, k, rng = len(starts), data.shape[1], stream(seed, "mediation")
    fixed, found = [0, *range(4, k)], []
    a, b = [1, *fixed], [2, 1, *fixed]
    left = draws
    while left:
        size = min(left, max(_CELLS // g, 1))
        chosen = rng.integers(0, g, (size, g)) + g * np.arange(size)[:, None]
        counts = np.bincount(chosen.ravel(), minlength=g * size).reshape(size, g).astype(np.float64)
        cross = (counts @ products.reshape(g, k * k)).reshape(size, k, k)
        first, second = _solved(cross, a, 2), _solved(cross, b, 3)
        found.append(np.column_stack([first[:, 0] * second[:, 0], second[:, 1]]))
        left -= size
    return np.asarray(np.concatenate(found) * (spread[2] / spread[0]), dtype=np.float64)


def _solved(cross: Matrix, columns: list[int], outcome: int) -> Matrix:
    """Return the slopes of many regressions from their sums of products, shape (regressions, columns)."""
    left, right = cross[:, columns][:, :, columns], cross[:, columns, outcome][:, :, None]
    try:
        slopes = np.linalg.solve(left, right)
    except np.linalg.LinAlgError:  # a draw without variation in a covariate
        slopes = np.linalg.pinv(left, hermitian=True) @ right
    return np.asarray(slopes[:, :, 0], dtype=np.float64)


def _share(value: float, total: Effect, drawn: Matrix, level: float, n: int) -> Answer:
    if total.low is None or total.high is None or total.low <= 0 <= total.high or total.value == 0:
        return Refusal(
            Reason.MEAN_TOO_CLOSE_TO_ZERO, "the total effect is not clear of 0, so that a share of it means nothing",
            "Read the indirect effect itself.",
        )  # fmt: skip
    tail, shares = (1 - level) / 2, drawn[:, 0] / drawn.sum(axis=1)
    low, high = (float(bound) for bound in np.quantile(shares, [tail, 1 - tail]))
    share = value / total.value
    return Estimate(share, "fraction", n, "indirect over total effect", min(low, share), max(high, share), level)
