"""Statistics from sums and bounded vectors: NumPy in, small frozen results out."""

from metricstack.numerics.change import Better, Change, Verdict, change
from metricstack.numerics.intervals import Spread, combine, interval, spread_of_groups, spread_of_units, wilson
from metricstack.numerics.quantiles import QuantileAnswer, order_statistics, quantile_by_group, quantile_of_sample

__all__ = [
    "Better",
    "Change",
    "QuantileAnswer",
    "Spread",
    "Verdict",
    "change",
    "combine",
    "interval",
    "order_statistics",
    "quantile_by_group",
    "quantile_of_sample",
    "spread_of_groups",
    "spread_of_units",
    "wilson",
]
