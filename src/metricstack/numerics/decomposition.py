"""Why a sum over sums moved: the effects of each group's rate, of its share, of groups that came and went.

Every effect is at the midpoint of both orders of change (Shapley's value of two factors), so that nothing
depends on which factor is moved first, effects add up exactly, and swapping the windows negates each.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from metricstack.core.errors import InvalidInput

__all__ = ["KINDS", "Effects", "ratio_effects", "total_effects"]

Array = NDArray[np.float64]
Sums = tuple[Array, Array]
"""Numerators and denominators, of shape (2, groups) or (2, units, groups); before stands first, after second."""

KINDS = ("rate", "mix", "volume", "new", "vanished")
"""The parts of a change, in the order of `Effects`' rows."""
_RATE, _MIX, _VOLUME, _NEW, _VANISHED = range(5)


@dataclass(frozen=True, eq=False)
class Effects:
    """Effects by kind and group, and what each unit adds to them.

    Args:
        values: Shape (5, groups), a row for each of `KINDS`; they add up to the change.
        units: For each family of units, its linearised contributions, shape (5, units, groups).
        undefined: Groups in both windows whose rate has no value in one of them; all they change is under
            rate. Shape (groups,), bool.
        share: Each group's part of the whole, in the mean of both windows, shape (groups,).
        reversed_: Every group's rate moved one way and the whole the other (Simpson's reversal).
    """

    values: Array
    units: tuple[Array, ...]
    undefined: NDArray[np.bool_]
    share: Array
    reversed_: bool = False

    def plus(self, other: "Effects") -> "Effects":
        """Add the effects of another term of the same formula, over the same groups and units."""
        added = tuple(a + b for a, b in zip(self.units, other.units, strict=True))
        return Effects(self.values + other.values, added, self.undefined | other.undefined, self.share)

    def times(self, factor: float) -> "Effects":
        """Scale all effects by a number."""
        return replace(self, values=self.values * factor, units=tuple(a * factor for a in self.units))


def _over(top: Array, bottom: Array) -> Array:
    """Divide, 0 where the denominator is."""
    return np.divide(top, bottom, out=np.zeros(np.broadcast(top, bottom).shape), where=bottom != 0)


def _check(top: Array, bottom: Array) -> None:
    if top.shape != bottom.shape or top.ndim != 2 or top.shape[0] != 2:
        raise InvalidInput(f"Sums of two windows have shape (2, groups), not {top.shape} and {bottom.shape}.")


def ratio_effects(top: Array, bottom: Array, units: Sequence[Sums] = ()) -> Effects:
    """Decompose the change of a ratio of sums, R = Σ top / Σ bottom, by group.

    With a group's rate ``r = top / bottom`` and share ``s = bottom / Σ bottom``, R is ``Σ s r``. For a group in
    both windows the *rate* effect is ``mean(s) Δr`` and the *mix* effect ``(mean(r) − c) Δs``, where c is the
    mean of R before and after: a group better than the whole helps as it grows. Shares add up to one, so that
    c changes no sum. A *new* group adds ``s (r − c)``, a *vanished* one takes that away.

    Args:
        top: Numerators, shape (2, groups): before, after.
        bottom: Denominators, shape (2, groups); each row's sum is not 0.
        units: For each family of units their parts of both, shapes (2, units, groups).

    Raises:
        InvalidInput: the shapes differ, or a denominator's sum is 0.

    Derivation:
        ``s1 r1 - s0 r0 = (s0 + s1)/2 (r1 - r0) + (r0 + r1)/2 (s1 - s0)`` for any numbers; summed over groups
        the left side is the change of R, and ``c Σ (s1 - s0) = 0`` may be taken from the right.

    Example:
        >>> found = ratio_effects(np.array([[10.0, 40.0], [27.0, 9.0]]), np.array([[50.0, 50.0], [90.0, 10.0]]))
        >>> found.values[:2].sum(axis=1).round(3).tolist(), found.reversed_
        ([0.1, -0.24], True)
    """
    _check(top, bottom)
    whole = bottom.sum(axis=1)
    if not whole.all():
        raise InvalidInput("The denominators of a window add up to 0: its ratio has no value, so nothing to explain.")
    share, rate, part = bottom / whole[:, None], _over(top, bottom), top / whole[:, None]
    ratio = top.sum(axis=1) / whole
    middle = ratio.mean()
    seen = (top != 0) | (bottom != 0)
    both, new, vanished = seen[0] & seen[1], seen[1] & ~seen[0], seen[0] & ~seen[1]
    undefined = both & (bottom == 0).any(axis=0)
    plain = both & ~undefined
    moved = part - middle * share
    values = np.zeros((len(KINDS), top.shape[1]))
    values[_RATE] = np.where(plain, share.mean(axis=0) * (rate[1] - rate[0]), 0.0)
    values[_MIX] = np.where(plain, (rate.mean(axis=0) - middle) * (share[1] - share[0]), 0.0)
    values[_RATE] += np.where(undefined, moved[1] - moved[0], 0.0)
    values[_NEW], values[_VANISHED] = np.where(new, moved[1], 0.0), np.where(vanished, -moved[0], 0.0)

    families = []
    for unit_top, unit_bottom in units:
        d_whole = unit_bottom.sum(axis=2)[:, :, None]
        d_share = (unit_bottom - share[:, None, :] * d_whole) / whole[:, None, None]
        d_rate = _over(unit_top - rate[:, None, :] * unit_bottom, np.broadcast_to(bottom[:, None, :], unit_top.shape))
        d_part = (unit_top - part[:, None, :] * d_whole) / whole[:, None, None]
        d_ratio = (unit_top.sum(axis=2)[:, :, None] - ratio[:, None, None] * d_whole) / whole[:, None, None]
        d_middle = d_ratio.mean(axis=0)
        d_moved = d_part - d_middle * share[:, None, :] - middle * d_share
        found = np.zeros((len(KINDS), *unit_top.shape[1:]))
        found[_RATE] = np.where(
            plain,
            d_share.mean(axis=0) * (rate[1] - rate[0]) + share.mean(axis=0) * (d_rate[1] - d_rate[0]),
            np.where(undefined, d_moved[1] - d_moved[0], 0.0),
        )
        mixed = (d_rate.mean(axis=0) - d_middle) * (share[1] - share[0])
        mixed = mixed + (rate.mean(axis=0) - middle) * (d_share[1] - d_share[0])
        found[_MIX] = np.where(plain, mixed, 0.0)
        found[_NEW], found[_VANISHED] = np.where(new, d_moved[1], 0.0), np.where(vanished, -d_moved[0], 0.0)
        families.append(found)

    steps, whole_step = (rate[1] - rate[0])[plain], ratio[1] - ratio[0]
    against = bool(plain.sum() > 1 and whole_step != 0 and np.all(steps * whole_step < 0))
    return Effects(values, tuple(families), undefined, share.mean(axis=0), against)


