"""What must hold before an effect is read: the split as declared, each unit in one arm, nothing unlike before."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date

import numpy as np

from metricstack.core.values import Check, Moments, Refusal
from metricstack.experiments.declaration import Declaration, NullPolicy
from metricstack.experiments.guards import balance, sample_ratio

__all__ = ["Seen", "validity"]

_FEW = 5
"""Below so many expected units the split is tested exactly."""
_SEVERAL = 0.01
"""More units than this share in several arms, or in undeclared ones, are no accident of a few."""
_UNKNOWN = 0.05
"""More rows than this share of unknown outcome leave the metric open, unless it was declared how they count."""
_CHANCE = 0.001
"""A p-value below which a guard does not hold: one fair experiment in a thousand is stopped by each."""
_OFF = 0.01
"""A share that is off by less, of itself, does no harm that could be seen."""
_SPANS = 10
"""Into so many spans of days a stretch of one allocation is cut, to see whether it was one."""


@dataclass(frozen=True)
class Seen:
    """What is known of an experiment's units.

    Args:
        counts: ``split``, ``several``, ``none`` and ``other``: units by how they were assigned.
        stretches: Arm → stretch of the allocation → units that count; also of arms that were not declared.
        days: Day of the first exposure → arm → units.
        early: Units that were exposed before it started.
        unknown: Arm → rows of which the primary is not known, and all of them.
        before: Arm → stretch → moments of what units did before.
    """

    counts: Mapping[str, int] = field(default_factory=dict)
    stretches: Mapping[str, Mapping[int, int]] = field(default_factory=dict)
    days: Mapping[date, Mapping[str, int]] = field(default_factory=dict)
    early: int = 0
    unknown: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    before: Mapping[str, Mapping[int, Moments]] = field(default_factory=dict)


def validity(declared: Declaration, seen: Seen) -> tuple[Check, ...]:
    """Check that a comparison holds; a check that failed makes it invalid, one that informs does not.

    Args:
        declared: What was declared.
        seen: What is known of its units.
    """
    checks = [_split(declared, seen), *_allocation(declared, seen), *_assigned(declared, seen)]
    checks += [*_outcomes(declared, seen), *_before(declared, seen)]
    if declared.staged:
        text = "its arms reached cohorts one after the other, not by a random split: read it as a staged rollout"
        checks.append(Check("random_split", False, text))
    return (*checks, *_registered(declared))


def _split(declared: Declaration, seen: Seen) -> Check:
    """Test the split in each stretch of one allocation; the worst counts, for as many as there are."""
    told = []
    for at, (_, shares) in enumerate(declared.periods):
        units = [seen.stretches.get(arm, {}).get(at, 0) for arm in declared.arms]
        few = sum(units) * min(shares) < _FEW
        found = sample_ratio(
            units, shares, method="exact" if few else "chi_square", alpha=_CHANCE / len(declared.periods)
        )
        if not isinstance(found, Refusal):
            told.append((found, units, shares))
    if not told:
        return Check("sample_ratio", None, "no unit has been exposed yet")
    found, units, shares = min(told, key=lambda one: (not one[0].mismatch, one[0].p_value))
    arms = " : ".join(f"{count:,}" for count in units)
    wanted = " : ".join(f"{share:.0%}" for share in shares)
    if found.mismatch:
        return Check(
            "sample_ratio", False, f"the arms have {arms} units where {wanted} was declared (p = {found.p_value:.1e})"
        )
    return Check("sample_ratio", True, f"the arms have {arms} units, as {wanted} allows (p = {found.p_value:.2g})")


def _allocation(declared: Declaration, seen: Seen) -> Iterator[Check]:
    """Test whether the split stayed what it was, within each stretch of one allocation."""
    starts = [start.date() for start, _ in declared.periods]
    for at, first in enumerate(starts):
        last = starts[at + 1] if at + 1 < len(starts) else date.max
        # The day of a change holds units of both allocations, and tells of neither.
        days = [(day, arms) for day, arms in seen.days.items() if first <= day < last and (day > first or at == 0)]
        spans = [part for part in np.array_split(np.arange(len(days)), _SPANS) if len(part)]
        table = np.array(
            [[sum(days[i][1].get(arm, 0) for i in part) for arm in declared.arms] for part in spans], dtype=np.float64
        ).reshape(-1, len(declared.arms))
        found = _homogeneous(table)
        if found is None:
            continue
        p, off, worst = found
        if p >= _CHANCE / len(starts) or off <= _OFF:
            continue
        part, share = spans[worst], table[worst] / table[worst].sum()
        whole = table.sum(axis=0) / table.sum()
        told, usual = (" : ".join(f"{one:.0%}" for one in shares) for shares in (share, whole))
        text = (
            f"the split changed while it ran: {told} from {days[part[0]][0]} to {days[part[-1]][0]}, {usual} in all "
            f"(p = {p:.1e}); declare the change, so that units are compared with those of their own stretch"
        )
        yield Check("allocation", False, text)


def _homogeneous(table: np.ndarray) -> tuple[float, float, int] | None:
    """Test that rows share one distribution: p-value, largest deviation of a share as a part of itself, its row."""
    from scipy.special import chdtrc

    table = table[:, table.sum(axis=0) > 0]
    if table.shape[0] < 2 or table.shape[1] < 2:
        return None
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / table.sum()
    if expected.min() < _FEW:
        return None
    parts = (table - expected) ** 2 / expected
    p = float(chdtrc((table.shape[0] - 1) * (table.shape[1] - 1), parts.sum()))
    worst = int(parts.sum(axis=1).argmax())
    return p, float(np.abs(table[worst] / expected[worst] - 1).max()), worst


def _assigned(declared: Declaration, seen: Seen) -> Iterator[Check]:
    counts = seen.counts
    total = sum(counts.values())
    unnamed = {arm: sum(parts.values()) for arm, parts in seen.stretches.items() if arm not in declared.arms}
    if unnamed:
        n = sum(unnamed.values())
        told = ", ".join(f"{arm!r} {count:,}" for arm, count in sorted(unnamed.items()))
        text = f"{n:,} of {total:,} units ({n / total:.1%}) were split into arms that were not declared: {told}"
        yield Check("declared_arms", None if n / total <= _SEVERAL else False, text)
    if counts.get("several"):
        share = counts["several"] / total
        text = f"{counts['several']:,} of {total:,} units ({share:.1%}) saw several arms and belong to none"
        yield Check("one_arm", None if share <= _SEVERAL else False, text)
    if counts.get("other"):
        text = f"{counts['other']:,} of {total:,} units were not assigned by a random split and are left out"
        yield Check("randomised", None, text)
    if counts.get("none"):
        text = f"{counts['none']:,} of {total:,} units have no arm recorded and are left out"
        yield Check("recorded_arm", None, text)
    if seen.early:
        text = f"{seen.early:,} units were exposed before it started; what they saw then is left out"
        yield Check("exposed_in_time", None, text)


def _outcomes(declared: Declaration, seen: Seen) -> Iterator[Check]:
    """Check that the primary is known of the rows that it is about, or that it was declared how the others count."""
    unknown, rows = (sum(one[i] for one in seen.unknown.values()) for i in (0, 1))
    units = sum(n for arm in declared.arms for n in seen.stretches.get(arm, {}).values())
    if not rows:
        if seen.unknown and units:
            text = (
                f"none of {units:,} units has a row that the primary is about since it was exposed: does the "
                f"assignment name the {declared.unit}s that the table does"
            )
            yield Check("unit_of_analysis", False, text)
        return
    if not unknown:
        return
    share = unknown / rows
    told = f"the primary is unknown in {unknown:,} of {rows:,} rows ({share:.1%})"
    if declared.null_policy is NullPolicy.ZERO:
        yield Check("unknown_outcomes", None, f"{told}, which count as 0, as declared")
        return
    apart = _unlike([seen.unknown[arm] for arm in declared.arms if arm in seen.unknown])
    if declared.null_policy is NullPolicy.EXCLUDE:
        text = f"{told}, which are left out, as declared"
    elif share > _UNKNOWN:
        text = f'{told}, and no policy was declared for such rows (null_policy = "exclude" or "zero")'
    else:
        text = f"{told}, which are left out"
    open_ = share > _UNKNOWN and declared.null_policy is NullPolicy.NONE
    text += apart
    yield Check("unknown_outcomes", False if open_ else None, text)


def _unlike(arms: list[tuple[int, int]]) -> str:
    """Say so where rows are unknown in one arm more often than in another."""
    shares = [unknown / rows for unknown, rows in arms if rows]
    if len(shares) < 2 or max(shares) - min(shares) <= _UNKNOWN / 5:
        return ""
    return "; by arm " + " : ".join(f"{share:.1%}" for share in shares)


def _before(declared: Declaration, seen: Seen) -> Iterator[Check]:
    """Test whether the arms were alike in what decides, before units were exposed."""
    control, *others = declared.arms
    worst: tuple[float, int, str] | None = None
    tests = 0
    for arm in others:
        for at, moments in seen.before.get(arm, {}).items():
            against = seen.before.get(control, {}).get(at)
            if against is None:
                continue
            found = balance(control=against, treatment=moments)
            if isinstance(found, Refusal):
                continue
            tests += 1
            if worst is None or found.p_value < worst[0]:
                worst = (found.p_value, found.n, arm)
    if worst is None:
        return
    p, n, arm = worst
    days, same = declared.covariate_days, "were alike" if p >= _CHANCE / tests else "differed"
    where = f" (arm {arm!r})" if len(others) > 1 else ""
    text = f"in the {days} days before exposure the arms {same} in the primary{where} (p = {p:.2g}, {n:,} units)"
    yield Check("alike_before", p >= _CHANCE / tests, text)


def _registered(declared: Declaration) -> Iterator[Check]:
    for change in declared.changes:
        yield Check("changed", None, str(change))
    if declared.registered_at is None:
        why = f": {declared.unproven}" if declared.unproven else ""
        yield Check("registered", None, f"nothing proves that it was declared before it started{why}")
    elif declared.is_registered:
        yield Check("registered", True, f"declared on {declared.registered_at:%Y-%m-%d}, before it started")
    else:
        yield Check("registered", None, f"declared on {declared.registered_at:%Y-%m-%d}, after it started")
