"""How every chart looks: quiet ink, safe colours, the page's own text colour on a transparent ground.

Ink is ``currentColor``: an inline SVG takes the colour of the text around it, so one picture is right on
white paper and on a dark page. Data colours are those of Okabe and Ito, darkened where they were too light
to be seen on white; neighbours differ in lightness too, so that they survive a grey printer.
"""

from typing import Any, cast

import altair as alt

__all__ = ["ACCENT", "BAD", "COLOURS", "FONT", "GOOD", "INK", "MUTED", "NAME", "config", "register"]

NAME = "metricstack"
# The renderer lays text out by the widths of Arial (or its twin, Liberation Sans), the reader's browser by those of
# the first font that it has: so after Inter (which reports embed under our name), a hair wider, come only twins.
FONT = "'Metricstack Sans', Inter, 'Helvetica Neue', Arial, 'Liberation Sans', sans-serif"
INK = "currentColor"
ACCENT = "#1f78b4"
GOOD = "#0f8f6b"
BAD = "#d55e00"
MUTED = "#8a8f98"
COLOURS = (ACCENT, "#d98a00", "#0f8f6b", "#b8558f", "#d55e00", "#4aa3d8", "#7a6a9a", MUTED)


def config() -> dict[str, Any]:
    """Return the theme as Vega-Lite reads it: text of 12 px and more, light grid, no frame."""
    return {
        "config": {
            "aria": False,  # the figure has one name of its own; thousands of marks need none
            "background": "transparent",
            "font": FONT,
            "padding": {"left": 3, "top": 3, "right": 9, "bottom": 3},
            "view": {"stroke": None, "continuousWidth": 600, "continuousHeight": 200},
            "range": {"category": list(COLOURS)},
            "axis": {
                "domain": False,
                "gridColor": INK,
                "gridOpacity": 0.12,
                "labelColor": INK,
                "labelFontSize": 12,
                "labelOpacity": 0.8,
                "labelPadding": 6,
                "ticks": False,
                "title": None,
            },
            "axisX": {"grid": False, "labelFlush": True},
            "title": {
                "anchor": "start",
                "color": INK,
                "fontSize": 14,
                "fontWeight": 600,
                "frame": "bounds",
                "lineHeight": 18,
                "offset": 12,
                "subtitleColor": INK,
                "subtitleFontSize": 12,
                "subtitleLineHeight": 16,
                "subtitlePadding": 4,
            },
            "legend": {
                "columns": 3,
                "labelColor": INK,
                "labelFontSize": 12,
                "labelLimit": 150,
                "orient": "top",
                "symbolType": "square",
                "symbolStrokeWidth": 0,
                "title": None,
            },
            "concat": {"spacing": 28},
            "text": {"color": INK, "fontSize": 12},
            "line": {"strokeWidth": 2, "strokeJoin": "round", "strokeCap": "round"},
        }
    }


def register() -> None:
    """Tell Altair of the theme under its name, without switching it on (`enable` does)."""
    if NAME not in alt.theme.names():
        alt.theme.register(NAME, enable=False)(lambda: cast("alt.theme.ThemeConfig", config()))
