"""Effects of many groups at once: moments of arms in, arrays out; the same numbers as one group's functions give.

Ten thousand comparisons (metrics × segments × arms) take milliseconds instead of seconds. `welch`, `relative_lift`,
`ratio_difference` and `cuped` say more of each, checks among it, and are what this is held against.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, get_args

import numpy as np
from numpy.typing import NDArray

from metricstack.core.errors import InvalidInput, UnknownName
from metricstack.core.values import Moments, Reason
from metricstack.experiments.arms import ROUNDING
from metricstack.experiments.lift import LiftMethod
from metricstack.numerics.intervals import check_level, t_quantile
from metricstack.numerics.many import Spreads, combined, p_values, t_quantiles

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Effects", "Groups", "effects"]

Vector = NDArray[np.float64]
Flags = NDArray[np.bool_]
_REASONS = tuple(Reason)
_NONE = -1
_LARGEST = 600.0  # exp() of more is hardly a number


@dataclass(frozen=True, eq=False)
class Groups:
    """Moments of one arm in many groups.

    Args:
        n: Units of each, shape (groups,), float64.
        means: Means of the k variables, shape (groups, k), float64, finite.
        cross: Centred cross-products, shape (groups, k, k), float64, finite.
        names: Names of the variables.

    Raises:
        InvalidInput: shapes that do not fit, values that are not finite, a negative n or variance.
    """

    n: Vector
    means: Vector
    cross: Vector
    names: tuple[str, ...] = ("value",)

    def __post_init__(self) -> None:
        n, means, cross = (np.asarray(part, dtype=np.float64) for part in (self.n, self.means, self.cross))
        groups, k = n.size, len(self.names)
        if n.shape != (groups,) or means.shape != (groups, k) or cross.shape != (groups, k, k):
            raise InvalidInput(
                f"Groups of {k} variables need n of shape (groups,), means (groups, {k}) and cross-products "
                f"(groups, {k}, {k}); got {n.shape}, {means.shape} and {cross.shape}."
            )
        if not (np.isfinite(n).all() and np.isfinite(means).all() and np.isfinite(cross).all()):
            raise InvalidInput("Groups hold a value that is not finite. Leave missing observations out of the sums.")
        if (n < 0).any() or (np.diagonal(cross, axis1=1, axis2=2) < 0).any():
            raise InvalidInput("Groups hold a negative number of units or a negative variance; both are 0 or more.")
        for name, part in (("n", n), ("means", means), ("cross", cross)):
            object.__setattr__(self, name, part)

    @classmethod
    def of(cls, moments: Iterable[Moments]) -> "Groups":
        """Stack moments of the same variables.

        Example:
            >>> Groups.of([Moments.of(10, 1.0, 4.0), Moments.of(20, 2.0, 4.0)]).means
            array([[1.],
                   [2.]])
        """
        parts = list(moments)
        names = {part.names for part in parts}
        if len(names) != 1:
            raise InvalidInput(
                f"Groups are moments of the same variables, one at least; got {sorted(names) or 'none'}."
            )
        return cls(
            np.array([part.n for part in parts], dtype=np.float64),
            np.array([part.means for part in parts]),
            np.array([part.cross for part in parts]),
            names.pop(),
        )

    @classmethod
    def of_variances(cls, n: Vector, mean: Vector, variance: Vector) -> "Groups":
        """Stack the moments of one variable from sample means and variances (divisor n - 1).

        Example:
            >>> Groups.of_variances(np.array([400.0]), np.array([10.0]), np.array([4.0])).cross
            array([[[1596.]]])
        """
        n, mean, variance = (np.asarray(part, dtype=np.float64) for part in (n, mean, variance))
        return cls(n, mean[:, None], (variance * np.maximum(n - 1, 0))[:, None, None])

    def place(self, name: str) -> int:
        """Return the place of a variable, or raise `UnknownName`."""
        if name not in self.names:
            raise UnknownName("variable", name, self.names)
        return self.names.index(name)


@dataclass(frozen=True, eq=False)
class Effects:
    """Effects of many groups; every array has the shape (groups,), and NaN exactly where ``refused``.

    Args:
        value: Treatment minus control, or that as a fraction of the control's size.
        low: Lower bounds.
        high: Upper bounds.
        p_value: Two-sided p-values of no difference.
        standard_error: Of the difference; NaN throughout where the interval comes from no single one.
        freedom: Degrees of freedom.
        n: Units of both arms, int64.
        reasons: Why a group has no effect; None where it has one.
        level: Level of the intervals.
    """

    value: Vector
    low: Vector
    high: Vector
    p_value: Vector
    standard_error: Vector
    freedom: Vector
    n: NDArray[np.int64]
    reasons: tuple[Reason | None, ...]
    level: float

    @property
    def refused(self) -> Flags:
        """Which groups have no effect."""
        return np.isnan(self.value)

    def to_pandas(self) -> "pd.DataFrame":
        """Return one row per group; what is refused is missing, beside its reason."""
        import pandas as pd

        columns = ("value", "low", "high", "p_value", "standard_error", "freedom")
        found = pd.DataFrame({name: pd.array(getattr(self, name), dtype="Float64") for name in columns})
        return found.assign(n=pd.array(self.n, dtype="Int64"), reason=pd.array(self.reasons, dtype="string"))


def effects(
    *,
    control: Groups | Sequence[Moments],
    treatment: Groups | Sequence[Moments],
    outcome: str | None = None,
    denominator: str | None = None,
    covariates: str | Sequence[str] = (),
    relative: bool = False,
    method: LiftMethod = "fieller",
    level: float = 0.95,
) -> Effects:
    """Estimate what a treatment did in many groups: of means, of ratios of means, adjusted by covariates or not.

    Group by group it is `welch` or `relative_lift`; with a denominator `ratio_difference`; with covariates `cuped`,
    whose checks of the covariates it does not make.

    Args:
        control: The control arm in each group.
        treatment: The treatment arm in the same groups, in the same order.
        outcome: Name of the outcome (of a ratio: its numerator), the first variable by default.
        denominator: Name of the denominator, for a ratio of means.
        covariates: Names of covariates measured before the first exposure; none by default.
        relative: As fractions of the control's size.
        method: How a relative interval is made: ``"fieller"``, ``"log_delta"`` or ``"delta"``.
        level: Two-sided confidence level, a fraction in (0, 1).

    Returns:
        The effects; a group that cannot be answered carries the reason that the scalar function gives.

    Raises:
        InvalidInput: groups of other variables or another number in the arms, a level outside (0, 1), an outcome
            that is its own denominator or covariate.
        UnknownName: a variable or a method that is not there.

    Source:
        As in `welch`, `relative_lift`, `ratio_difference` and `cuped`.

    Example:
        >>> a = Groups.of([Moments.of(400, 10.0, 4.0), Moments.of(1, 10.0, 0.0)])
        >>> b = Groups.of([Moments.of(400, 10.5, 4.0), Moments.of(9, 10.0, 4.0)])
        >>> found = effects(control=a, treatment=b)
        >>> found.value.round(3), found.p_value.round(5), str(found.reasons[1])
        (array([0.5, nan]), array([0.00043,     nan]), 'too_few_units')
    """
    check_level(level)
    if method not in get_args(LiftMethod):
        raise UnknownName("method", method, get_args(LiftMethod))
    both = tuple(arm if isinstance(arm, Groups) else Groups.of(arm) for arm in (control, treatment))
    a, b = both
    if a.names != b.names or len(a.n) != len(b.n):
        raise InvalidInput(
            f"The control has {len(a.n)} groups of {a.names}, the treatment {len(b.n)} of {b.names}; give both alike."
        )
    top = 0 if outcome is None else a.place(outcome)
    below = None if denominator is None else a.place(denominator)
    at = [a.place(name) for name in ((covariates,) if isinstance(covariates, str) else covariates)]
    if top == below or top in at or below in at or len(set(at)) < len(at):
        raise InvalidInput(
            f"Outcome {a.names[top]!r}, denominator {denominator!r} and covariates {covariates!r} must differ."
        )
    told = np.full(len(a.n), _NONE, dtype=np.int8)
    _refuse(told, (a.n == 0) | (b.n == 0), Reason.NO_DATA)
    _refuse(told, np.minimum(a.n, b.n) < 2, Reason.TOO_FEW_UNITS)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        sides = tuple(_side(arm, top, below, level, told) for arm in both)
        arms = _adjusted(sides, at) if at else _independent(sides)
        return _lift(arms, told, method, level) if relative else _difference(arms, told, level)


@dataclass(frozen=True, eq=False)
class _Side:
    """One arm's values and the weights of the variables whose sum is linear in them, shape (groups, k)."""

    groups: Groups
    value: Vector
    weights: Vector

    @property
    def n(self) -> Vector:
        return self.groups.n

    def spread(self, weights: Vector) -> Spreads:
        """Variances of the mean of a weighted sum, 0 where what is left of them is only rounding."""
        terms = weights[:, :, None] * weights[:, None, :] * self.groups.cross
        total, size = terms.sum(axis=(1, 2)), np.abs(terms).sum(axis=(1, 2))
        variance = np.where(total > 64 * ROUNDING * size, total / np.maximum(self.n - 1, 1), 0.0)
        return Spreads(variance / self.n, self.n - 1)