def total_effects(top: Array, bottom: Array, units: Sequence[Sums] = ()) -> Effects:
    """Decompose the change of a total, T = Σ top, by group: how many rows there are, and how much each brings.

    With a group's rows n and what one brings, ``m = top / n``, the *rate* effect is ``mean(n) Δm`` and the
    *volume* effect ``mean(m) Δn``; all of a new group's total is *new*, all of a vanished one's *vanished*.

    Args:
        top: Totals, shape (2, groups): before, after.
        bottom: Rows (weighted), shape (2, groups); 0 where a group has none.
        units: For each family of units their parts of both, shapes (2, units, groups).

    Raises:
        InvalidInput: the shapes differ.

    Example:
        >>> found = total_effects(np.array([[10.0], [30.0]]), np.array([[10.0], [20.0]]))
        >>> dict(zip(KINDS, found.values[:, 0].tolist()))
        {'rate': 7.5, 'mix': 0.0, 'volume': 12.5, 'new': 0.0, 'vanished': 0.0}
    """
    _check(top, bottom)
    mean = _over(top, bottom)
    both = (bottom != 0).all(axis=0)
    new, vanished = (bottom[0] == 0) & (bottom[1] != 0), (bottom[1] == 0) & (bottom[0] != 0)
    values = np.zeros((len(KINDS), top.shape[1]))
    values[_RATE] = np.where(both, bottom.mean(axis=0) * (mean[1] - mean[0]), 0.0)
    values[_VOLUME] = np.where(both, mean.mean(axis=0) * (bottom[1] - bottom[0]), 0.0)
    values[_NEW], values[_VANISHED] = np.where(new, top[1], 0.0), np.where(vanished, -top[0], 0.0)
    families = []
    for unit_top, unit_bottom in units:
        d_mean = _over(unit_top - mean[:, None, :] * unit_bottom, np.broadcast_to(bottom[:, None, :], unit_top.shape))
        found = np.zeros((len(KINDS), *unit_top.shape[1:]))
        rated = unit_bottom.mean(axis=0) * (mean[1] - mean[0]) + bottom.mean(axis=0) * (d_mean[1] - d_mean[0])
        grown = d_mean.mean(axis=0) * (bottom[1] - bottom[0])
        grown = grown + mean.mean(axis=0) * (unit_bottom[1] - unit_bottom[0])
        found[_RATE], found[_VOLUME] = np.where(both, rated, 0.0), np.where(both, grown, 0.0)
        found[_NEW], found[_VANISHED] = np.where(new, unit_top[1], 0.0), np.where(vanished, -unit_top[0], 0.0)
        families.append(found)
    share = _over(top, np.broadcast_to(top.sum(axis=1, keepdims=True), top.shape)).mean(axis=0)
    return Effects(values, tuple(families), np.zeros(top.shape[1], dtype=bool), share)
