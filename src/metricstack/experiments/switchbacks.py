"""Blocks of time that were switched between the arms, with a wash-out after each switch."""

import math

import numpy as np
from numpy.typing import ArrayLike

from metricstack.core.errors import InvalidInput
from metricstack.core.values import Check, Refusal
from metricstack.experiments.clusters import cluster_difference
from metricstack.experiments.effect import Effect
from metricstack.experiments.samples import as_units, as_vector, same_length

__all__ = ["switchback_difference"]


def switchback_difference(
    *,
    values: ArrayLike,
    blocks: ArrayLike,
    treated: ArrayLike,
    sizes: ArrayLike | None = None,
    elapsed: ArrayLike | None = None,
    washout: float = 0.0,
    method: str = "welch",
    relative: bool = False,
    level: float = 0.95,
    unit: str = "1",
) -> Effect | Refusal:
    """Compare blocks of time that were switched between the arms, leaving out the time after each switch.

    What the arm before left behind (queues, caches, moods) reaches into a block: rows with less than the wash-out
    elapsed are dropped. A block is one observation.

    Args:
        values: Value of each row, shape (n,).
        blocks: Block of each row; names sort in the order of time.
        treated: 1 where the row's block is of the treatment arm, else 0.
        sizes: What the values are divided by; None counts rows.
        elapsed: Time from the start of the block to the row, in the unit of ``washout``.
        washout: Rows with less elapsed are dropped; 0 keeps all.
        method: As `cluster_difference`.
        relative: As `cluster_difference`.
        level: Confidence level, a fraction in (0, 1).
        unit: Unit of the mean or ratio.

    Returns:
        The effect of `cluster_difference` over blocks, with how many rows the wash-out dropped and whether what is
        left of neighbouring blocks goes together (then blocks are too short to be independent); or its refusals.

    Raises:
        InvalidInput: unequal lengths, a block in both arms, a wash-out without ``elapsed`` or below 0.

    Source:
        Bojinov, Simchi-Levi and Zhao (2023), *Design and analysis of switchback experiments*, for blocks and what is
        carried over; the check is the first autocorrelation r of residuals in order, ``r sqrt(G)`` against 2.

    Example:
        >>> values, blocks = [9.0, 1.0, 9.0, 2.0, 9.0, 5.0, 9.0, 6.0], [1, 1, 2, 2, 3, 3, 4, 4]
        >>> treated, elapsed = [0, 0, 0, 0, 1, 1, 1, 1], [0, 30] * 4
        >>> switchback_difference(values=values, blocks=blocks, treated=treated, elapsed=elapsed, washout=10).value
        4.0
    """
    x, block = as_vector(values, "values"), as_units(blocks, "blocks")
    arm = as_vector(treated, "marks of treated rows")
    m = np.ones(len(x)) if sizes is None else as_vector(sizes, "sizes", low=0.0)
    since = np.zeros(len(x)) if elapsed is None else as_vector(elapsed, "elapsed times", low=0.0)
    same_length(values=x, blocks=block, treated=arm, sizes=m, elapsed=since)
    if not washout >= 0 or (washout > 0 and elapsed is None):
        raise InvalidInput(f"A wash-out of {washout:g} needs the elapsed time of each row, and is not below 0.")
    if not np.isin(arm, (0.0, 1.0)).all():
        raise InvalidInput("The marks of treated rows hold others than 0 and 1.")
    count = np.bincount(block)
    marked = np.bincount(block, weights=arm)
    mixed = int(((marked > 0) & (marked < count)).sum())
    if mixed:
        raise InvalidInput(f"{mixed} blocks hold rows of both arms. A block has one arm; split it where it switched.")
    kept = since >= washout
    whole, dropped = len(count), int((~kept).sum())
    sums = np.bincount(block[kept], weights=x[kept], minlength=whole)
    size = np.bincount(block[kept], weights=m[kept], minlength=whole)
    seen = size > 0
    sums, size, on = sums[seen], size[seen], marked[seen] > 0
    found = cluster_difference(
        control=(sums[~on], size[~on]), treatment=(sums[on], size[on]), method=method, relative=relative, level=level,
        unit=unit,
    )  # fmt: skip
    if isinstance(found, Refusal):
        return found
    rates = np.where(on, sums[on].sum() / size[on].sum(), sums[~on].sum() / size[~on].sum())
    left = sums - rates * size
    left = left - left.mean()
    near = float(left[1:] @ left[:-1] / (left @ left)) * math.sqrt(len(left))
    checks = (
        *found.checks,
        Check("wash-out", None, f"{dropped:,} of {len(x):,} rows lie in the wash-out"),
        Check("neighbouring blocks", abs(near) <= 2, f"their residuals' correlation is {near:.2f} standard errors"),
    )
    return Effect(found.estimate, found.p_value, found.standard_error, found.freedom, checks)
