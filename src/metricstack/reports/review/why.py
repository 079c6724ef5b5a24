"""Why the few metrics that moved most did: the part behind each change, and what stands where its days shift."""

from collections.abc import Mapping, Sequence

from metricstack.core.values import Finding
from metricstack.core.windows import Window
from metricstack.linkage.explain import Explained, explain_each
from metricstack.narrative.changes import course, moved_by
from metricstack.narrative.headline import Moved
from metricstack.narrative.why import say_parts, say_standing_rows, shown_breakdown
from metricstack.numerics.change import Verdict
from metricstack.reports.components import note
from metricstack.reports.html import Html, element, fragment
from metricstack.telemetry import Workspace

__all__ = ["most_material", "why_findings", "why_moved", "why_section"]

_MOST, _MOST_OF_A_LAYER = 5, 2
_UNASKED = ("team",)  # many and small, and no page for executives is about one of them


def most_material(everything: Sequence[Moved]) -> tuple[Moved, ...]:
    """Choose the few changes that are called, the largest first and no more than two of a layer."""
    called = [m for m in everything if m.change.verdict in (Verdict.BETTER, Verdict.WORSE)]
    chosen: list[Moved] = []
    for moved in sorted(called, key=lambda m: -m.change.size):
        if sum(other.layer == moved.layer for other in chosen) < _MOST_OF_A_LAYER:
            chosen.append(moved)
    return tuple(chosen[:_MOST])


def why_moved(
    workspace: Workspace, everything: Sequence[Moved], window: Window, *, segment: str = ""
) -> tuple[Explained, ...]:
    """Explain the changes that matter most, with one scan per dimension for all of them."""
    chosen = [moved.metric for moved in most_material(everything)]
    where = {"segment": segment} if segment else None
    return explain_each(workspace, chosen, before=window.previous(), after=window, without=_UNASKED, where=where)


def why_section(found: Sequence[Explained], everything: Sequence[Moved], titles: Mapping[str, str]) -> Html | None:
    """Write one short paragraph for each explained change, what it found first; nothing where nothing moved."""
    moved = {one.metric: one for one in everything}
    items = [_item(one, moved[one.metric], titles) for one in found]
    if not items:
        return None
    stands = (
        "Own rates: what changed within the groups; the mix: how much of the whole each of them is. What stands at a "
        "break says where to look first, not yet why it moved; routine deployments are left out."
    )
    return fragment([element("h3", "What is behind it"), element("div", *items, kind="ms-whys"), note(stands)])


def _item(found: Explained, moved: Moved, titles: Mapping[str, str]) -> Html:
    way = course(moved.change)
    by = moved_by(moved.change).lstrip("+−±")
    head = f"{moved.title} {way} by {by}" if way in ("rose", "fell") else f"{moved.title} moved by a hair"
    return element(
        "div",
        element("h4", head),
        *(
            element("p", _unbroken(said))
            for said in (say_parts(found.explanation, titles), say_standing_rows(found, titles))
        ),
        kind=f"ms-why ms-{'good' if moved.change.verdict is Verdict.BETTER else 'bad'}",
    )


def _unbroken(text: str) -> str:
    """Let no line end after a minus."""
    return text.replace("−", "−\u2060")


def why_findings(found: Sequence[Explained]) -> tuple[Finding, ...]:
    """Return what the paragraphs say: each shift, and the parts by the dimension that is shown."""
    told: list[Finding] = []
    for one in found:
        part = shown_breakdown(one.explanation)
        shift = one.findings[0]
        told += [shift, *(() if part is None else part.findings)]
    return tuple(told)
