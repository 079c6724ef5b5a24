"""The functions that no sum of rows gives, each with the class that asks and answers it (`formula.SPECIAL`)."""

from collections.abc import Sequence
from datetime import datetime

from metricstack.metrics.answers.degraded import Degraded
from metricstack.metrics.answers.drifted import DriftSlope
from metricstack.metrics.answers.lifetimes import Newest, Survival
from metricstack.metrics.answers.repeats import Alpha, Kappa, PassAt
from metricstack.metrics.answers.single import Single
from metricstack.metrics.language.formula import Call
from metricstack.metrics.query.fetch import TableData

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
