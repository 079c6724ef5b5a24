"""Pictures of single rungs: a rollout's event study, tests' effects on effects, correlations by lag, specifications."""

import math
from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

import altair as alt
import numpy as np
from numpy.typing import ArrayLike

from metricstack.charts.axes import nice_domain, number_axis
from metricstack.charts.dots import MOST_DOTS, change_dots
from metricstack.charts.findings import chart_findings
from metricstack.charts.notebook import Picture, finished
from metricstack.charts.rows import Point, Row, Values, guard
from metricstack.charts.theme import ACCENT, BAD, INK, MUTED
from metricstack.charts.trend import trend
from metricstack.charts.words import chart_words
from metricstack.core.errors import InvalidInput
from metricstack.core.units import write_change
from metricstack.core.values import Estimate, Reason, Refusal
from metricstack.linkage.names import title_of
from metricstack.numerics.intervals import t_quantile

if TYPE_CHECKING:
    from metricstack.linkage.calendar import CalendarAdjusted
    from metricstack.linkage.lead_lag import LeadLag
    from metricstack.linkage.portfolio_result import PortfolioSlope
    from metricstack.linkage.rollout import RolloutEffect
    from metricstack.linkage.specifications import Specifications

__all__ = ["chart_adjusted", "chart_lags", "chart_rollout", "chart_specifications", "portfolio_scatter"]

_HEIGHT = 230


def chart_adjusted(found: "CalendarAdjusted", *, title: str = "") -> Any:
    """Draw what the calendar leaves of a series, day by day; its share alone where the days are not known.

    Args:
        found: The series without its calendar.
        title: What is shown.
    """
    if found.days is None:
        return chart_findings(found, title=title)
    points = [
        Point(date.fromisoformat(str(day)), Estimate(float(left), "1", 1, "adjusted"))
        if math.isfinite(left)
        else Point(date.fromisoformat(str(day)), Refusal(Reason.NO_DATA, "a missing day"))
        for day, left in zip(found.days, found.values, strict=True)
    ]
    return trend(points, "1", target=0.0, title=title or "Without weekdays, trend and events", each="days")


def chart_rollout(found: "RolloutEffect", *, title: str = "") -> Picture:
    """Draw effects by periods since adoption: what was before adoption should lie about 0.

    Thick: the interval of each point; thin: the band that holds all points before, or all after, at once.

    Args:
        found: What the rollout did.
        title: What is shown.
    """
    head = title or "Effect by periods since adoption"
    if not found.since_adoption:
        return change_dots([Row("All treated units and periods", found.estimate)], found.unit, title=title or "Effect")
    guard(found.since_adoption, "points")
    values: Values = []
    for point in found.since_adoption:
        known = point.effect
        low = known.value if known.low is None else known.low
        high = known.value if known.high is None else known.high
        values.append(
            {"at": point.at, "value": known.value, "low": low, "high": high, "band_low": point.low,
             "band_high": point.high, "colour": MUTED if point.at < 0 else ACCENT}
        )  # fmt: skip
    domain = _domain([value[name] for value in values for name in ("value", "low", "high", "band_low", "band_high")])
    for value in values:
        value |= {name: _inside(value[name], domain) for name in ("low", "high", "band_low", "band_high")}
    first, last = min(v["at"] for v in values), max(v["at"] for v in values)
    x = _whole("at", (first - 0.5, last + 0.5))
    y = _signed("value", domain, found.unit)
    colour = alt.Color(field="colour", type="nominal", scale=None, legend=None)
    data = alt.Chart(alt.InlineData(values=values))
    layers: list[Any] = [_level(0.0, domain)]
    if first < 0 <= last:
        layers.append(_upright(-0.5, (first - 0.5, last + 0.5)))
    layers += [
        data.mark_rule(strokeWidth=1.5, opacity=0.6).encode(
            x=x, y=alt.Y(field="band_low", type="quantitative"), y2=alt.Y2(field="band_high"), color=colour
        ),
        data.mark_rule(strokeWidth=6, opacity=0.35, strokeCap="round").encode(
            x=x, y=alt.Y(field="low", type="quantitative"), y2=alt.Y2(field="high"), color=colour
        ),
        data.mark_point(filled=True, size=70, opacity=1).encode(x=x, y=y, color=colour),
    ]
    overall = write_change(0.0, found.value, found.unit)
    said = ["Periods since adoption, dashed; grey is before.", f"Over all treated units and periods: {overall}."]
    if found.pre_trend is not None:
        kept = found.pre_trend.p_value > found.pre_trend.alpha
        said[1] += f" Before: {'no trend is shown' if kept else 'a trend'} (p = {found.pre_trend.p_value:.2g})."
    chart = alt.LayerChart(layer=layers).properties(height=_HEIGHT)
    return finished(chart, title=head, subtitle=said, summary=" ".join(said))


