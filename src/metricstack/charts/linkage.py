"""Pictures of linkage: the map as a graph from what it costs to the business, and the ladder of one edge."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import altair as alt

from metricstack.charts.dots import change_dots
from metricstack.charts.graph import LINE, laid_out, routed, wrapped_name
from metricstack.charts.notebook import Picture, finished
from metricstack.charts.rows import Row, Values
from metricstack.charts.theme import BAD, GOOD, INK, MUTED
from metricstack.charts.words import chart_words
from metricstack.core.values import Answer, Refusal
from metricstack.linkage.names import RUNGS, layer_of, title_of

if TYPE_CHECKING:
    from metricstack.linkage.evidence import Evidence
    from metricstack.linkage.linkage_map import LinkageMap
    from metricstack.linkage.questions import FourQuestions
    from metricstack.linkage.verdict import Edge

__all__ = ["MOST_EDGES", "chart_edge", "chart_map", "chart_questions"]

Side = Literal["left", "center", "right"]

MOST_EDGES = 60
_ORDER = ("supports", "contradicts", "inconclusive", "refused")
_COLOURS = {"supports": GOOD, "contradicts": BAD, "inconclusive": MUTED, "refused": MUTED}
_STRENGTH = {"supports": 0.95, "contradicts": 0.95, "inconclusive": 0.42, "refused": 0.35}
_SAID = {
    "supports": "supported",
    "contradicts": "contradicted",
    "inconclusive": "undecided",
    "refused": "cannot be said",
}
_DASHES = {"A": [1, 0], "B": [9, 3], "C": [5, 4], "D": [2, 4], "none": [2, 8]}
_GRADES = {"A": "A: experiments", "B": "B: natural experiment", "C": "C: adjusted", "D": "D: association"}
_HEADS = ("Cost, reliability", "Quality", "Business")
_COLUMNS = {"cost": 0, "reliability": 0, "quality": 1, "business": 2}
_LARGEST = 4.0
_TOP = 34
_LEGEND = 20


def chart_map(found: "LinkageMap", *, title: str = "") -> Picture:
    """Draw a map as a graph: from cost and reliability on the left over quality to the business on the right.

    An edge is coloured by its verdict, dashed by its grade, and as wide as its effect is large, counted in smallest
    effects that matter; what is undecided or refused is faint.

    Args:
        found: The map.
        title: What is shown.

    Returns:
        A chart of at most `MOST_EDGES` edges, which says how many it leaves out; words for a map without edges.
    """
    ranked = sorted(found.edges, key=lambda edge: (_ORDER.index(edge.verdict), -_size(edge)))
    shown = ranked[:MOST_EDGES]
    if not shown:
        return chart_words("No edge was declared, so there is nothing to draw.", title=title)
    pairs = [(edge.cause, edge.effect) for edge in shown]
    columns = _columns(pairs)
    heads = [name for at, name in enumerate(_HEADS) if at in columns.values()]
    dense = {old: new for new, old in enumerate(sorted(set(columns.values())))}
    places, body = laid_out({node: dense[column] for node, column in columns.items()}, pairs)
    lanes = routed(places, pairs, len(dense))
    layers: list[Any] = []
    tips: Values = []
    for edge, lane in reversed(list(zip(shown, lanes, strict=True))):  # what was found lies on top
        wide = round(1.3 + 0.9 * min(_size(edge), _LARGEST), 1)
        look = {"colour": _COLOURS[edge.verdict], "strength": _STRENGTH[edge.verdict]}
        points: Values = [
            look | {"x": round(x, 4), "shift": round(shift, 1), "y": round(_TOP + y, 1), "step": step}
            for step, (x, shift, y) in enumerate(lane.points)
        ]
        layers.append(_line(points, _DASHES[edge.grade], wide))
        size = 45 + 18 * wide
        back = (1 if lane.to_left else -1) * round(size**0.5 / 2, 1)  # its point, not its middle, reaches the name
        tip = {"shift": round(points[-1]["shift"] + back, 1), "angle": 270 if lane.to_left else 90, "size": size}
        tips.append(points[-1] | tip)
    layers.append(
        _placed(tips)
        .mark_point(shape="triangle-up", filled=True)
        .encode(
            **_where(), color=_colour(), opacity=_opacity(),
            angle=alt.Angle(field="angle", type="quantitative", scale=None),
            size=alt.Size(field="size", type="quantitative", scale=None, legend=None),
        )
    )  # fmt: skip
    layers += _names(places, len(dense))
    layers += _heads(heads)
    legend, rows = _legend(shown, _TOP + body)
    layers += legend
    left_out = f"{len(shown):,} of {len(ranked):,} edges shown, those found first" if len(ranked) > len(shown) else ""
    chart = alt.LayerChart(layer=layers).properties(height=_TOP + body + rows * _LEGEND + 14)
    subtitle = ["The wider, the larger the effect of a step, in effects that matter.", left_out]
    return finished(chart, title=title or "What moves what", subtitle=subtitle, summary=_summary(shown))


def _size(edge: "Edge") -> float:
    """The effect in smallest effects that matter."""
    if isinstance(edge.estimate, Refusal):
        return 0.0
    return abs(edge.estimate.value) / edge.hypothesis.smallest_effect


def _columns(pairs: Sequence[tuple[str, str]]) -> dict[str, int]:
    """The column of each metric: of its layer; else the business where it is only moved, quality where it is both."""
    found = {}
    for node in dict.fromkeys(node for pair in pairs for node in pair):
        moves, moved = any(node == cause for cause, _ in pairs), any(node == effect for _, effect in pairs)
        found[node] = _COLUMNS.get(layer_of(node), 1 if moves and moved else 0 if moves else 2)
    return found


def _placed(values: Values) -> alt.Chart:
    """Values whose ``x`` is a share of the width and whose ``shift`` is in pixels, turned into pixels."""
    chart: alt.Chart = alt.Chart(alt.InlineData(values=values)).transform_calculate(x="datum.x * width + datum.shift")
    return chart


def _where() -> dict[str, Any]:
    return {
        "x": alt.X(field="x", type="quantitative", scale=None, axis=None),
        "y": alt.Y(field="y", type="quantitative", scale=None, axis=None),
    }


def _colour() -> alt.Color:
    return alt.Color(field="colour", type="nominal", scale=None, legend=None)


def _opacity() -> alt.Opacity:
    return alt.Opacity(field="strength", type="quantitative", scale=None, legend=None)


def _line(points: Values, dash: Sequence[int], wide: float) -> Any:
    """One edge; its dashes grow with its width, so that a grade is told from another at any width."""
    stretched = [round(part * max(wide, 1.5) / 2, 1) for part in dash]
    return (
        _placed(points)
        .mark_line(strokeDash=stretched, strokeWidth=wide, strokeCap="butt")
        .encode(
            **_where(), color=_colour(), opacity=_opacity(), order=alt.Order(field="step", type="quantitative")
        )
    )  # fmt: skip


def _names(places: Any, columns: int) -> list[Any]:
    texts: dict[Side, Values] = {}
    for node, place in places.items():
        lines = wrapped_name(title_of(node))
        side = _side(place.column, columns)
        share = place.column / (columns - 1) if columns > 1 else 0.5
        texts.setdefault(side, []).extend(
            {"x": share, "shift": 0, "y": round(_TOP + place.y + LINE * (at - (len(lines) - 1) / 2), 2), "text": line}
            for at, line in enumerate(lines)
        )
    return [
        _placed(values)
        .mark_text(align=side, baseline="middle", fontWeight=500, clip=False)
        .encode(**_where(), text=alt.Text(field="text", type="nominal"))
        for side, values in texts.items()
    ]


def _side(column: int, columns: int) -> Side:
    """How names of a column are set: the outer columns hug the frame."""
    if columns == 1 or 0 < column < columns - 1:
        return "center"
    return "left" if column == 0 else "right"


def _heads(heads: Sequence[str]) -> list[Any]:
    layers = []
    for at, head in enumerate(heads):
        share = at / (len(heads) - 1) if len(heads) > 1 else 0.5
        side = _side(at, len(heads))
        text = _placed([{"x": share, "shift": 0, "y": 8, "text": head}])
        layers.append(
            text.mark_text(align=side, baseline="middle", opacity=0.7).encode(
                **_where(), text=alt.Text(field="text", type="nominal")
            )
        )
    return layers


def _legend(shown: Sequence["Edge"], top: float) -> tuple[list[Any], int]:
    """What a colour and a dash mean: one row for verdicts, one for grades, two of each in a row on a phone."""
    verdicts = [
        (_COLOURS[v], _STRENGTH[v], _DASHES["none" if v == "refused" else "A"], _SAID[v])
        for v in _ORDER
        if any(e.verdict == v for e in shown)
    ]
    grades = [(INK, 0.8, _DASHES[g], said) for g, said in _GRADES.items() if any(e.grade == g for e in shown)]
    layers: list[Any] = []
    rows = 0
    for group in (verdicts, grades):
        for at, (colour, strength, dash, said) in enumerate(group):
            line, column = rows + at // 2, at % 2
            y, look = top + 20 + line * _LEGEND, {"colour": colour, "strength": strength}
            ends: Values = [look | {"x": column * 0.5, "shift": shift, "y": y} for shift in (2, 32)]
            mark = _placed(ends).mark_line(strokeDash=dash, strokeWidth=3, strokeCap="butt")
            layers.append(mark.encode(**_where(), color=_colour(), opacity=_opacity()))
            words = _placed([{"x": column * 0.5, "shift": 40, "y": y, "text": said}])
            layers.append(
                words.mark_text(align="left", baseline="middle", opacity=0.85).encode(
                    **_where(), text=alt.Text(field="text", type="nominal")
                )
            )
        rows += -(-len(group) // 2)
    return layers, rows


def _summary(shown: Sequence["Edge"]) -> str:
    said = [f"{title_of(e.cause)} to {title_of(e.effect)}: {_SAID[e.verdict]}, grade {e.grade}" for e in shown[:6]]
    more = f"; and {len(shown) - 6:,} more" if len(shown) > 6 else ""
    return f"{'; '.join(said)}{more}."


def chart_questions(found: "FourQuestions", *, title: str = "") -> Picture:
    """Draw the map of the four questions' edges; see `chart_map`."""
    return chart_map(found.drawn, title=title)


def chart_edge(edge: "Edge", *, title: str = "") -> Picture:
    """Draw an edge's ladder: one row per rung, the strongest on top, all on one scale; what does not stand is hollow.

    Args:
        edge: The edge.
        title: What is shown.
    """
    head = title or f"{title_of(edge.cause)} {edge.hypothesis.step_size} → {title_of(edge.effect)}"
    if not edge.evidence:
        return chart_words("No rung was tried.", title=head)
    rows = [
        Row(f"{one.grade}  {RUNGS[one.rung]}{_counts(edge, one)}", _answer(one), counts=one.stands)
        for one in edge.evidence
    ]
    unit = next((row.answer.unit for row in rows if not isinstance(row.answer, Refusal)), "1")
    return change_dots(rows, unit, title=head, order=False)


def _counts(edge: "Edge", one: "Evidence") -> str:
    if one is edge.best:
        return ", decides"
    return f", fails {', '.join(check.name.replace('_', ' ') for check in one.failed)}" if one.failed else ""


def _answer(one: "Evidence") -> Answer:
    return one.estimate if isinstance(one.estimate, Refusal) else one.estimate.estimate
