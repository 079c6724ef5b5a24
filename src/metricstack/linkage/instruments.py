"""What a cause does, from the part of it that something outside moved."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
from numpy.typing import NDArray

from metricstack.core.errors import InvalidInput
from metricstack.core.values import Check, Estimate, Reason, Refusal
from metricstack.experiments.effect import Effect, effect
from metricstack.experiments.samples import check_choice
from metricstack.linkage.anderson_rubin import confidence_set
from metricstack.linkage.columns import column_names, is_numeric
from metricstack.linkage.frames import check_columns, codes_of, complete_rows, missing_check, numbers_of
from metricstack.linkage.two_stage import (
    Errors,
    FirstStage,
    Linear,
    first_stage,
    hansen,
    k_class,
    liml_ratio,
    meat,
    reduced_forms,
)
from metricstack.numerics.intervals import check_level

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["InstrumentEffect", "instrument"]

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]

WEAK = 10.0
"""Effective F below which two-stage least squares leans towards least squares by more than a tenth."""
_WALD_HOLDS = 104.7
"""First-stage F above which a Wald interval at 95 % keeps its promise, whatever the endogeneity."""


@dataclass(frozen=True, slots=True)
class InstrumentEffect(Effect):
    """The effect of one more of the cause, with the Anderson-Rubin set as its interval.

    Args:
        two_stage: Two-stage least squares, with its Wald interval: for reference only.
        limited: Limited-information maximum likelihood, likewise.
        least_squares: What a regression without instruments says.
        reduced: Effect of each instrument on the outcome.
        moved: Effect of each instrument on the cause.
        first_stage: How strong the instruments are.
        overidentification: (statistic, p-value) of all instruments telling the same, Sargan's with classical errors
            and else Hansen's; None with one instrument.
        endogeneity: P-value of the regression without instruments being right too.
    """

    two_stage: Effect | None = None
    limited: Effect | None = None
    least_squares: Effect | None = None
    reduced: tuple[Effect, ...] = ()
    moved: tuple[Effect, ...] = ()
    first_stage: FirstStage | None = None
    overidentification: tuple[float, float] | None = None
    endogeneity: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        stage = self.first_stage
        named = {"two_stage": self.two_stage, "limited": self.limited, "least_squares": self.least_squares}
        return Effect.to_dict(self) | {name: one and one.to_dict() for name, one in named.items()} | {
            "reduced": [one.to_dict() for one in self.reduced], "moved": [one.to_dict() for one in self.moved],
            "first_stage": stage and {
                "classical": stage.classical, "robust": stage.robust, "effective": stage.effective,
                "share": stage.share,
            },
            "overidentification": self.overidentification and list(self.overidentification),
            "endogeneity": self.endogeneity,
        }  # fmt: skip


def instrument(
    df: "pd.DataFrame",
    outcome: str,
    cause: str,
    instruments: str | Sequence[str],
    exogenous: str | Sequence[str] = (),
    *,
    cluster: str | None = None,
    errors: Errors = "robust",
    level: float = 0.95,
    outcome_unit: str = "1",
) -> InstrumentEffect | Refusal:
    """Estimate the effect of a cause on an outcome through what moves the cause alone.

    It recovers the truth where the outcome acts back on the cause, or something unseen acts on both, provided that
    the instruments reach the outcome through the cause only: no test shows that. The interval inverts the
    Anderson-Rubin test, which keeps its level however weak the instruments are; it may be unbounded, or two rays.

    Args:
        df: One row per observation; rows that lack a value are left out and counted.
        outcome: Column of the outcome.
        cause: Column of the cause.
        instruments: Columns of numbers that move the cause.
        exogenous: Columns held fixed beside a constant: numbers, or names, which become indicators.
        cluster: Column of clusters of rows that are not independent.
        errors: Of independent rows: ``"robust"`` or ``"classical"`` (one variance for all).
        level: Confidence level, a fraction in (0, 1).
        outcome_unit: Unit of the effect (outcome per one of the cause).

    Returns:
        The effect: two-stage least squares with one instrument, limited-information maximum likelihood with several;
        ``n`` counts rows (clusters with ``cluster``), the p-value is Anderson and Rubin's, as ``low``, ``high`` and
        the ``estimate``'s parts are. Both estimators with their Wald intervals are in ``two_stage`` and ``limited``,
        the first stage's F in ``first_stage``, Sargan's (classical errors) or Hansen's test in
        ``overidentification``. Errors of rows are times ``n / (n - k)``, those of clusters CR1. Checks:
        ``weak_instrument`` (fails below an effective F of 10), ``overidentification``, ``endogeneity``,
        ``clusters`` (fails below 30), ``missing_rows``. Or a refusal: ``NO_DATA``, ``NO_VARIATION`` (cause or
        instruments constant beside the exogenous columns, collinear instruments, no noise), ``TOO_FEW_UNITS``,
        ``UNSTABLE`` (several instruments contradict one another so that no size is left).

    Raises:
        UnknownName: a column or option that does not exist.
        InvalidInput: no instrument, a column in two roles, or text where numbers are needed.

    Source:
        Anderson and Rubin (1949); Montiel Olea and Pflueger (2013); Lee, McCrary, Moreira and Porter (2022) for the F
        above which a Wald interval holds; Wu and Hausman for endogeneity.

    Example:
        >>> import pandas as pd
        >>> row = np.arange(200)
        >>> z, u = row // 2 % 2, np.where(row % 2, 1.0, -1.0)  # u acts on both, and is as often 1 where z is 1
        >>> df = pd.DataFrame({"z": z, "x": z + u, "y": -0.2 * (z + u) + u + 0.1 * np.cos(row // 4 * 1.7)})
        >>> found = instrument(df, "y", "x", ["z"])
        >>> f"{found.least_squares.value:.2f}, with the instrument {found.value:.2f}"
        '0.60, with the instrument -0.20'
    """
    check_level(level)
    check_choice("errors", errors, get_args(Errors))
    instruments, exogenous = column_names(instruments), column_names(exogenous)
    if not instruments:
        raise InvalidInput("There is no instrument; name one column at least.")
    roles = [outcome, cause, *instruments, *exogenous]
    check_columns(df, roles)
    used = [*roles, *([] if cluster is None or cluster in roles else [cluster])]
    check_columns(df, used)
    kept, dropped = complete_rows(df, used)
    data = _linear(kept, (outcome, cause), instruments, exogenous, (cluster, errors))
    if isinstance(data, Refusal):
        return data
    basis, numbers = data
    forms = reduced_forms(numbers)
    stage = first_stage(numbers, forms)
    k = numbers.z.shape[1]
    freedom = numbers.freedom(1)
    how: dict[str, Any] = {"level": level, "unit": outcome_unit, "n": numbers.clusters}
    sizes = [k_class(numbers, kappa) for kappa in (1.0, liml_ratio(numbers), 0.0)]
    two_stage, limited, plain = (
        effect(size, error, freedom=freedom, method=name, **how)
        for (size, error), name in zip(
            sizes, ("two-stage least squares, Wald", "LIML, Wald", "least squares"), strict=True
        )
    )
    best = two_stage if k == 1 else limited
    below = numbers.freedom(k)
    bar = k * _f_quantile(level, k, below)
    parts = confidence_set(forms, bar, around=(best.value, best.standard_error or 1.0))
    if not parts:
        return Refusal(
            Reason.UNSTABLE, f"the {k} instruments contradict one another: every size of the effect is rejected",
            "Look at each instrument by itself; at least one reaches the outcome by another way.",
        )  # fmt: skip
    estimate = Estimate(
        best.value, outcome_unit, numbers.clusters,
        f"{'two-stage least squares' if k == 1 else 'LIML'}, Anderson-Rubin set",
        parts[0][0], parts[-1][1], level, parts if len(parts) > 1 else (),
    )  # fmt: skip
    over = None if k == 1 else hansen(numbers, two_stage.value)
    apart = _endogeneity(numbers)
    checks = _checks(numbers, stage, over, apart, level)
    each = [_each(side, numbers, basis, how) for side in (numbers.y, numbers.x)]
    return InstrumentEffect(
        estimate, _f_tail(forms.wald(0.0) / k, k, below), None, below,
        (*checks, missing_check(dropped, len(df))),
        two_stage, limited, plain, each[0], each[1], stage, over, apart,
    )  # fmt: skip


def _linear(
    df: "pd.DataFrame",
    sides: tuple[str, str],
    instruments: Sequence[str],
    exogenous: Sequence[str],
    how: tuple[str | None, Errors],
) -> tuple[Matrix, Linear] | Refusal:
    """Sweep the exogenous columns out; return the instruments' change of basis, and the regression."""
    cluster, errors = how
    n = len(df)
    if not n:
        return Refusal(Reason.NO_DATA, "no row has a value in every column", "Look at what is missing.")
    z = np.column_stack([numbers_of(df, name) for name in instruments])
    y, x = (numbers_of(df, name) for name in sides)
    fixed = _independent(np.column_stack([np.ones(n), *_columns(df, exogenous)]))
    k = z.shape[1]
    labels = None if cluster is None else codes_of(df, cluster)
    groups = n if labels is None else int(labels.max(initial=-1)) + 1
    if n - fixed.shape[1] - k < 2 or groups < k + 2:
        told = f"{n:,} rows in {groups:,} independent groups for {fixed.shape[1] + k} columns"
        return Refusal(Reason.TOO_FEW_UNITS, told, "Observe more, or hold fewer columns fixed.")
    swept = [side - fixed @ (fixed.T @ side) for side in (y, x, z)]
    sizes = [np.abs(side).max(axis=0, initial=0.0) for side in (y, x, z)]
    spread = [np.sqrt((side**2).mean(axis=0)) for side in swept]
    for name, size, left in zip(("outcome", "cause"), sizes[:2], spread[:2], strict=True):
        if left <= 1e-10 * max(size, 1e-300):
            return Refusal(Reason.NO_VARIATION, f"the {name} is constant, or the exogenous columns explain it", "")
    flat = [name for name, size, left in zip(instruments, sizes[2], spread[2], strict=True) if left <= 1e-10 * size]
    if flat:
        told = f"the instrument {flat[0]!r} does not vary beside the exogenous columns, so there is no first stage"
        return Refusal(Reason.NO_VARIATION, told, "Leave it out, or find one that varies.")
    scaled = swept[2] / spread[2]
    left, singular, right = np.linalg.svd(scaled, full_matrices=False)
    if singular[-1] <= 1e-8 * singular[0]:
        told = f"of {k} instruments some are sums of others"
        return Refusal(Reason.NO_VARIATION, told, "Leave out the instruments that repeat others.")
    basis = (right.T / singular) / spread[2][:, None]
    numbers = Linear(swept[0], swept[1], left, fixed.shape[1], labels, errors)
    form = left.T @ swept[1]
    rest = [side - left @ (left.T @ side) for side in swept[:2]]
    if min(float(r @ r) / float(s @ s) for r, s in zip(rest, swept[:2], strict=True)) <= 1e-20:
        return Refusal(Reason.NO_VARIATION, "the instruments explain the outcome or the cause without any noise", "")
    if float(form @ form) <= 1e-24 * float(swept[1] @ swept[1]):
        return Refusal(Reason.NO_VARIATION, "the instruments do not move the cause at all", "Find one that does.")
    return basis, numbers


def _columns(df: "pd.DataFrame", exogenous: Sequence[str]) -> list[Matrix]:
    found = []
    for name in exogenous:
        if is_numeric(df[name]):
            found.append(numbers_of(df, name)[:, None])
        else:
            codes = codes_of(df, name)
            found.append(np.eye(int(codes.max(initial=0)) + 1)[codes][:, 1:])
    return found


def _independent(columns: Matrix) -> Matrix:
    """Return an orthonormal basis of the columns' span."""
    size = np.sqrt((columns**2).sum(axis=0))
    left, singular, _ = np.linalg.svd(columns[:, size > 0] / size[size > 0], full_matrices=False)
    return np.asarray(left[:, singular > 1e-10 * singular[0]])


def _each(side: Vector, data: Linear, basis: Matrix, how: dict[str, Any]) -> tuple[Effect, ...]:
    """Return the coefficients of the instruments as they were given."""
    k = data.z.shape[1]
    forms = reduced_forms(Linear(side, data.x, data.z, data.swept, data.cluster, data.errors))
    values, variance = basis @ forms.outcome, basis @ forms.outcome_variance @ basis.T
    named = how | {"unit": "1", "method": "regression on the instruments"}
    return tuple(
        effect(float(value), math.sqrt(float(square)), freedom=data.freedom(k), **named)
        for value, square in zip(values, np.diag(variance), strict=True)
    )


def _endogeneity(data: Linear) -> float | None:
    """Test whether the part of the cause that instruments do not explain is correlated with the outcome's rest."""
    rest = data.x - data.z @ (data.z.T @ data.x)
    both = np.column_stack([data.x, rest])
    inverse = np.linalg.inv(both.T @ both)
    slope = inverse @ (both.T @ data.y)
    left = data.y - both @ slope
    if data.errors == "classical" and data.cluster is None:
        below = data.n - data.swept - 2
        variance = inverse[1, 1] * float(left @ left) / below
    else:
        scores = (both @ inverse) * left[:, None]
        variance = float(meat(data, scores, scores, 2)[1, 1])
    if variance <= 0:
        return None
    return _f_tail(float(slope[1] ** 2 / variance), 1, data.freedom(2))


def _f_quantile(level: float, k: int, below: float) -> float:
    from scipy.special import fdtri

    return float(fdtri(k, below, level))


def _f_tail(statistic: float, k: int, below: float) -> float:
    from scipy.special import fdtrc

    return float(fdtrc(k, below, statistic))


def _checks(
    data: Linear, stage: FirstStage, over: tuple[float, float] | None, apart: float | None, level: float
) -> list[Check]:
    strong = stage.effective >= WEAK
    note = f"effective F = {stage.effective:.1f}, {WEAK:g} is asked for"
    if stage.effective < _WALD_HOLDS:
        note += f"; a Wald interval needs {_WALD_HOLDS:g}, the Anderson-Rubin set none"
    checks = [Check("weak_instrument", strong, note)]
    if over is not None:
        told = f"J = {over[0]:.2f} on {data.z.shape[1] - 1}, p = {over[1]:.3g}"
        checks.append(Check("overidentification", over[1] > 1 - level, told))
    if apart is not None:
        checks.append(Check("endogeneity", None, f"least squares says something else with p = {apart:.3g}"))
    if data.cluster is not None:
        checks.append(Check("clusters", data.clusters >= 30, f"{data.clusters} clusters; 30 are asked for"))
    return checks