def chart_lags(found: "LeadLag", *, title: str = "") -> Picture:
    """Draw the correlation at each lag, with intervals that hold for all lags at once; the best one is coloured.

    Args:
        found: Which series moves first.
        title: What is shown.
    """
    values: Values = [
        {"lag": one.lag, "r": one.r, "low": one.low, "high": one.high, "zero": 0.0,
         "colour": ACCENT if one.lag == found.lag and found.linked else MUTED}
        for one in found.profile
    ]  # fmt: skip
    guard(values, "lags")
    reach = max(max(abs(one.low), abs(one.high), abs(one.r)) for one in found.profile)
    domain = nice_domain([-reach, reach])
    lags = [one.lag for one in found.profile]
    x = _whole("lag", (min(lags) - 0.6, max(lags) + 0.6))
    colour = alt.Color(field="colour", type="nominal", scale=None, legend=None)
    data = alt.Chart(alt.InlineData(values=values))
    layers: list[Any] = [
        _level(0.0, domain),
        data.mark_rule(strokeWidth=7, opacity=0.35).encode(
            x=x, y=alt.Y(field="low", type="quantitative"), y2=alt.Y2(field="high"), color=colour
        ),
        data.mark_rule(strokeWidth=2).encode(
            x=x, y=alt.Y(field="zero", type="quantitative"), y2=alt.Y2(field="r"), color=colour
        ),
        data.mark_point(filled=True, size=70, opacity=1).encode(x=x, y=_signed("r", domain, "1"), color=colour),
    ]
    says = f"{found.says[:1].upper()}{found.says[1:]} (p = {found.p_value:.2g} over {len(values)} lags)."
    said = [says, "Correlation by days that x comes first; below 0, y does."]
    chart = alt.LayerChart(layer=layers).properties(height=_HEIGHT)
    return finished(chart, title=title or "Which moves first", subtitle=said, summary=" ".join(said))


def chart_specifications(found: "Specifications", *, title: str = "") -> Picture:
    """Draw the same question asked in several ways, the declared one first, all on one scale.

    Args:
        found: The specifications.
        title: What is shown.
    """
    rows = [Row(one.name, one.answer if isinstance(one.answer, Refusal) else one.answer.estimate) for one in found.ways]
    unit = next((row.answer.unit for row in rows if not isinstance(row.answer, Refusal)), "1")
    head = title or f"{title_of(found.cause)} → {title_of(found.outcome)}, asked in {len(rows)} ways"
    return change_dots(rows[:MOST_DOTS], unit, title=head, order=False)


def portfolio_scatter(
    effects: ArrayLike, covariances: ArrayLike, slope: "PortfolioSlope", *, unit: str = "1", title: str = ""
) -> Picture:
    """Draw what each test did to the cause against what it did to the outcome, with the raw and the corrected line.

    The raw line is the regression of the estimated effects; it is pulled towards the slope of the tests' noise. The
    corrected one has the portfolio's slope and passes through the mean of all tests.

    Args:
        effects: Effects on the cause and the outcome, shape (K, 2), float64, no NaN.
        covariances: Their sampling covariances, shape (K, 2, 2).
        slope: What the portfolio says of these tests, with one cause.
        unit: Unit of the cause; the outcome's is read from the slope.
        title: What is shown.

    Raises:
        InvalidInput: shapes that do not fit, or several causes.
    """
    x, v = np.asarray(effects, dtype=np.float64), np.asarray(covariances, dtype=np.float64)
    if x.ndim != 2 or x.shape[1] != 2 or v.shape != (len(x), 2, 2):
        raise InvalidInput(f"Effects have the shape (K, 2) and covariances (K, 2, 2); got {x.shape} and {v.shape}.")
    if len(slope.causes) != 1:
        raise InvalidInput(f"A scatter has one cause; this portfolio has {len(slope.causes)}.")
    if not np.isfinite(x).all() or not np.isfinite(v).all():
        raise InvalidInput("A value of the effects or covariances is missing.")
    if not len(x):
        return chart_words("There are no tests to draw.", title=title)
    guard(x.tolist(), "tests")
    reach = t_quantile(0.95, math.inf) * np.sqrt(np.einsum("kii->ki", v))
    low, high = x - reach, x + reach
    values: Values = [
        {"cause": a, "outcome": b, "left": left, "right": right, "bottom": bottom, "top": top}
        for (a, b), (left, bottom), (right, top) in zip(x.tolist(), low.tolist(), high.tolist(), strict=True)
    ]
    across = nice_domain([*low[:, 0].tolist(), *high[:, 0].tolist(), 0.0], pad=0.02)
    up = nice_domain([*low[:, 1].tolist(), *high[:, 1].tolist(), 0.0], pad=0.02)
    centre = x.mean(axis=0)
    spread = float(np.var(x[:, 0]))
    raw = float(np.mean((x[:, 0] - centre[0]) * (x[:, 1] - centre[1])) / spread) if spread else 0.0
    x_axis = alt.X(
        field="cause", type="quantitative", scale=alt.Scale(domain=list(across), nice=False, zero=False),
        axis=_titled(number_axis(across, unit, signed=True), f"Effect on {title_of(slope.causes[0])}"),
    )  # fmt: skip
    y_axis = _signed("outcome", up, slope.effect.unit)
    data = alt.Chart(alt.InlineData(values=values))
    layers: list[Any] = [
        data.mark_rule(color=INK, opacity=0.22).encode(
            x=alt.X(field="left", type="quantitative"), x2=alt.X2(field="right"), y=y_axis
        ),
        data.mark_rule(color=INK, opacity=0.22).encode(
            x=x_axis, y=alt.Y(field="bottom", type="quantitative"), y2=alt.Y2(field="top")
        ),
        data.mark_point(filled=True, size=55, opacity=0.9, color=MUTED).encode(x=x_axis, y=y_axis),
    ]
    for value, colour, dash in ((raw, BAD, [5, 4]), (slope.effect.value, ACCENT, [1, 0])):
        ends = _ends(value, (float(centre[0]), float(centre[1])), across, up)
        line = alt.Chart(alt.InlineData(values=ends)).mark_line(color=colour, strokeDash=dash, strokeWidth=2.5)
        layers.append(line.encode(x=x_axis, y=y_axis))
    said = [
        f"Effect on {title_of(slope.outcome)} against effect on {title_of(slope.causes[0])}, {len(x):,} tests, "
        "bars of 95\u00a0%.",
        f"Solid blue: slope {slope.effect.value:.3g}, {slope.effect.estimate.method.rpartition(', ')[2]}; "
        f"dashed orange: {raw:.3g}, raw.",
    ]
    chart = alt.LayerChart(layer=layers).properties(height=320)
    head = title or f"{title_of(slope.causes[0])} → {title_of(slope.outcome)} over tests"
    return finished(chart, title=head, subtitle=said, summary=" ".join(said))


