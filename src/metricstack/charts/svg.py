"""Charts as inline SVG: at the width of a page and of a phone, with a name, without a network, byte for byte.

A chart is drawn, measured and drawn again until its outside has the asked width: so text keeps its size,
and nothing is scaled down on a phone.
"""

import copy
import html
import re
import textwrap
from hashlib import blake2b
from typing import Any, Literal, cast

import altair as alt

from metricstack.charts import theme
from metricstack.core.text import seen

__all__ = ["WIDTHS", "figure_html", "svg"]

Width = Literal["wide", "narrow"]

# Outside widths in pixels: a report's column, and a phone of 390 px less its margins.
WIDTHS: dict[Width, int] = {"wide": 720, "narrow": 350}

_STYLE = (
    "<style>.ms-figure{container-type:inline-size;margin:1em 0}.ms-figure svg{max-width:100%;height:auto}"
    ".ms-figure>.ms-wide{display:block}.ms-figure>.ms-narrow{display:none}"
    "@container (max-width:560px){.ms-figure>.ms-wide{display:none}.ms-figure>.ms-narrow{display:block}}</style>"
)
_ID = re.compile(r'\bid="([^"]+)"')
_SIZE = re.compile(r'<svg[^>]*?\bwidth="([\d.]+)"')
_LINES = 6
_VIEWS = ("hconcat", "vconcat", "concat")


def svg(chart: Any, *, width: Width = "wide") -> str:
    """Render a chart as an SVG element for the inside of a page.

    Args:
        chart: An Altair chart, or its Vega-Lite dictionary.
        width: ``"wide"`` for a page, ``"narrow"`` for a phone.

    Returns:
        One ``<svg role="img">`` with a ``<title>``; its text is text, its ids are named after its content,
        so that figures of one page do not meet and the same input gives the same bytes.
    """
    return _fitted(_specification(chart), width, 60.0)[0]


def figure_html(chart: Any, caption: str = "") -> str:
    """Show a chart as a figure that fits its column: a wide and a narrow drawing, of which one is seen.

    Args:
        chart: An Altair chart, or its Vega-Lite dictionary.
        caption: What stands under it; empty for none.

    Returns:
        A ``<figure class="ms-figure">``; it needs no script and no style sheet beside the two rules it brings.
    """
    under = f"<figcaption>{html.escape(caption, quote=True)}</figcaption>" if caption else ""
    spec, around, both = _specification(chart), 60.0, ""
    for width in WIDTHS:
        drawn, around = _fitted(spec, width, around)
        both += f'<div class="ms-{width}">{drawn}</div>'
    return f'<figure class="ms-figure mathjax_ignore">{_STYLE}{both}{under}</figure>'


def _specification(chart: Any) -> dict[str, Any]:
    if isinstance(chart, dict):
        return cast("dict[str, Any]", _legible(chart))
    theme.register()
    with alt.theme.enable(theme.NAME):
        return cast("dict[str, Any]", _legible(chart.to_dict()))


def _legible(part: Any) -> Any:
    """Copy a part of a specification with every text as a reader can see it.

    The renderer ends the whole process at a character that XML cannot hold, so none may reach it.
    """
    if isinstance(part, str):
        return seen(part).replace("\n", " ").replace("\t", " ")
    if isinstance(part, dict):
        return {_legible(name): _legible(value) for name, value in part.items()}
    return [_legible(value) for value in part] if isinstance(part, list | tuple) else part


def _fitted(spec: dict[str, Any], width: Width, around: float) -> tuple[str, float]:
    """Draw until the outside has the asked width; return the picture and what stands around its inside.

    Args:
        spec: A Vega-Lite specification; it is not changed.
        width: The width asked.
        around: A first guess of the pixels that labels take in each column, which the next width inherits.
    """
    spec = copy.deepcopy(spec)
    outside = WIDTHS[width]
    columns = _fold(spec, narrow=width == "narrow")
    if width == "narrow":
        spec.setdefault("config", {}).setdefault("legend", {}).update(columns=2, labelLimit=125)
    inner = outside / columns - around
    drawn = ""
    for _ in range(4):
        drawn = _render(_sized(spec, inner, outside / columns))
        excess = _measured(drawn) - outside
        if -4 <= excess <= 0:
            break
        inner = max(40.0, inner - excess / columns)
    return _named(drawn, str(spec.get("description") or "Chart")), outside / columns - inner


def _fold(spec: dict[str, Any], *, narrow: bool) -> int:
    """Return how many columns the chart has; on a phone everything stands in one."""
    if "concat" not in spec:
        return len(spec["hconcat"]) if "hconcat" in spec else 1
    columns = 1 if narrow else min(int(spec.get("columns", 1)), len(spec["concat"]))
    spec["columns"] = columns
    return columns


def _sized(spec: dict[str, Any], inner: float, outside: float) -> dict[str, Any]:
    """Return the chart with an inner width in every view, and its titles wrapped to the outside width."""
    sized = copy.deepcopy(spec)

    def visit(view: dict[str, Any]) -> None:
        children = next((view[name] for name in _VIEWS if name in view), None)
        if children is None:
            view["width"] = round(inner, 1)
        for child in children or []:
            visit(child)
        title = view.get("title")
        if isinstance(title, dict):
            for part, size in (("text", 7.4), ("subtitle", 6.2)):
                if part in title:
                    title[part] = _wrapped(title[part], int(outside / size))
            title["limit"] = round(outside - 14)  # wide letters: a line that is longer all the same ends in dots

    visit(sized)
    return sized


def _wrapped(text: str | list[str], letters: int) -> list[str]:
    lines = [text] if isinstance(text, str) else text
    pieces = [piece for line in lines for piece in textwrap.wrap(line, letters) or [""]]
    return pieces if len(pieces) <= _LINES else [*pieces[: _LINES - 1], f"{pieces[_LINES - 1]} …"]


def _render(spec: dict[str, Any]) -> str:
    import vl_convert

    version = alt.SCHEMA_VERSION.lstrip("v").rpartition(".")[0]
    drawn: str = vl_convert.vegalite_to_svg(spec, vl_version=version, allowed_base_urls=[])
    return drawn


def _measured(drawn: str) -> float:
    size = _SIZE.search(drawn)
    return float(size.group(1)) if size else 0.0


def _named(drawn: str, description: str) -> str:
    """Give the SVG its name, and ids that no other figure of the page has."""
    mark = f"ms{blake2b(_without_ids(drawn).encode(), digest_size=5).hexdigest()}"
    for number, old in enumerate(dict.fromkeys(_ID.findall(drawn))):
        new = f"{mark}-{number}"
        drawn = drawn.replace(f'id="{old}"', f'id="{new}"').replace(f"url(#{old})", f"url(#{new})")
        drawn = drawn.replace(f'href="#{old}"', f'href="#{new}"')
    name = html.escape(description, quote=True)
    head, _, rest = drawn.partition(">")
    head = head.replace(
        ' class="marks"', f' class="ms-svg" role="img" style="overflow:visible" aria-labelledby="{mark}-title"'
    )
    return f'{head}><title id="{mark}-title">{name}</title>{rest}'


def _without_ids(drawn: str) -> str:
    """Return the SVG with its ids blanked: the renderer counts them on from figure to figure."""
    return re.sub(r'(id="|url\(#|href="#)[^")]+', r"\1", drawn)