@dataclass(frozen=True, eq=False)
class _Arms:
    """`arms.Arms` of many groups."""

    control: Vector
    treatment: Vector
    variance_control: Vector
    variance_treatment: Vector
    covariance: Vector
    freedom: Vector
    n: Vector

    def contrast_error(self, ratio: Vector | float) -> Vector:
        parts = self.variance_treatment, ratio * ratio * self.variance_control, -2 * ratio * self.covariance
        variance = parts[0] + parts[1] + parts[2]
        size = np.maximum(np.maximum(np.abs(parts[0]), np.abs(parts[1])), np.abs(parts[2]))
        scale = ROUNDING**2 * ((ratio * self.control) ** 2 + self.treatment**2) + ROUNDING * size
        return np.where(variance > scale, np.sqrt(np.maximum(variance, 0.0)), 0.0)


def _refuse(told: NDArray[np.int8], where: Flags, reason: Reason) -> None:
    """Note a reason for the groups that have none yet: the first one counts."""
    told[where & (told == _NONE)] = _REASONS.index(reason)


def _side(arm: Groups, top: int, below: int | None, level: float, told: NDArray[np.int8]) -> _Side:
    weights = np.zeros(arm.means.shape)
    value = arm.means[:, top]
    if below is None:
        weights[:, top] = 1.0
        return _Side(arm, value, weights)
    divisor = arm.means[:, below]
    error = np.sqrt(arm.cross[:, below, below] / np.maximum(arm.n - 1, 1) / arm.n)
    _refuse(told, divisor == 0, Reason.UNDEFINED_RATIO)
    _refuse(told, np.abs(divisor) <= t_quantile(level, np.inf) * error, Reason.MEAN_TOO_CLOSE_TO_ZERO)
    value = value / divisor
    weights[:, top] = 1 / divisor
    weights[:, below] = -value / divisor
    return _Side(arm, value, weights)


