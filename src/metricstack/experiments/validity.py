"""What must hold before an effect is read: the split as declared, each unit in one arm, a declaration made in time."""

from collections.abc import Mapping

from metricstack.core.values import Check
from metricstack.experiments.declare import Declaration

__all__ = ["validity"]

_MISMATCH = 0.001
"""Below this p-value a split is not the declared one by chance."""
_OFF = 0.01
"""A share that is off by less than this part of itself moves no effect that matters."""
_SEVERAL = 0.01
"""More units than this share in several arms are no accident of a few."""


def validity(declared: Declaration, units: Mapping[str, int], counts: Mapping[str, int]) -> tuple[Check, ...]:
    """Check that a comparison holds; a check that failed makes it invalid, one that informs does not.

    Args:
        declared: What was declared.
        units: Arm → units that count.
        counts: ``split``, ``several`` and ``other``: units by how they were assigned.
    """
    total = sum(counts.values())
    checks = [_split(declared, units)]
    if counts.get("several"):
        share = counts["several"] / total
        text = f"{counts['several']:,} of {total:,} units ({share:.1%}) saw several arms and belong to none"
        checks.append(Check("one_arm", None if share <= _SEVERAL else False, text))
    if counts.get("other"):
        text = f"{counts['other']:,} of {total:,} units were not assigned by a random split and are left out"
        checks.append(Check("randomised", None, text))
    checks.append(_registered(declared))
    return tuple(checks)


def _split(declared: Declaration, units: Mapping[str, int]) -> Check:
    from scipy.special import chdtrc

    seen = [units.get(arm, 0) for arm in declared.arms]
    n = sum(seen)
    if not n:
        return Check("sample_ratio", None, "no unit has been exposed yet")
    expected = [n * share for share in declared.allocation]
    statistic = sum((count - wanted) ** 2 / wanted for count, wanted in zip(seen, expected, strict=True))
    p = float(chdtrc(len(seen) - 1, statistic))
    off = max(abs(count - wanted) / wanted for count, wanted in zip(seen, expected, strict=True))
    told = " : ".join(f"{count:,}" for count in seen)
    wanted = " : ".join(f"{share:.0%}" for share in declared.allocation)
    if p < _MISMATCH and off > _OFF:
        return Check("sample_ratio", False, f"the arms have {told} units where {wanted} was declared (p = {p:.1e})")
    return Check("sample_ratio", True, f"the arms have {told} units, as {wanted} allows (p = {p:.2g})")


def _registered(declared: Declaration) -> Check:
    if declared.registered_at is None:
        return Check("registered", None, "nothing proves that it was declared before it started")
    if declared.is_registered:
        return Check("registered", True, f"declared on {declared.registered_at:%Y-%m-%d}, before it started")
    return Check("registered", None, f"declared on {declared.registered_at:%Y-%m-%d}, after it started")
