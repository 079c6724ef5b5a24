"""Who adopted when: a table of units over time, read into matrices that do not depend on the order of rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from metricstack.core.errors import InvalidInput
from metricstack.core.values import Check, Reason, Refusal
from metricstack.linkage.frames import check_columns, codes_of, first_from, missing_check, numbers_of, without_repeats

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["NEVER", "Adoption", "read_adoption"]

Matrix = NDArray[np.float64]
Integers = NDArray[np.int64]
Mask = NDArray[np.bool_]

NEVER = 2**31
"""The cohort of units that never adopt."""


@dataclass(frozen=True, slots=True)
class Adoption:
    """Units over periods, and the period in which each adopted.

    Args:
        outcomes: Shape (units, periods), NaN where not observed; units and periods in their own order.
        cohort: Index of the first period with the treatment, shape (units,); beyond the last period where it comes
            later, `NEVER` where it never comes.
        cluster: Number of each unit's cluster, shape (units,).
        covariates: Shape (units, periods, covariates), NaN where not observed.
        times: The periods.
        anticipation: Periods before adoption in which the treatment may already act.
        checks: What was left out.
    """

    outcomes: Matrix
    cohort: Integers
    cluster: Integers
    covariates: Matrix
    times: tuple[Any, ...]
    anticipation: int
    checks: tuple[Check, ...]

    @property
    def n(self) -> int:
        """Number of units."""
        return len(self.cohort)

    @property
    def periods(self) -> int:
        """Number of periods."""
        return int(self.outcomes.shape[1])

    @property
    def cohorts(self) -> tuple[int, ...]:
        """Adoption periods of the units that adopt while observed, ascending."""
        return tuple(int(g) for g in np.unique(self.cohort[self.cohort < self.periods]))

    @property
    def adopters(self) -> Mask:
        """Which units adopt while observed."""
        return self.cohort < self.periods

    @property
    def untouched(self) -> Mask:
        """Which observed cells the treatment cannot have reached, shape (units, periods)."""
        early = np.arange(self.periods)[None, :] < self.cohort[:, None] - self.anticipation
        return early & np.isfinite(self.outcomes)

    @property
    def treated(self) -> Mask:
        """Which observed cells are from adoption on."""
        late = np.arange(self.periods)[None, :] >= self.cohort[:, None]
        return late & np.isfinite(self.outcomes)

    def clusters(self, units: Mask) -> int:
        """Count the clusters of some units."""
        return len(np.unique(self.cluster[units]))


def read_adoption(
    df: "pd.DataFrame",
    *,
    columns: tuple[str, str, str, str],
    covariates: Sequence[str] = (),
    cluster: str | None = None,
    anticipation: int = 0,
) -> Adoption | Refusal:
    """Read a staggered rollout: one row per unit and time.

    Units that had adopted in the first period (or so early that, with anticipation, nothing is seen before) have no
    period of comparison; they are left out and counted.

    Args:
        df: The table.
        columns: Names of outcome, unit, time and adoption time (null = never, see `_never`). Times must sort: numbers,
            dates, or text such as ``"2026Q1"``. An adoption between two periods counts from the later one.
        covariates: Columns of numbers.
        cluster: Column of clusters; each unit is its own where None.
        anticipation: Periods before adoption in which the treatment may already act.

    Returns:
        The panel; or a refusal: ``TOO_FEW_UNITS`` (no unit or one), ``NO_VARIATION`` (nobody adopts while observed, or
        everybody at once), ``NO_DATA`` (fewer than two periods before any adoption).

    Raises:
        UnknownName: a column that is not there.
        InvalidInput: repeated unit and time, several adoption times of one unit, times that do not sort.
    """
    outcome, unit, time, adopted = columns
    names = [*columns, *covariates, *([] if cluster in (None, unit) else [cluster])]
    check_columns(df, [name for name in names if name is not None])
    if isinstance(anticipation, bool) or not isinstance(anticipation, int) or anticipation < 0:
        raise InvalidInput(f"The anticipation is {anticipation!r}; give a whole number of periods, 0 or more.")
    without_repeats(df, unit, time)
    who, when = codes_of(df, unit), codes_of(df, time)
    times = _times(df, time)
    n, periods = int(who.max(initial=-1)) + 1, len(times)
    values = [numbers_of(df, name) for name in (outcome, *covariates)]
    absent = np.isnan(np.array(values)).any(axis=0)
    grids = np.full((len(values), n, periods), np.nan)
    for grid, column in zip(grids, values, strict=True):
        grid[who[~absent], when[~absent]] = column[~absent]
    cohort = _cohorts(df, who, (unit, adopted), times)
    labels = np.arange(n) if cluster in (None, unit) else _one_per_unit(codes_of(df, str(cluster)), who, str(cluster))
    early = cohort - 1 - anticipation < 0
    gone = early | ~np.isfinite(grids[0]).any(axis=1)
    checks = (
        missing_check(int(absent.sum()), len(df)),
        Check(
            "always_treated", None if int(early.sum()) * 2 <= n else False,
            f"{int(early.sum()):,} of {n:,} units adopted before anything was seen of them and are left out",
        ),
    )  # fmt: skip
    keep = ~gone
    panel = Adoption(
        grids[0][keep], cohort[keep], labels[keep], np.moveaxis(grids[1:], 0, 2)[keep], times, anticipation, checks
    )
    return _answerable(panel) or panel


def _answerable(panel: Adoption) -> Refusal | None:
    if panel.n < 2:
        return Refusal(Reason.TOO_FEW_UNITS, f"{panel.n} units are left; 2 are needed", "Observe more units.")
    adopters = panel.adopters
    if not adopters.any():
        return Refusal(Reason.NO_VARIATION, "no unit adopts between the first period and the last", "Observe longer.")
    if len(panel.cohorts) == 1 and adopters.all():
        return Refusal(
            Reason.NO_VARIATION, "all units adopt at once, so that none is left to compare with",
            "Add units that adopt later or never.",
        )  # fmt: skip
    if panel.clusters(adopters) < 2:
        return Refusal(
            Reason.TOO_FEW_UNITS, "one unit or cluster adopts; 2 are needed to tell its noise from an effect",
            "Use synthetic_control, which compares one unit with placebos.",
        )  # fmt: skip
    if max(panel.cohorts) - panel.anticipation < 2:
        return Refusal(
            Reason.NO_DATA, "fewer than 2 periods lie before every adoption, so that no trend can be tested",
            "Add earlier periods.",
        )  # fmt: skip
    return None


def _times(df: "pd.DataFrame", time: str) -> tuple[Any, ...]:
    try:
        return tuple(df[time].drop_duplicates().sort_values())
    except TypeError:
        raise InvalidInput(f"The column {time!r} mixes kinds of times that do not sort; give one kind.") from None


def _one_per_unit(codes: Integers, who: Integers, name: str) -> Integers:
    found = np.zeros(int(who.max()) + 1, dtype=np.int64)
    found[who] = codes
    if (found[who] != codes).any():
        raise InvalidInput(f"The column {name!r} changes within a unit; a unit belongs to one cluster.")
    return found


def _cohorts(df: "pd.DataFrame", who: Integers, names: tuple[str, str], times: tuple[Any, ...]) -> Integers:
    """Return the index of each unit's first period at or after its adoption, shape (units,)."""
    import pandas as pd

    unit, adopted = names
    dates = pd.Series(_never(df[adopted], times).astype(object).to_numpy())
    by_unit = dates.groupby(who)
    several = by_unit.nunique().to_numpy() > 1
    given, total = by_unit.count().to_numpy(), by_unit.size().to_numpy()
    mixed = several | ((given > 0) & (given < total))
    if mixed.any():
        says = df[adopted].dropna().isin([0, 1]).all()
        told = "each unit's first time with it" if says else "one adoption time per unit in all its rows"
        name = df[unit].iloc[int(np.flatnonzero(who == int(np.flatnonzero(mixed)[0]))[0])]
        raise InvalidInput(
            f"The {unit!r} {name!r} has more than one value of {adopted!r} ({int(mixed.sum())} units do). "
            f"Give {told}, or null in all for never."
        )
    first = by_unit.first()
    cohort = np.full(len(first), NEVER, dtype=np.int64)
    for at, date in enumerate(first):
        if given[at] == 0:
            continue
        cohort[at] = first_from(times, date, "adoption time")
    return cohort


def _never(adopted: "pd.Series", times: tuple[Any, ...]) -> "pd.Series":
    """Make an endless adoption time null, and 0 where all times are above it: R's did writes never so."""
    from pandas.api.types import is_numeric_dtype

    if not is_numeric_dtype(adopted.dtype):
        return adopted
    zero = bool(times) and isinstance(times[0], int | float | np.number) and times[0] > 0
    return adopted.mask(adopted.isin([np.inf, 0] if zero else [np.inf]))
