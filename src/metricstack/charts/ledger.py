"""A ledger of tests as bars: what was tried, and how it ended."""

from collections import Counter
from typing import TYPE_CHECKING, Any

import altair as alt

from metricstack.charts.notebook import Picture, finished
from metricstack.charts.rows import Values
from metricstack.charts.theme import ACCENT, BAD, INK, MUTED
from metricstack.charts.words import chart_words
from metricstack.core.text import seen
from metricstack.linkage.names import RUNGS

if TYPE_CHECKING:
    from metricstack.linkage.ledger import Ledger

__all__ = ["chart_ledger"]

_STEP = 50
# What a test came to → how it is counted in words, its colour, and how strong that is.
_ENDS = {
    "decides": ("decide", ACCENT, 1.0),
    "stands": ("stand", ACCENT, 0.55),
    "held": ("held", ACCENT, 0.55),
    "undecided": ("undecided", MUTED, 0.6),
    "failed": ("failed", BAD, 0.9),
    "refused": ("cannot say", MUTED, 0.25),
}


def chart_ledger(ledger: "Ledger", *, title: str = "") -> Picture:
    """Draw how many tests of each kind were run and how they ended: the rungs, strongest first, then their checks.

    Args:
        ledger: The tests.
        title: What is shown.

    Returns:
        One bar for each kind, as long as it has tests; what ended how is in words above it too.
    """
    if not ledger.trials:
        return chart_words("No test was run.", title=title)
    kinds: dict[str, Counter[str]] = {}
    for one in ledger:
        kinds.setdefault(_kind(one.test), Counter())[one.outcome.partition(":")[0]] += 1
    ladder = [kind for kind in RUNGS.values() if kind in kinds]
    beside = sorted((kind for kind in kinds if kind not in ladder), key=lambda kind: (-kinds[kind].total(), kind))
    rows: Values = []
    bars: Values = []
    for row, kind in enumerate([*ladder, *beside]):
        ends = sorted(kinds[kind].items(), key=lambda end: _place(end[0]))
        said = ", ".join(f"{n:,} {_ENDS.get(name, (name,))[0]}" for name, n in ends)
        rows.append({"row": row, "label": kind, "words": said, "total": f"{kinds[kind].total():,}"})
        start = 0
        for name, n in ends:
            _, colour, strength = _ENDS.get(name, (name, MUTED, 0.6))
            bars.append({"row": row, "from": start, "to": start + n, "colour": colour, "strength": strength})
            start += n
    edges = len({one.edge for one in ledger})
    told = f"{len(ledger):,} {'test' if len(ledger) == 1 else 'tests'} of {edges:,} {'edge' if edges == 1 else 'edges'}"
    summary = "; ".join(f"{row['label']}: {row['words']}" for row in rows)
    return finished(
        _drawn(rows, bars), title=title or "What was tried, and how it ended", subtitle=[f"{told}."],
        summary=f"{told}: {summary}.",
    )  # fmt: skip


def _kind(test: str) -> str:
    """The rung of a test, or the check that was made beside it, of whichever rung and metric."""
    rung, _, check = test.partition(", ")
    name = check.partition(":")[0] if check else rung
    return RUNGS.get(name, seen(f"{name[:1].upper()}{name[1:]}".replace("_", " ")))


def _place(name: str) -> int:
    known = list(_ENDS)
    return known.index(name) if name in known else len(known)


def _drawn(rows: Values, bars: Values) -> alt.LayerChart:
    y = alt.Y(
        field="row", type="quantitative", axis=None,
        scale=alt.Scale(domain=[-0.8, len(rows) - 0.6], reverse=True, nice=False, zero=False),
    )  # fmt: skip
    longest = max(bar["to"] for bar in bars)
    x = alt.X(field="from", type="quantitative", axis=None, scale=alt.Scale(domain=[0, longest], nice=False))
    told: Any = alt.Chart(alt.InlineData(values=rows)).encode(y=y)
    left, right = alt.value(0), alt.value("width")
    layers = [
        alt.Chart(alt.InlineData(values=bars)).mark_bar(orient="horizontal", size=9).encode(
            x=x, x2=alt.X2(field="to"), y=y, color=alt.Color(field="colour", type="nominal", scale=None, legend=None),
            opacity=alt.Opacity(field="strength", type="quantitative", scale=None, legend=None),
        ),
        told.mark_text(align="left", dy=-28, color=INK, fontWeight=600, limit={"expr": "width - 60"}).encode(
            x=left, text=alt.Text(field="label", type="nominal")
        ),
        told.mark_text(align="right", dy=-28, color=INK).encode(x=right, text=alt.Text(field="total", type="nominal")),
        told.mark_text(align="left", dy=-13, color=INK, opacity=0.8, limit={"expr": "width"}).encode(
            x=left, text=alt.Text(field="words", type="nominal")
        ),
    ]  # fmt: skip
    return alt.LayerChart(layer=layers).properties(height=_STEP * len(rows))
