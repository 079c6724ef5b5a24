"""Assumed inputs: what the table ``assumptions`` states per use case, as triangular distributions."""

from collections.abc import Mapping
from dataclasses import dataclass

from metricstack.core.values import Refusal
from metricstack.metrics.language.dimension import dimension
from metricstack.metrics.query.rows import Frame
from metricstack.telemetry.measures import ASSUMED

__all__ = ["Assumption", "read_assumptions"]


@dataclass(frozen=True, slots=True)
class Assumption:
    """One stated input.

    Args:
        name: One of `ASSUMED`.
        use_case: Whose it is.
        low: Lowest plausible, in the unit of `ASSUMED`.
        mode: Most plausible.
        high: Highest plausible.
        measured: It was measured, not assumed.
        owner: Who answers for it.
    """

    name: str
    use_case: str
    low: float
    mode: float
    high: float
    measured: bool = False
    owner: str = ""

    @property
    def mean(self) -> float:
        """Mean of the triangular distribution, in base units (seconds, currency)."""
        return (self.low + self.mode + self.high) / 3 * dimension(ASSUMED[self.name]).factor

    @property
    def variance(self) -> float:
        """Variance of the triangular distribution, in base units squared.

        Example:
            >>> round(Assumption("error_cost", "", 0.0, 3.0, 6.0).variance, 6)
            1.5
        """
        a, c, b = self.low, self.mode, self.high
        return (a * a + b * b + c * c - a * b - a * c - b * c) / 18 * dimension(ASSUMED[self.name]).factor ** 2

    def __str__(self) -> str:
        kind = "measured" if self.measured else "assumed"
        spread = (
            f"{self.mode:g}" if self.low == self.high else f"{self.low:g} to {self.high:g}, most likely {self.mode:g}"
        )
        owner = f", owner {self.owner}" if self.owner else ""
        return f"{self.name} of {self.use_case}: {spread} {ASSUMED[self.name]} ({kind}{owner})"


def read_assumptions(frame: Frame) -> Mapping[tuple[int, str, str], Assumption] | Refusal:
    """Return the inputs that hold at the end of each period: (period, name, use case) → assumption."""
    names = ["low", "mode", "high", "source_kind", "owner"]
    there = frame.rows("assumptions", also=names)
    if isinstance(there, Refusal):
        return there
    rows, found = there.table, dict[tuple[int, str, str], Assumption]()
    known = rows.filter(rows.assumption.isin(list(ASSUMED)))
    for row in known.select("_period", "assumption", "use_case", *names).to_pyarrow().to_pylist():
        points = [row[name] for name in ("low", "mode", "high")]
        if row["mode"] is None and None not in (row["low"], row["high"]):
            points[1] = (row["low"] + row["high"]) / 2
        if points[1] is None:
            continue
        low, mode, high = (points[1] if value is None else value for value in points)
        found[row["_period"], row["assumption"], row["use_case"]] = Assumption(
            row["assumption"], row["use_case"], min(low, mode), mode, max(high, mode),
            row["source_kind"] == "measured", row["owner"] or "",
        )  # fmt: skip
    return found
