"""What must hold before an effect is read: the split as declared, each unit in one arm, a declaration made in time."""

from collections.abc import Mapping

from metricstack.core.values import Check, Refusal
from metricstack.experiments.declare import Declaration
from metricstack.experiments.guards import sample_ratio

__all__ = ["validity"]

_FEW = 5
"""Below so many expected units the split is tested exactly."""
_SEVERAL = 0.01
"""More units than this share in several arms, or in undeclared ones, are no accident of a few."""


def validity(
    declared: Declaration,
    units: Mapping[str, int],
    counts: Mapping[str, int],
    *,
    unnamed: Mapping[str, int] | None = None,
    early: int = 0,
) -> tuple[Check, ...]:
    """Check that a comparison holds; a check that failed makes it invalid, one that informs does not.

    Args:
        declared: What was declared.
        units: Arm → units that count.
        counts: ``split``, ``several``, ``none`` and ``other``: units by how they were assigned.
        unnamed: Arm that was not declared → units that were split into it.
        early: Units that were exposed before it started.
    """
    total = sum(counts.values())
    checks = [_split(declared, units)]
    if unnamed:
        n = sum(unnamed.values())
        told = ", ".join(f"{arm!r} {count:,}" for arm, count in sorted(unnamed.items()))
        text = f"{n:,} of {total:,} units ({n / total:.1%}) were split into arms that were not declared: {told}"
        checks.append(Check("declared_arms", None if n / total <= _SEVERAL else False, text))
    if counts.get("several"):
        share = counts["several"] / total
        text = f"{counts['several']:,} of {total:,} units ({share:.1%}) saw several arms and belong to none"
        checks.append(Check("one_arm", None if share <= _SEVERAL else False, text))
    if counts.get("other"):
        text = f"{counts['other']:,} of {total:,} units were not assigned by a random split and are left out"
        checks.append(Check("randomised", None, text))
    if counts.get("none"):
        text = f"{counts['none']:,} of {total:,} units have no arm recorded and are left out"
        checks.append(Check("recorded_arm", None, text))
    if early:
        text = f"{early:,} units were exposed before it started; what they saw then is left out"
        checks.append(Check("exposed_in_time", None, text))
    checks.append(_registered(declared))
    return tuple(checks)


def _split(declared: Declaration, units: Mapping[str, int]) -> Check:
    seen = [units.get(arm, 0) for arm in declared.arms]
    few = sum(seen) * min(declared.allocation) < _FEW
    found = sample_ratio(seen, declared.allocation, method="exact" if few else "chi_square")
    if isinstance(found, Refusal):
        return Check("sample_ratio", None, "no unit has been exposed yet")
    told = " : ".join(f"{count:,}" for count in seen)
    wanted = " : ".join(f"{share:.0%}" for share in declared.allocation)
    if found.mismatch:
        return Check(
            "sample_ratio", False, f"the arms have {told} units where {wanted} was declared (p = {found.p_value:.1e})"
        )
    return Check("sample_ratio", True, f"the arms have {told} units, as {wanted} allows (p = {found.p_value:.2g})")


def _registered(declared: Declaration) -> Check:
    if declared.registered_at is None:
        return Check("registered", None, "nothing proves that it was declared before it started")
    if declared.is_registered:
        return Check("registered", True, f"declared on {declared.registered_at:%Y-%m-%d}, before it started")
    return Check("registered", None, f"declared on {declared.registered_at:%Y-%m-%d}, after it started")
