"""Two-by-two tables in strata: the odds ratio within them, beside that of all rows thrown together."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from metricstack.core.errors import InvalidInput
from metricstack.core.values import Check, Estimate, Reason, Refusal
from metricstack.experiments.effect import Effect
from metricstack.linkage.columns import as_numbers, column_names, read_rows
from metricstack.linkage.linked import Linked
from metricstack.numerics.intervals import check_level, t_quantile
from metricstack.numerics.multiplicity import p_value

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["StratifiedOddsRatio", "stratified_odds_ratio"]

Tables = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class StratifiedOddsRatio(Linked):
    """The common odds ratio of strata (Mantel and Haenszel), with the test of Cochran, Mantel and Haenszel.

    Args:
        crude: The odds ratio of all rows, strata ignored, with Woolf's interval; None where a cell is empty.
        statistic: Chi-square of no association in any stratum, without continuity correction.
        homogeneity: P-value of one odds ratio in all strata (Breslow, Day and Tarone); None of one stratum.
        strata: Strata that say something.
        simpson: Crude and common odds ratios are both significant, on opposite sides of 1.
        confounded: The crude one is more than 10 % away from the common one.
    """

    crude: Effect | None = None
    statistic: float = 0.0
    homogeneity: float | None = None
    strata: int = 0
    simpson: bool = False
    confounded: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        names = ("statistic", "homogeneity", "strata", "simpson", "confounded")
        return Linked.to_dict(self) | {"crude": self.crude and self.crude.to_dict()} | {
            name: getattr(self, name) for name in names
        }  # fmt: skip


def stratified_odds_ratio(
    tables: "ArrayLike | pd.DataFrame | None" = None,
    outcome: str | None = None,
    cause: str | None = None,
    strata: str | Sequence[str] = (),
    *,
    df: "pd.DataFrame | None" = None,
    level: float = 0.95,
) -> StratifiedOddsRatio | Refusal:
    """Estimate the odds ratio within strata, and hold it against that of all rows: they may say opposite things.

    Args:
        tables: One table per stratum, counts, shape (strata, 2, 2) or (2, 2) for one: rows with the cause and without,
            columns with the outcome and without. Or a DataFrame, one row per observation.
        outcome: Column of the outcome, 0 or 1, of a DataFrame.
        cause: Column of the cause, 0 or 1.
        strata: Columns that together name the stratum.
        df: The DataFrame, by this name.
        level: Confidence level, a fraction in (0, 1).

    Returns:
        The common odds ratio with the test of Cochran, Mantel and Haenszel (no continuity correction), ``crude`` and
        ``homogeneity`` beside it, n counting rows; or a refusal: ``NO_DATA``, ``NO_VARIATION`` (no stratum has rows
        with and without the cause, and both outcomes), ``UNDEFINED_RATIO`` (in all strata together, one diagonal is
        empty).

    Raises:
        InvalidInput: neither or both forms given, counts that are negative or no numbers, values that are not 0 or 1.
        UnknownName: a column that is not there.

    Source:
        Mantel and Haenszel (1959); the variance of its logarithm after Robins, Breslow and Greenland (1986); Breslow
        and Day, *Statistical Methods in Cancer Research* I (1980), section 4.4, with Tarone (1985) for homogeneity.

    Example:
        >>> found = stratified_odds_ratio([[[90, 10], [800, 200]], [[300, 700], [20, 80]]])
        >>> round(found.value, 2), round(found.crude.value, 2), found.simpson  # 42/22 within; 390·280 / (710·820)
        (1.91, 0.19, True)
    """
    import pandas as pd

    check_level(level)
    notes = ""
    if df is None and isinstance(tables, pd.DataFrame):
        tables, df = None, tables
    if (tables is None) == (df is None):
        raise InvalidInput("Give tables, or df with outcome, cause and strata.")
    if df is not None:
        if outcome is None or cause is None or not strata:
            raise InvalidInput("With df, name the columns of outcome, cause and strata.")
        counts, incomplete = _tables(df, outcome, cause, column_names(strata))
        notes = f"; {incomplete} rows left out for a missing value" if incomplete else ""
    else:
        counts = as_numbers(tables, "counts")
        counts = counts[None] if counts.ndim == 2 else counts
    if counts.ndim != 3 or counts.shape[1:] != (2, 2):
        raise InvalidInput(f"Tables have the shape (strata, 2, 2); got {counts.shape}.")
    if not (np.isfinite(counts).all() and (counts >= 0).all()):
        raise InvalidInput("A table holds a count that is negative or no number.")
    if not counts.sum():
        return Refusal(Reason.NO_DATA, "the tables are empty", "Look at the columns' missing values.")
    telling = (counts.sum(axis=1) > 0).all(axis=1) & (counts.sum(axis=2) > 0).all(axis=1)
    if not telling.any():
        return Refusal(
            Reason.NO_VARIATION, "no stratum has both outcomes, with and without the cause", "Use coarser strata."
        )  # fmt: skip
    used = counts[telling]
    total = used.sum(axis=(1, 2))
    agree, differ = used[:, 0, 0] * used[:, 1, 1] / total, used[:, 0, 1] * used[:, 1, 0] / total
    if not (agree.sum() and differ.sum()):
        return Refusal(Reason.UNDEFINED_RATIO, "a cell is empty in all strata", "Observe more, or use coarser strata.")
    return _answer(
        counts, used, notes, names=(cause or "the cause", outcome or "the outcome"), level=level
    )  # fmt: skip


def _tables(df: "pd.DataFrame", outcome: str, cause: str, strata: Sequence[str]) -> tuple[Tables, int]:
    rows = read_rows(df, numbers=[outcome, cause], keys=strata)
    for name in (outcome, cause):
        if not np.isin(rows.numbers[name], (0.0, 1.0)).all():
            raise InvalidInput(f"Column {name!r} holds more than 0 and 1. Say what counts as 1.")
    codes = np.column_stack([rows.keys[name] for name in strata])
    levels, at = np.unique(codes, axis=0, return_inverse=True)
    counts = np.zeros((len(levels), 2, 2))
    place = (at.ravel(), 1 - rows.numbers[cause].astype(int), 1 - rows.numbers[outcome].astype(int))
    np.add.at(counts, place, 1.0)
    return counts, rows.incomplete


def _answer(counts: Tables, used: Tables, notes: str, *, names: tuple[str, str], level: float) -> StratifiedOddsRatio:
    from statsmodels.stats.contingency_tables import StratifiedTable

    strata = StratifiedTable(np.moveaxis(used, 0, 2))
    test = strata.test_null_odds(correction=False)
    log, error = math.log(float(strata.oddsratio_pooled)), float(strata.logodds_pooled_se)
    n, alpha = round(float(counts.sum())), 1 - level
    estimate = _ratio(log, error, n, "Mantel-Haenszel odds ratio", level)
    crude = _crude(counts.sum(axis=0), n, level)
    same = _homogeneity(used, math.exp(log)) if len(used) > 1 else None
    p = float(test.pvalue)
    opposite = crude is not None and (math.log(crude.value) * log < 0)
    simpson = bool(opposite and crude is not None and (crude.p_value or 0.0) <= alpha and p <= alpha)
    confounded = crude is not None and abs(math.log(crude.value) - log) > math.log(1.1)
    told = "the crude odds ratio has an empty cell" if crude is None else (
        f"crude {crude.value:.3g}, within strata {estimate.value:.3g}"
    )  # fmt: skip
    checks = [
        Check("strata", None, f"{len(used)} of {len(counts)} strata say something; {n:,} rows{notes}"),
        Check("no_reversal", passed=not simpson, detail=told),
        Check("crude", None, f"it differs by {_apart(crude, log)}: confounding, or odds ratios that do not collapse"),
    ]  # fmt: skip
    if same is not None:
        checks.append(Check("homogeneity", same > alpha, f"Breslow-Day-Tarone p = {same:.3g} of one odds ratio in all"))
    assumed = ("within a stratum, nothing that moves the outcome goes together with the cause",)
    return StratifiedOddsRatio(
        estimate, p, None, math.inf, tuple(checks), names[0], names[1], assumptions=assumed, crude=crude,
        statistic=float(test.statistic), homogeneity=same, strata=len(used), simpson=simpson, confounded=confounded,
    )  # fmt: skip


def _homogeneity(used: Tables, ratio: float) -> float:
    """Test one odds ratio in all strata (Breslow and Day, with Tarone's correction).

    The expected first cell solves ``(1 - ratio) e² + b e - ratio r c = 0``, r and c the sums of its row and column; in
    the form ``2 ratio r c / (b + root)`` a ratio near 1 loses no figures.
    """
    from scipy.special import chdtrc

    first, row, column = used[:, 0, 0], used[:, 0].sum(axis=1), used[:, :, 0].sum(axis=1)
    rest = used[:, 1, 1] - first
    b = ratio * (row + column) + rest
    root = np.sqrt(b**2 + 4 * (1 - ratio) * ratio * row * column)
    expected = 2 * ratio * row * column / (b + root)
    variance = 1 / (1 / expected + 1 / (row - expected) + 1 / (column - expected) + 1 / (rest + expected))
    gap = first - expected
    statistic = float((gap**2 / variance).sum() - gap.sum() ** 2 / variance.sum())
    return float(chdtrc(len(used) - 1, max(statistic, 0.0)))


def _apart(crude: Effect | None, log: float) -> str:
    return "an unknown amount" if crude is None else f"{100 * (crude.value / math.exp(log) - 1):+.0f} %"


def _ratio(log: float, error: float, n: int, method: str, level: float) -> Estimate:
    reach = t_quantile(level, math.inf) * error
    return Estimate(math.exp(log), "1", n, method, math.exp(log - reach), math.exp(log + reach), level)


def _crude(table: Tables, n: int, level: float) -> Effect | None:
    if not (table > 0).all():
        return None
    log = math.log(table[0, 0] * table[1, 1] / (table[0, 1] * table[1, 0]))
    error = math.sqrt(float((1 / table).sum()))
    return Effect(_ratio(log, error, n, "crude odds ratio, Woolf", level), p_value(log, error, math.inf))
