"""What a total is made of, period by period: stacked bars with the total on top."""

from collections.abc import Sequence

import altair as alt

from metricstack.charts.axes import number_axis, short
from metricstack.charts.notebook import finished
from metricstack.charts.rows import Part, Values, guard, instant
from metricstack.charts.theme import COLOURS, MUTED
from metricstack.charts.words import chart_words
from metricstack.core.errors import InvalidInput
from metricstack.core.units import write

__all__ = ["stacked_cost"]

_MOST_PARTS = 6
_OTHER = "other"


def stacked_cost(
    parts: Sequence[Part], unit: str, *, title: str = "", grain: str = "month"
) -> alt.LayerChart | alt.Chart:
    """Draw what a total is made of, one bar per period, the largest part at the bottom.

    Args:
        parts: One per period and part; none negative. Parts beyond the six largest are drawn as "other".
        unit: Their unit, money as a rule.
        title: What is shown.
        grain: What a bar stands for: day, week, month or quarter.

    Raises:
        InvalidInput: a part is negative (a stack cannot show it).
    """
    guard(parts, "parts")
    if not parts:
        return chart_words("No cost was recorded.", title=title)
    if any(part.value < 0 for part in parts):
        worst = min(parts, key=lambda part: part.value)
        raise InvalidInput(f"A stack cannot show {write(worst.value, unit)} of {worst.part!r}. Draw it as a trend.")
    sums: dict[str, float] = {}
    for part in parts:
        sums[part.part] = sums.get(part.part, 0.0) + part.value
    names = sorted(sums, key=lambda name: -sums[name])
    if len(names) > _MOST_PARTS + 1:
        names = names[:_MOST_PARTS]
    cells: dict[tuple[str, str], float] = {}
    for part in parts:
        key = instant(part.at), part.part if part.part in names else _OTHER
        cells[key] = cells.get(key, 0.0) + part.value
    order = [*names, _OTHER] if any(name == _OTHER for _, name in cells) and _OTHER not in names else names
    totals: dict[str, float] = {}
    values: Values = []
    for (at, name), value in sorted(cells.items()):
        totals[at] = totals.get(at, 0.0) + value
        values.append({"at": at, "part": name, "value": value, "order": order.index(name)})
    tops: Values = [{"at": at, "value": total, "words": short(total, unit)} for at, total in totals.items()]
    x = alt.X(field="at", type="ordinal", axis=_period_axis(grain), scale=alt.Scale(paddingInner=0.25))
    y = alt.Y(field="value", type="quantitative", stack="zero", axis=number_axis((0.0, max(totals.values())), unit))
    colours = [*COLOURS[: len(order)]] if order == names else [*COLOURS[: len(order) - 1], MUTED]
    bars = (
        alt.Chart(alt.InlineData(values=values))
        .mark_bar()
        .encode(
            x=x,
            y=y,
            order=alt.Order(field="order", type="quantitative"),
            color=alt.Color(
                field="part",
                type="nominal",
                scale=alt.Scale(domain=order, range=colours),
                legend=alt.Legend() if len(order) > 1 else None,
            ),
        )
    )
    layers = [bars]
    totals_text = alt.Chart(alt.InlineData(values=tops if len(tops) <= 6 else tops[-1:])).mark_text(
        dy=-8, fontWeight=600
    )
    layers.append(
        totals_text.encode(
            x=x, y=alt.Y(field="value", type="quantitative"), text=alt.Text(field="words", type="nominal")
        )
    )
    below = unit.partition("/")[2]
    last = max(totals)
    shares = ", ".join(f"{name} {write(cells.get((last, name), 0.0), unit)}" for name in order)
    summary = f"Last {grain}: {write(totals[last], unit)} in all; {shares}."
    chart = alt.LayerChart(layer=layers).properties(height=200)
    return finished(chart, title=title, subtitle=[f"per {below}" if below else ""], summary=summary)


def _period_axis(grain: str) -> alt.Axis:
    when = "toDate(datum.value)"
    if grain == "quarter":
        top = f"'Q' + ceil((utcmonth({when}) + 1) / 3)"
    else:
        top = f"utcFormat({when}, '{'%b' if grain == 'month' else '%d %b'}')"
    turn = f"datum.index == 0 || (utcmonth({when}) == 0 && utcdate({when}) <= 7)"
    expression = f"{turn} ? [{top}, utcFormat({when}, '%Y')] : {top}"
    return alt.Axis(labelExpr=expression, labelAngle=0, labelOverlap="greedy", domain=True, domainOpacity=0.35)
