"""What `compare` returns: metrics of two windows, each with its change, corrected for how many were looked at."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from metricstack.core.errors import InvalidInput
from metricstack.core.show import Shown
from metricstack.core.values import Check, Finding
from metricstack.core.windows import Window
from metricstack.metrics.change.explanation import window_dict
from metricstack.metrics.model import Definition
from metricstack.numerics.change import Change, Verdict

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Compared", "Comparison"]


@dataclass(frozen=True, slots=True)
class Compared:
    """One metric, in one group, in both windows.

    Args:
        metric: Its id.
        title: Its name for readers.
        where: Dimension → value.
        change: Both answers, their difference and the verdict after correction.
        p_value: Of the difference by itself; None where nothing was tested (counted in full, or refused).
        adjusted: The p-value corrected for the family; None where it is in none.
        exploratory: It was not declared before: what it shows is a question, not an answer.
        finding: The difference as a finding.
    """

    metric: str
    title: str
    where: tuple[tuple[str, str], ...]
    change: Change
    p_value: float | None
    adjusted: float | None
    exploratory: bool
    finding: Finding

    @property
    def verdict(self) -> Verdict:
        """Better, worse, changed, no clear change, or cannot say: after correction."""
        return self.change.verdict

    @property
    def name(self) -> str:
        """The metric and its group for a reader."""
        group = " · ".join(value for _, value in self.where)
        return f"{self.title}, {group}" if group else self.title

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "metric": self.metric, "where": dict(self.where), **self.change.to_dict(), "p_value": self.p_value,
            "adjusted": self.adjusted, "exploratory": self.exploratory,
            "checks": [check.to_dict() for check in self.finding.checks],
        }  # fmt: skip


@dataclass(frozen=True)
class Comparison(Shown):
    """Metrics of one window against another.

    Args:
        rows: One for each metric and group, in the order asked.
        definitions: Metric id → definition.
        before: The earlier window.
        after: The later window.
        board: The board declared, empty without one.
        false_discoveries: Share of wrong ones accepted among those called changed.
        size: Tests in the family.
        by: The dimensions.
        fair: ``weekdays``, or None.
        checks: What is unlike between the windows, and what happened in them.
    """

    rows: tuple[Compared, ...]
    definitions: Mapping[str, Definition]
    before: Window
    after: Window
    board: str = ""
    false_discoveries: float = 0.05
    size: int = 0
    by: tuple[str, ...] = ()
    fair: str | None = None
    checks: tuple[Check, ...] = field(default=())

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[Compared]:
        return iter(self.rows)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The differences."""
        return tuple(row.finding for row in self.rows)

    def get(self, metric: str, **where: str) -> Compared:
        """Return the one row of a metric in a group.

        Raises:
            InvalidInput: none fits, or several do.
        """
        fit = [row for row in self.rows if row.metric == metric and where.items() <= dict(row.where).items()]
        if len(fit) != 1:
            names = ", ".join(dict.fromkeys(row.metric for row in self.rows))
            raise InvalidInput(f"{len(fit)} rows of {metric!r} fit {where or 'no condition'}. Compared are: {names}.")
        return fit[0]

    def to_pandas(self) -> "pd.DataFrame":
        """Tabulate it, the same columns for answers and refusals.

        Returns:
            Columns ``metric``, one per dimension, ``before``, ``after``, ``difference``, ``low``, ``high``,
            ``level``, ``unit``, ``p_value``, ``adjusted``, ``verdict``, ``exploratory``, ``reason``, ``detail``.
        """
        import pandas as pd

        kinds = dict.fromkeys(
            ("before", "after", "difference", "low", "high", "level", "p_value", "adjusted"), "float64"
        )
        rows = []
        for row in self.rows:
            before, after, change = (
                answer.to_dict() for answer in (row.change.before, row.change.after, row.change.difference)
            )
            rows.append(
                {"metric": row.metric}
                | {name: dict(row.where).get(name) for name in self.by}
                | {"before": before.get("value"), "after": after.get("value"), "difference": change.get("value")}
                | {name: change.get(name) for name in ("low", "high", "level", "unit")}
                | {"p_value": row.p_value, "adjusted": row.adjusted, "verdict": str(row.verdict)}
                | {"exploratory": row.exploratory, "reason": change.get("reason"), "detail": change.get("detail")}
            )
        columns = [
            "metric", *self.by, "before", "after", "difference", "low", "high", "level", "unit", "p_value", "adjusted",
            "verdict", "exploratory", "reason", "detail",
        ]  # fmt: skip
        return pd.DataFrame(rows, columns=columns).astype(kinds)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "before": window_dict(self.before),
            "after": window_dict(self.after),
            "board": self.board,
            "false_discoveries": self.false_discoveries,
            "size": self.size,
            "by": list(self.by),
            "fair": self.fair,
            "rows": [row.to_dict() for row in self.rows],
            "checks": [check.to_dict() for check in self.checks],
        }  # fmt: skip