def _ends(slope: float, centre: tuple[float, float], across: tuple[float, float], up: tuple[float, float]) -> Values:
    """The two points where a line through a centre meets the frame."""
    left, right = across
    if slope:
        meets = sorted((centre[0] + (bound - centre[1]) / slope) for bound in up)
        left, right = max(left, meets[0]), min(right, meets[1])
    return [{"cause": at, "outcome": centre[1] + slope * (at - centre[0])} for at in (left, right)]


def _domain(numbers: Sequence[float]) -> tuple[float, float]:
    return nice_domain([number for number in numbers if math.isfinite(number)] + [0.0])


def _inside(value: float, domain: tuple[float, float]) -> float:
    return min(max(value, domain[0]), domain[1])


def _whole(field: str, domain: tuple[float, float]) -> alt.X:
    """An axis of whole numbers."""
    first, last = math.ceil(domain[0]), math.floor(domain[1])
    step = max(1, -(-(last - first) // 10))
    ticks = [at for at in range(first, last + 1) if at % step == 0]
    label = "(datum.value < 0 ? '−' : datum.value > 0 ? '+' : '') + abs(datum.value)"
    axis = alt.Axis(values=ticks, tickCount=len(ticks), labelExpr=label, title=None, grid=False)
    return alt.X(
        field=field, type="quantitative", axis=axis, scale=alt.Scale(domain=list(domain), nice=False, zero=False)
    )


def _signed(field: str, domain: tuple[float, float], unit: str) -> alt.Y:
    return alt.Y(
        field=field, type="quantitative", axis=number_axis(domain, unit, signed=True),
        scale=alt.Scale(domain=list(domain), nice=False, zero=False),
    )  # fmt: skip


def _titled(axis: alt.Axis, title: str) -> alt.Axis:
    axis.title = title
    axis.titleColor = INK
    axis.titleFontWeight = 400
    axis.titleOpacity = 0.8
    return axis


def _level(at: float, domain: tuple[float, float]) -> Any:
    scale = alt.Scale(domain=list(domain), nice=False, zero=False)
    line = alt.Chart(alt.InlineData(values=[{"zero": at, "name": "no effect"}])).mark_rule(color=INK, opacity=0.55)
    return line.encode(y=alt.Y(field="zero", type="quantitative", scale=scale))


def _upright(at: float, domain: tuple[float, float]) -> Any:
    scale = alt.Scale(domain=list(domain), nice=False, zero=False)
    line = alt.Chart(alt.InlineData(values=[{"adopted": at}])).mark_rule(color=INK, opacity=0.5, strokeDash=[4, 3])
    return line.encode(x=alt.X(field="adopted", type="quantitative", scale=scale))
