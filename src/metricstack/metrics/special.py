"""The functions that no sum of rows gives, each with the class that asks and answers it (`formula.SPECIAL`)."""

from collections.abc import Sequence
from datetime import datetime

from metricstack.metrics.degraded import Degraded
from metricstack.metrics.drifted import DriftSlope
from metricstack.metrics.fetch import TableData
from metricstack.metrics.formula import Call
from metricstack.metrics.lifetimes import Newest, Survival
from metricstack.metrics.repeats import Alpha, Kappa, PassAt
from metricstack.metrics.single import Single

__all__ = ["SINGLES", "single"]

SINGLES: dict[str, type[Single]] = {
    "age": Newest,
    "survival": Survival,
    "kappa": Kappa,
    "alpha": Alpha,
    "pass_at": PassAt,
    "degraded": Degraded,
    "drift_slope": DriftSlope,
}
"""Function → what evaluates it."""


def single(call: Call, data: TableData, ends: Sequence[datetime]) -> Single:
    """Return what evaluates a function over a table.

    Args:
        call: The function.
        data: The table's data.
        ends: For each period, the end of what the data tell.
    """
    return SINGLES[call.function](data, call, ends)