def _independent(sides: Sequence[_Side]) -> _Arms:
    a, b = sides
    spreads = [side.spread(side.weights) for side in sides]
    freedom = combined(spreads).freedom
    return _Arms(
        a.value, b.value, spreads[0].variance, spreads[1].variance, np.zeros(len(a.n)), freedom, a.n + b.n
    )  # fmt: skip


def _adjusted(sides: Sequence[_Side], at: Sequence[int]) -> _Arms:
    """Take the covariates off, as `adjustment.arms_cuped` derives."""
    a, b = sides
    n = a.n + b.n
    within = [side.groups.cross[:, at][:, :, at] for side in sides]
    shared = [np.einsum("gij,gj->gi", side.groups.cross, side.weights)[:, at] for side in sides]
    theta, rank = _solved(within[0] + within[1], shared[0] + shared[1])
    means = [side.groups.means[:, at] for side in sides]
    common = (a.n[:, None] * means[0] + b.n[:, None] * means[1]) / n[:, None]
    inside = [
        np.einsum("gi,gij,gj->g", theta, one, theta) / np.maximum(side.n - 1, 1)
        for one, side in zip(within, sides, strict=True)
    ]
    shift = (inside[0] * a.n + inside[1] * b.n) / n**2
    values, own, joint = [], [], []
    for side, one, both, mean in zip(sides, within, shared, means, strict=True):
        weights = side.weights.copy()
        weights[:, at] -= theta
        own.append(side.spread(weights))
        left = both - np.einsum("gij,gj->gi", one, theta)
        joint.append((left * theta).sum(axis=1) / np.maximum(side.n - 1, 1) / n)
        values.append(side.value - (theta * (mean - common)).sum(axis=1))
    freedom = combined(own).freedom * np.maximum(n - 2 - rank, 1) / np.maximum(n - 2, 1)
    return _Arms(
        values[0],
        values[1],
        own[0].variance + 2 * joint[0] + shift,
        own[1].variance + 2 * joint[1] + shift,
        joint[0] + joint[1] + shift,
        freedom,
        n,
    )


