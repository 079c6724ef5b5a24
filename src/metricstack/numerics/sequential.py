"""The path of a z-statistic that is looked at several times: when it first leaves its bounds, and with what chance.

At information fraction t (information so far over information at the end) the score ``s = z sqrt(t)`` is a Brownian
motion: its steps are independent and normal with mean ``drift * step`` and variance ``step``, where the drift is the
mean of z at the end. The density of paths that have not stopped is carried from look to look by quadrature.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from metricstack.core.errors import InvalidInput, UnknownName

__all__ = [
    "SPENDING",
    "Exits",
    "beyond",
    "drift_for_power",
    "efficacy_bounds",
    "exits",
    "futility_bounds",
    "information_fractions",
    "spent",
]

Vector = NDArray[np.float64]

SPENDING = ("obrien_fleming", "pocock", "power", "hwang_shih_decani")
"""Families of spending functions by name."""
_FAR = 9.0  # standard deviations beyond which a path is not followed: 1e-19 of them
_NEAREST = 0.001  # looks closer than this share of the information are one look


@cache
def _legendre() -> tuple[Vector, Vector]:
    nodes, weights = np.polynomial.legendre.leggauss(10)
    return np.asarray(nodes), np.asarray(weights)


@dataclass(frozen=True, eq=False)
class Exits:
    """Chances that a path leaves first at each look.

    Args:
        above: Through the upper bound, shape (looks,).
        below: Through the lower bound, shape (looks,).
    """

    above: Vector
    below: Vector


@dataclass(frozen=True, eq=False)
class _Paths:
    """Density of the paths that go on: nodes, and weight × density at each, after information ``time``."""

    score: Vector
    mass: Vector
    time: float
    step: float


def information_fractions(looks: int | Sequence[float]) -> Vector:
    """Return the information fractions of looks: so many at equal distances, or those given.

    Args:
        looks: How many looks, or their information fractions in (0, 1], increasing.

    Raises:
        InvalidInput: no look, more than 200, fractions outside (0, 1] or less than 0.001 apart.

    Example:
        >>> information_fractions(4)
        array([0.25, 0.5 , 0.75, 1.  ])
    """
    if isinstance(looks, bool | str) or not isinstance(looks, int | Sequence | np.ndarray | np.integer):
        raise InvalidInput(f"The looks {looks!r} are neither a number of looks nor their information fractions.")
    if isinstance(looks, int | np.integer):
        if not 1 <= looks <= 200:
            raise InvalidInput(f"A design of {looks} looks; between 1 and 200 can be planned.")
        return np.arange(1, int(looks) + 1) / int(looks)
    fractions = np.asarray(looks, dtype=np.float64)
    if fractions.ndim != 1 or not 1 <= len(fractions) <= 200 or not np.isfinite(fractions).all():
        raise InvalidInput("Information fractions are a list of 1 to 200 finite numbers.")
    if fractions[0] < _NEAREST or fractions[-1] > 1 or (np.diff(fractions) < _NEAREST * (1 - 1e-9)).any():
        raise InvalidInput(
            f"The information fractions {fractions.tolist()} must increase within (0, 1], at least {_NEAREST} apart. "
            "Divide the information at each look by that at the last one planned."
        )
    return fractions


def spent(name: str, fractions: Vector, *, total: float, shape: float | None = None) -> Vector:
    """Return how much of an error rate has been spent by each information fraction.

    Args:
        name: One of `SPENDING`.
        fractions: Information fractions in (0, 1].
        total: The whole rate, of one side, in (0, 1).
        shape: Exponent of the power family (3 where None, near to O'Brien-Fleming; 1 spends evenly), or gamma of
            Hwang, Shih and DeCani (-4 where None; 1 is near to Pocock).

    Raises:
        UnknownName: the family is not known.
        InvalidInput: an exponent that is not positive.

    Source:
        Lan and DeMets (1983), Biometrika 70: ``2 - 2 Phi(z / sqrt(t))`` with z the upper
        ``total / 2`` quantile, and ``total log(1 + (e - 1) t)``. Kim and DeMets (1987): ``total t**shape``.
        Hwang, Shih and DeCani (1990): ``total (1 - exp(-shape t)) / (1 - exp(-shape))``.

    Example:
        >>> spent("power", np.array([0.5, 1.0]), total=0.025, shape=1.0)
        array([0.0125, 0.025 ])
    """
    from scipy.special import ndtr, ndtri

    if name == "obrien_fleming":
        return np.asarray(2 * ndtr(ndtri(total / 2) / np.sqrt(fractions)), dtype=np.float64)
    if name == "pocock":
        return total * np.log1p((math.e - 1) * fractions)
    if name == "power":
        exponent = 3.0 if shape is None else shape
        if not (math.isfinite(exponent) and exponent > 0):
            raise InvalidInput(f"The exponent {exponent} of the power family is not above 0; 1 to 3 is usual.")
        return total * fractions**exponent
    if name == "hwang_shih_decani":
        gamma = -4.0 if shape is None else shape
        if not math.isfinite(gamma) or abs(gamma) > 100:
            raise InvalidInput(f"The gamma {gamma} of Hwang, Shih and DeCani is outside [-100, 100]; -4 is usual.")
        return total * (fractions if gamma == 0 else np.expm1(-gamma * fractions) / math.expm1(-gamma))
    raise UnknownName("spending function", name, SPENDING)


def _start() -> _Paths:
    return _Paths(np.zeros(1), np.ones(1), 0.0, 0.0)


def _above(paths: _Paths, score: float, time: float, drift: float) -> float:
    """Return the chance of going on until ``time`` and being at or above ``score`` then."""
    from scipy.special import ndtr

    step = time - paths.time
    return float(paths.mass @ ndtr((paths.score + drift * step - score) / math.sqrt(step)))


def _onward(paths: _Paths, bounds: tuple[float, float], time: float, after: float | None, drift: float) -> _Paths:
    """Carry the paths to ``time``, keeping those strictly between two scores; ``after`` is the step that follows."""
    low, high = bounds
    step = time - paths.time
    spread = _FAR * math.sqrt(time)
    low, high = max(low, drift * time - spread), min(high, drift * time + spread)
    if not low < high:
        return _Paths(np.zeros(1), np.zeros(1), time, step)
    # Panels of two standard deviations of the narrower step: what is integrated is as smooth as that.
    width = 2 * math.sqrt(min(step, step if after is None else after))
    panels = max(math.ceil((high - low) / width), 4)
    nodes, weights = _legendre()
    half = (high - low) / panels / 2
    middles = low + half * (2 * np.arange(panels) + 1)
    score = (middles[:, None] + half * nodes).ravel()
    distance = (score[:, None] - paths.score - drift * step) / math.sqrt(step)
    density = np.exp(-0.5 * distance**2) @ paths.mass / math.sqrt(2 * math.pi * step)
    return _Paths(score, np.tile(half * weights, panels) * density, time, step)


def _step_after(fractions: Vector, look: int) -> float | None:
    return float(fractions[look + 1] - fractions[look]) if look + 1 < len(fractions) else None


def exits(fractions: Vector, upper: Vector, lower: Vector | None = None, *, drift: float = 0.0) -> Exits:
    """Give the chances that z first leaves its bounds at each look.

    Args:
        fractions: Information fractions, shape (looks,), increasing.
        upper: Upper bounds of z, shape (looks,), ``inf`` where there is none.
        lower: Lower bounds of z, ``-inf`` where there is none; None for none at all.
        drift: Mean of z at information fraction 1.

    Source:
        Armitage, McPherson and Rowe (1969), JRSS A 132; Jennison and Turnbull (2000), *Group Sequential
        Methods*, section 19.2. Gauss-Legendre quadrature in place of Simpson's rule.

    Example:
        >>> twice = exits(np.array([0.5, 1.0]), np.full(2, 1.96), np.full(2, -1.96))
        >>> round(float((twice.above + twice.below).sum()), 4)  # two looks at 5 % each
        0.0831
    """
    lower = np.full(len(fractions), -np.inf) if lower is None else lower
    above, below = np.zeros(len(fractions)), np.zeros(len(fractions))
    paths = _start()
    for look, time in enumerate(fractions):
        high, low = float(upper[look] * math.sqrt(time)), float(lower[look] * math.sqrt(time))
        above[look] = _above(paths, high, time, drift)
        below[look] = _above(_mirrored(paths), -low, time, -drift)
        paths = _onward(paths, (low, high), time, _step_after(fractions, look), drift)
    return Exits(above, below)


def _mirrored(paths: _Paths) -> _Paths:
    return _Paths(-paths.score, paths.mass, paths.time, paths.step)


def efficacy_bounds(fractions: Vector, spending: Vector, *, sided: int) -> Vector:
    """Find the upper bounds of z that spend a given error of one side, look by look, where there is no effect.

    Args:
        fractions: Information fractions, shape (looks,), increasing.
        spending: Error of one side spent by each look, shape (looks,), increasing.
        sided: 2 where paths below the negative bound stop as well, else 1.

    Returns:
        The bounds, ``inf`` where less than 1e-15 is spent at a look.

    Example:
        >>> times = np.array([0.5, 1.0])
        >>> efficacy_bounds(times, spent("obrien_fleming", times, total=0.025), sided=2).round(3)
        array([2.963, 1.969])
    """
    from scipy.optimize import brentq

    bounds = np.full(len(fractions), np.inf)
    paths, before = _start(), 0.0
    for look, time in enumerate(fractions):
        share = float(spending[look]) - before
        before = float(spending[look])
        root = math.sqrt(time)
        if share > 1e-15:
            now, at = paths, float(time)

            def excess(z: float, now: _Paths = now, at: float = at, share: float = share) -> float:
                return _above(now, z * math.sqrt(at), at, 0.0) - share

            bounds[look] = brentq(excess, -_FAR, _FAR, xtol=1e-10) if excess(_FAR) < 0 else _FAR
        high = float(bounds[look] * root)
        onto = (-high if sided == 2 else -math.inf, high)
        paths = _onward(paths, onto, time, _step_after(fractions, look), 0.0)
    return bounds


def drift_for_power(fractions: Vector, upper: Vector, power: float, *, lower: Vector | None = None) -> float:
    """Find the mean of z at the end at which the upper bounds are crossed with a given chance.

    Args:
        fractions: Information fractions.
        upper: Upper bounds of z.
        power: The chance, above that without effect and below 1.
        lower: Lower bounds of z at which paths stop, None for none.

    Example:
        >>> drift = drift_for_power(np.array([1.0]), np.array([1.959964]), 0.8)
        >>> round(drift, 4)  # 1.959964 + 0.841621
        2.8016
    """
    from scipy.optimize import brentq

    def lacking(drift: float) -> float:
        return float(exits(fractions, upper, lower, drift=drift).above.sum()) - power

    return float(brentq(lacking, 0.0, 15.0 / math.sqrt(float(fractions[-1])), xtol=1e-9))


def futility_bounds(fractions: Vector, upper: Vector, spending: Vector) -> tuple[Vector, float]:
    """Find lower bounds that spend the chance of missing a true effect, and the drift of that effect.

    The drift is the one at which bounds above and below meet at the last look. The upper bounds stay as they are,
    made for paths that go on below: the lower ones may be overruled without harm (they are not binding).

    Args:
        fractions: Information fractions, the last one 1.
        upper: Upper bounds of z.
        spending: Chance of stopping below, where the effect is true, spent by each look; the last is 1 - power.

    Returns:
        Lower bounds of z, shape (looks,), and the drift.

    Source:
        Pampallona, Tsiatis and Kim (2001), Drug Information Journal 35, with upper bounds held.
    """
    from scipy.optimize import brentq

    def lower_at(drift: float) -> tuple[Vector, float]:
        lower = np.full(len(fractions), -np.inf)
        paths, before, found = _start(), 0.0, 0.0
        for look, time in enumerate(fractions):
            at, root, high = float(time), math.sqrt(time), float(upper[look])
            share, before = float(spending[look]) - before, float(spending[look])
            now = paths

            def excess(z: float, now: _Paths = now, at: float = at, share: float = share) -> float:
                return _above(_mirrored(now), -z * math.sqrt(at), at, -drift) - share

            top, bottom = min(high, drift * root + _FAR), drift * root - _FAR
            if look == len(fractions) - 1 or excess(top) < 0:
                lower[look] = high
            elif excess(bottom) < 0:
                lower[look] = brentq(excess, bottom, top, xtol=1e-10)
            found += _above(now, high * root, at, drift)
            onto = (float(lower[look] * root), high * root)
            paths = _onward(paths, onto, at, _step_after(fractions, look), drift)
        return lower, found

    power = 1 - float(spending[-1])
    drift = float(brentq(lambda value: lower_at(value)[1] - power, 0.0, 15.0, xtol=1e-9))
    return lower_at(drift)[0], drift


def beyond(fractions: Vector, upper: Vector, look: int, z: float, *, drift: float, sided: int) -> float:
    """Return the chance of a result at least as high as this one, earlier exits counting as further out.

    Args:
        fractions: Information fractions.
        upper: Upper bounds of z; with ``sided`` 2 the lower ones are their negatives.
        look: The look at which it stopped, 0 for the first.
        z: The z-statistic there.
        drift: Mean of z at information fraction 1.
        sided: 1 or 2.

    Source:
        Tsiatis, Rosner and Mehta (1984), Biometrics 40: stage-wise ordering.
    """
    bounds = upper.copy()
    bounds[look] = z
    lower = -upper if sided == 2 else None
    left = exits(fractions[: look + 1], bounds[: look + 1], None if lower is None else lower[: look + 1], drift=drift)
    return min(float(left.above.sum()), 1.0)
