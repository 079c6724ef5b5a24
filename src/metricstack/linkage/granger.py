"""Whether one daily series helps to foretell another beyond its own past, asked both ways.

Foretelling is no causing: a third metric that moves first gives the same picture.
"""

from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from metricstack.core.errors import InvalidInput, UnknownName
from metricstack.core.show import Shown
from metricstack.core.values import Check, Estimate, Finding, Grade, Reason, Refusal
from metricstack.linkage.calendar import Events, calendar_of, emptied
from metricstack.linkage.series import Missing, read_series, refused, same
from metricstack.numerics.autoregression import fit_autoregression, lag_matrix
from metricstack.numerics.intervals import check_alpha

__all__ = ["Foretelling", "Granger", "Guard", "granger"]

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]
Guard = Literal["innovations", "augment", "difference", "none"]
_FEWEST = 30
_SPARE = 10
_NOTHING = 1e-9


@dataclass(frozen=True, slots=True)
class Foretelling:
    """One direction of the test.

    Args:
        statistic: F of the lags of the one in the regression of the other.
        p_value: Of no help.
        gain: Share of what was left unexplained that these lags explain (partial R²), a fraction.
        freedom: Degrees of freedom of F, above and below.
        days: Days that have all their lags.
    """

    statistic: float
    p_value: float
    gain: float
    freedom: tuple[int, int]
    days: int

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "statistic": self.statistic, "p_value": self.p_value, "gain": self.gain, "freedom": list(self.freedom),
            "days": self.days,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Granger(Shown):
    """Whether either series foretells the other.

    Args:
        forward: Whether x foretells y.
        backward: Whether y foretells x.
        lags: Days of both pasts.
        guard: How series without a fixed mean were guarded against.
        n: Days used.
        alpha: Accepted error of both directions together.
        checks: What was met on the way.
    """

    forward: Foretelling
    backward: Foretelling
    lags: int
    guard: Guard
    n: int
    alpha: float
    checks: tuple[Check, ...] = ()

    @property
    def direction(self) -> Literal["x foretells y", "y foretells x", "both", "none"]:
        """What is shown, each direction held to half of alpha."""
        forward, backward = (one.p_value <= self.alpha / 2 for one in (self.forward, self.backward))
        if forward and backward:
            return "both"
        return "x foretells y" if forward else "y foretells x" if backward else "none"

    @property
    def findings(self) -> tuple[Finding, ...]:
        """How much of the unexplained each direction explains; without an interval, since F gives none."""
        said = f"Granger F, {self.lags} days, p = "
        return tuple(
            Finding(
                f"Does {cause} foretell {effect}?", Estimate(one.gain, "fraction", self.n, f"{said}{one.p_value:.2g}"),
                subject=f"{cause} → {effect}", grade=Grade.D, checks=self.checks,
            )
            for cause, effect, one in (("x", "y", self.forward), ("y", "x", self.backward))
        )  # fmt: skip

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "kind": "granger", "forward": self.forward.to_dict(), "backward": self.backward.to_dict(),
            "lags": self.lags, "guard": self.guard, "n": self.n, "alpha": self.alpha, "direction": self.direction,
            "checks": [check.to_dict() for check in self.checks],
        }  # fmt: skip


