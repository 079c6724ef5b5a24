"""A picture of words: what stands where there is nothing to draw."""

import textwrap

import altair as alt

from metricstack.charts.notebook import finished

__all__ = ["chart_words"]


def chart_words(sentence: str, *, title: str = "") -> alt.Chart:
    """Draw a sentence, so that a question without an answer gives its reason and never an empty frame.

    Args:
        sentence: Why there is nothing to draw.
        title: What was to be drawn.

    Example:
        >>> chart_words("Nothing was measured.", title="Trust").to_dict()["description"]
        'Trust. Nothing was measured.'
    """
    lines = [{"line": number, "text": text} for number, text in enumerate(textwrap.wrap(sentence, 46) or [""])]
    chart: alt.Chart = (
        alt.Chart(alt.InlineData(values=lines))
        .mark_text(align="left", fontStyle="italic", fontSize=13)
        .encode(
            x=alt.value(0),
            y=alt.Y(field="line", type="ordinal", axis=None),
            text=alt.Text(field="text", type="nominal"),
        )
        .properties(height=alt.Step(19))
    )
    return finished(chart, title=title, summary=sentence)
