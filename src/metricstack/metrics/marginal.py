"""What one more unit of money buys: the slope of value on cost across models, or across any other groups."""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from metricstack.core.errors import InvalidInput
from metricstack.core.values import Answer, Check, Estimate, Finding, Grade, Provenance, Reason, Refusal
from metricstack.core.windows import Window
from metricstack.metrics.evaluate import evaluate
from metricstack.metrics.query.rows import NOT_RECORDED
from metricstack.numerics.intervals import t_quantile
from metricstack.numerics.slope import straight_line

if TYPE_CHECKING:
    from metricstack.telemetry.workspace import Workspace

__all__ = ["marginal_value"]

_FEWEST = 3
_Pair = tuple[str, Estimate, Estimate]


def marginal_value(
    ws: "Workspace",
    cost: str = "cost_per_request",
    value: str = "task_success",
    *,
    by: str = "model",
    window: Window | str | None = None,
    where: Mapping[str, str] | None = None,
    level: float = 0.95,
) -> Finding:
    """Estimate how much value goes with one more unit of cost, as the slope of a line across groups.

    A group that costs more is not better *because* it costs more: models are given different work. The
    slope is an association, graded D; narrow with ``where`` to work that is alike (one use case).

    Args:
        ws: The workspace.
        cost: Metric of what is spent, read along.
        value: Metric of what is got.
        by: The dimension whose values are the points: model, prompt_version, region.
        window: What it is about: a window, a quarter's name, or None for the last quarter that the data fill.
        where: Dimension → the value that it must have.
        level: Confidence level, a fraction in (0, 1).

    Returns:
        A finding with the slope in the value's unit for each unit of the cost's (of a cost per request: for
        each unit of money spent on a request), its interval over the groups; or a refusal where fewer than
        three groups have both metrics, or where their costs do not differ by more than chance.

    Raises:
        UnknownName: no such metric or dimension.
        InvalidInput: both are the same metric, or a dimension that they cannot be asked by.
    """
    if cost == value:
        raise InvalidInput(f"Cost and value are both {cost!r}; a metric has no slope on itself.")
    panel = evaluate(ws, [cost, value], window=window, by=by, where=where, level=level)
    cost, value = panel.definitions
    points: list[_Pair] = []
    lacking: list[str] = []
    names = dict.fromkeys(found for finding in panel for key, found in finding.where if key == by)
    for name in names:
        spent, got = (panel.get(metric, **{by: name}).answer for metric in (cost, value))
        if name != NOT_RECORDED and isinstance(spent, Estimate) and isinstance(got, Estimate):
            points.append((name, spent, got))
        else:
            lacking.append(name)
    answer, checks = _slope(points, by, cost, level)
    if lacking:
        text = f"without both metrics, and left out: {', '.join(lacking)}"
        checks = (*checks, Check("groups", None, text))
    titles = [panel.definitions[metric].title for metric in (value, cost)]
    return Finding(
        question=f"{titles[0]} for one more unit of {titles[1].lower()}, across {by}, in {panel.window}",
        answer=answer,
        subject="marginal_value",
        where=tuple((where or {}).items()),
        grade=Grade.D if isinstance(answer, Estimate) else Grade.NONE,
        checks=checks,
        assumptions=(
            f"Each {by} is given the same kind of work.",
            "The errors of a group's cost and value are independent.",
        ),
        provenance=_origin(panel.findings),
    )


def _slope(points: list[_Pair], by: str, cost: str, level: float) -> tuple[Answer, tuple[Check, ...]]:
    if len(points) < _FEWEST:
        detail = f"{len(points)} values of {by!r} have both metrics; {_FEWEST} are needed for a line with its error"
        return Refusal(Reason.TOO_FEW_UNITS, detail, "Ask by a finer dimension, or over a longer window."), ()
    spent, got = [point[1] for point in points], [point[2] for point in points]
    x, y = (np.array([one.value for one in side]) for side in (spent, got))
    x_error, y_error = (np.array([_error(one) for one in side]) for side in (spent, got))
    if not _differ(x, x_error, level):
        detail = f"{cost} does not differ between the {len(points)} values of {by!r} by more than chance"
        return Refusal(Reason.NO_VARIATION, detail, "Ask by a dimension whose values differ in cost."), ()
    line = straight_line(x, y, x_error, y_error)
    low, high = line.interval(level)
    unit = f"{got[0].unit}/{spent[0].unit.partition('/')[0]}"
    method = f"errors in both directions (York), {len(points)} values of {by}, t({line.freedom})"
    shown = ", ".join(f"{name} ({a.value:.4g}, {b.value:.4g})" for name, a, b in points)
    checks = [Check("points", None, f"cost and value: {shown}")]
    if line.scatter is not None:
        fits = line.scatter <= _largest_scatter(line.freedom, level)
        text = f"the points scatter {line.scatter:.2f} times as much about the line as their errors explain"
        checks.insert(0, Check("line", fits, text if fits else f"{text}; the interval is wider for it"))
    if not math.isfinite(line.slope) or not math.isfinite(line.error):
        return Refusal(Reason.UNSTABLE, "the points stand on a vertical line within their errors"), tuple(checks)
    return Estimate(line.slope, unit, len(points), method, low, high, level), tuple(checks)


def _error(estimate: Estimate) -> float:
    """Standard error behind an interval, 0 for a census."""
    half = estimate.half_width
    if half is None or estimate.level is None:
        return 0.0
    return half / t_quantile(estimate.level, math.inf)


def _differ(x: NDArray[np.float64], error: NDArray[np.float64], level: float) -> bool:
    """Tell whether values differ by more than their errors: Cochran's Q."""
    from scipy.stats import chi2

    if np.ptp(x) == 0:
        return False
    if (error == 0).any():
        return True
    weight = 1 / error**2
    middle = float(weight @ x) / float(weight.sum())
    return float(weight @ (x - middle) ** 2) > float(chi2.ppf(level, len(x) - 1))


def _largest_scatter(freedom: int, level: float) -> float:
    from scipy.stats import chi2

    return float(chi2.ppf(level, freedom)) / freedom


def _origin(findings: tuple[Finding, ...]) -> Provenance:
    """Both metrics' origin in one."""
    origins = [finding.provenance for finding in findings]
    tables = dict(pair for origin in origins for pair in origin.tables)
    hashes = dict.fromkeys(origin.definition for origin in origins if origin.definition)
    return Provenance("+".join(hashes), origins[0].window, tuple(tables.items()), origins[0].code)