def granger(
    x: ArrayLike,
    y: ArrayLike,
    *,
    lags: int | None = None,
    max_lags: int = 7,
    guard: Guard = "innovations",
    dates: ArrayLike | None = None,
    events: Events | None = None,
    trend: bool = True,
    alpha: float = 0.05,
    missing: Missing = "raise",
) -> Granger | Refusal:
    """Test whether the past of one series helps to foretell the other beyond its own, both ways.

    Args:
        x: One series, shape (n,), oldest first; or a pandas Series indexed by dates.
        y: The other, of the same days.
        lags: Days of both pasts; None takes the longer memory of the two (each one's own autoregression, Akaike).
        max_lags: Most days to choose, cut so that ten days are left beyond all terms.
        guard: Against series without a fixed mean, for which F is too large too often: ``"innovations"`` tests what is
            new in the one each day, beyond its own past; ``"augment"`` tests its lags, with one more lag of both that
            is not tested; ``"difference"`` tests day-to-day changes; ``"none"`` is the F of textbooks.
        dates: Day of each value; daily dates put weekdays into both regressions.
        events: Name → the dates it held, or a number per day.
        trend: Whether a straight trend is in both regressions.
        alpha: Accepted error of both directions together.
        missing: ``"raise"`` or ``"skip"`` missing days.

    Returns:
        Both directions; or a refusal: ``TOO_FEW_UNITS`` (fewer than 30 days, or ten beyond the terms),
        ``NO_VARIATION`` (also where one follows wholly from its own past).

    Raises:
        InvalidInput: lags below 1; see `read_series`.
        UnknownName: another guard.

    Source:
        Granger (1969), Econometrica 37, 424; F of least squares with the calendar's columns. Without a guard two
        unrelated random walks are "linked" twice as often as promised. Augmentation: Toda and Yamamoto (1995), J.
        Econometrics 66, 225: with one more lag than tested F keeps its distribution with and without a unit root, but
        not where levels shift. Lags are chosen from each series alone: chosen from both together, they are those at
        which the two happen to agree, and 5 % become 9 %.

    Derivation:
        Where a level shifts, no autoregression leaves y white, and lags of x that shift too still tell its level: the
        two are "linked" in 10 to 12 % of the time. What is new in x (its own autoregression after the calendar) has
        almost no level left, and regressors that are white and unrelated to y leave F its distribution whatever y
        remembers. That they were estimated costs nothing where nothing is linked. y keeps its own lags, and one more.

    Example:
        >>> x = np.cos(np.arange(60.0) ** 2)
        >>> y = np.append([0.0, 0.0], 3.0 * x[:-2]) + np.sin(np.arange(60.0) ** 2 / 3)
        >>> granger(x, y, lags=2).direction
        'x foretells y'
    """
    if guard not in get_args(Guard):
        raise UnknownName("guard", guard, get_args(Guard))
    for value, what in ((1 if lags is None else lags, "lags"), (max_lags, "most lags")):
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
            raise InvalidInput(f"The {what} are {value!r}; give a whole number of days, 1 or more.")
    check_alpha(alpha)
    found = read_series({"x": x, "y": y}, dates=dates, missing=missing)
    if refusal := refused(found, least=_FEWEST):
        return refusal
    calendar = calendar_of(found, events=events, trend=trend)
    values, tested, orders = {}, {}, [1]
    for name in ("x", "y"):
        left, rank = calendar.adjusted(found[name])
        if refusal := emptied(name, found[name], left, rank):
            return refusal
        if guard == "difference":
            left, values[name] = (np.append(np.nan, np.diff(series)) for series in (left, found[name]))
        else:
            values[name] = found[name] / float(np.nanstd(found[name]))
        past = fit_autoregression(left, max_order=max_lags)
        orders.append(past.order)
        tested[name] = values[name]
        if guard == "innovations":
            tested[name] = past.innovations / float(np.nanstd(left))
            if not float(np.nanstd(tested[name])) > _NOTHING:
                return Refusal(
                    Reason.NO_VARIATION, f"nothing is new in {name}: it follows from its own past",
                    "Ask of a metric that is measured.",
                )  # fmt: skip
    both = np.isfinite(values["x"]) & np.isfinite(values["y"])
    if both.sum() > 2 and (refusal := same(float(np.corrcoef(values["x"][both], values["y"][both])[0, 1]))):
        return refusal
    extra = 1 if guard in ("innovations", "augment") else 0
    lost = 1 + max(orders) if guard == "innovations" else 3 * extra
    space = (int(both.sum()) - calendar.columns.shape[1] - _SPARE - lost) // 3
    if (lags or 1) > space:
        return Refusal(
            Reason.TOO_FEW_UNITS, f"{int(both.sum())} days are too few for {lags or 1} lags of both and the calendar",
            "Ask for fewer lags, or wait for more days.",
        )  # fmt: skip
    chosen = int(lags) if lags else min(max(orders), space)
    held = {name: np.column_stack([calendar.columns, lag_matrix(values[name], chosen + extra)]) for name in values}
    if guard == "augment":
        held = {
            one: np.column_stack([held[one], lag_matrix(values[other], chosen + 1, first=chosen + 1)])
            for one, other in (("x", "y"), ("y", "x"))
        }
    forward = _foretells(lag_matrix(tested["x"], chosen), held["y"], values["y"])
    backward = _foretells(lag_matrix(tested["y"], chosen), held["x"], values["x"])
    if isinstance(forward, Refusal):
        return forward
    if isinstance(backward, Refusal):
        return backward
    guarded = {
        "innovations": "what is new each day is tested: holds for series that wander or shift in level",
        "augment": "one more lag of both, not tested: holds with and without a unit root; where levels shift it errs "
        ".12 of the time at .05",
        "difference": "day-to-day changes are tested",
        "none": "none: where days resemble the day before (autocorrelation .9) it errs .08 of the time at .05, "
        "for random walks .12",
    }[guard]
    checks = (
        Check("calendar", None, f"{', '.join(calendar.terms) or 'the mean'} held fixed"),
        Check("unit root guard", None if guard != "none" else False, guarded),
    )
    return Granger(forward, backward, chosen, guard, min(forward.days, backward.days), alpha, checks)


def _foretells(tested: Matrix, rest: Matrix, effect: Vector) -> Foretelling | Refusal:
    """Return F of the tested columns beside all else, on the days that have all of them."""
    from scipy.special import fdtrc

    there = np.isfinite(effect) & np.isfinite(tested).all(axis=1) & np.isfinite(rest).all(axis=1)
    tested, rest, outcome = tested[there], rest[there], effect[there]
    short, own = _squares(rest, outcome)
    full, rank = _squares(np.column_stack([rest, tested]), outcome)
    above, below = rank - own, len(outcome) - rank
    if above < 1 or below < _SPARE:
        return Refusal(
            Reason.TOO_FEW_UNITS, f"{len(outcome)} days have all lags, for {rank} terms; {_SPARE} more are needed",
            "Ask for fewer lags, or wait for more days without gaps.",
        )  # fmt: skip
    statistic = max(short - full, 0.0) / above / max(full / below, 1e-300)
    gain = max(1 - full / short, 0.0) if short > 0 else 0.0
    return Foretelling(statistic, float(fdtrc(above, below, statistic)), gain, (above, below), len(outcome))


def _squares(columns: Matrix, y: Vector) -> tuple[float, int]:
    coefficients, _, rank, _ = np.linalg.lstsq(columns, y, rcond=1e-10)
    left = y - columns @ coefficients
    return float(left @ left), int(rank)