def _solved(within: Vector, shared: Vector) -> tuple[Vector, Vector]:
    """Solve for each group's coefficients; a covariate that does not vary gets none, twins share."""
    size = np.sqrt(np.diagonal(within, axis1=1, axis2=2))
    scale = np.where(size > 0, size, 1.0)
    if within.shape[1] == 1:  # a square matrix of one needs no decomposition
        return np.where(size > 0, shared / scale / scale, 0.0), (size[:, 0] > 0).astype(np.float64)
    standard = np.nan_to_num(within / (scale[:, :, None] * scale[:, None, :]))
    inverse = np.linalg.pinv(standard, rcond=1e-10, hermitian=True)
    rank = np.asarray(np.linalg.matrix_rank(standard, tol=1e-10, hermitian=True), dtype=np.float64)
    return np.einsum("gij,gj->gi", inverse, shared / scale) / scale, rank


def _difference(arms: _Arms, told: NDArray[np.int8], level: float) -> Effects:
    error = arms.contrast_error(1.0)
    _refuse(told, ~(error > 0), Reason.NO_VARIATION)
    value, reach = arms.treatment - arms.control, _reach(arms, told, level) * error
    return _effects(arms, told, level, value=value, bounds=(value - reach, value + reach), error=error)


def _lift(arms: _Arms, told: NDArray[np.int8], method: LiftMethod, level: float) -> Effects:
    _refuse(told, ~(arms.contrast_error(1.0) > 0), Reason.NO_VARIATION)
    reach = _reach(arms, told, level)
    square = reach**2
    first = arms.control**2 - square * arms.variance_control
    _refuse(told, ~(first > 0), Reason.MEAN_TOO_CLOSE_TO_ZERO)
    ratio, size = arms.treatment / arms.control, np.abs(arms.control)
    contrast = arms.contrast_error(ratio)
    _refuse(told, ~(contrast > 0), Reason.NO_VARIATION)
    value, error = (arms.treatment - arms.control) / size, np.full(len(size), np.nan)
    if method == "fieller":
        middle = arms.control * arms.treatment - square * arms.covariance
        last = arms.treatment**2 - square * arms.variance_treatment
        root = np.sqrt(np.maximum(middle**2 - first * last, 0.0))
        low, high = (middle - root) / first - 1, (middle + root) / first - 1
        low, high = np.where(arms.control < 0, -high, low), np.where(arms.control < 0, -low, high)
    elif method == "delta":
        error = contrast / size
        low, high = value - reach * error, value + reach * error
    else:
        _refuse(told, ~(np.minimum(arms.control, arms.treatment) > 0), Reason.UNDEFINED_RATIO)
        step = reach * contrast / arms.treatment
        low = np.expm1(np.log(ratio) - step)
        high = np.where(step < _LARGEST, np.expm1(np.log(ratio) + np.minimum(step, _LARGEST)), np.inf)
    return _effects(arms, told, level, value=value, bounds=(low, high), error=error)


def _reach(arms: _Arms, told: NDArray[np.int8], level: float) -> Vector:
    return t_quantiles(level, np.where(told == _NONE, arms.freedom, np.inf))


def _effects(
    arms: _Arms, told: NDArray[np.int8], level: float, *, value: Vector, bounds: tuple[Vector, Vector], error: Vector
) -> Effects:
    kept = told == _NONE
    p = p_values(arms.treatment - arms.control, arms.contrast_error(1.0), np.where(kept, arms.freedom, np.inf))
    names = (*_REASONS, None)

    def shown(numbers: Vector) -> Vector:
        return np.where(kept, numbers, np.nan)

    return Effects(
        value=shown(value),
        low=shown(bounds[0]),
        high=shown(bounds[1]),
        p_value=shown(p),
        standard_error=shown(error),
        freedom=shown(arms.freedom),
        n=arms.n.astype(np.int64),
        reasons=tuple(names[code] for code in told.tolist()),
        level=level,
    )
