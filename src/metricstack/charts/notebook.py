"""Charts in a notebook: inline SVG that needs no network, in two widths, switched on with the first chart."""

from typing import Any, TypeVar, cast

import altair as alt

from metricstack.charts import theme
from metricstack.core.show import TRUSTED

__all__ = ["Picture", "enable", "finished"]

Picture = alt.Chart | alt.LayerChart | alt.ConcatChart | alt.VConcatChart
Drawn = TypeVar("Drawn", bound=Picture)


def enable() -> None:
    """Make every Altair chart of this process wear our theme and show as offline inline SVG.

    Altair's own renderer fetches its scripts from a content network: offline it shows nothing. Ours turns a
    chart into SVG on the spot. Safe to call again; ``altair.renderers.enable("default")`` goes back.
    """
    theme.register()
    alt.theme.enable(theme.NAME)
    if theme.NAME not in alt.renderers.names():
        alt.renderers.register(theme.NAME, _bundle)
    if alt.renderers.active != theme.NAME:
        alt.renderers.enable(theme.NAME)


def _bundle(spec: dict[str, Any], **_: Any) -> dict[str, str]:
    from metricstack.charts.svg import figure_html

    return {"text/html": figure_html(spec, ""), TRUSTED: "escaped", "text/plain": str(spec.get("description", "chart"))}


def finished(chart: Drawn, *, title: str, summary: str, subtitle: list[str] | None = None) -> Drawn:
    """Give a chart its title and its description in words, and switch the notebook renderer on.

    Args:
        chart: The picture.
        title: What it shows.
        summary: What it says, for a reader who cannot see it.
        subtitle: Lines under the title: direction of good, what is missing.
    """
    global _enabled  # noqa: PLW0603  the one switch: a user who turned another renderer on later keeps it
    if not _enabled:
        enable()
        _enabled = True
    lines = [line for line in subtitle or [] if line]
    lead = f"{title.rstrip('.')}. " if title else ""
    described: Any = chart.properties(description=f"{lead}{summary}")
    if not title and not lines:
        return cast("Drawn", described)
    heading = alt.TitleParams(text=title or lines.pop(0))
    if lines:
        heading.subtitle = lines
    return cast("Drawn", described.properties(title=heading))


_enabled = False
