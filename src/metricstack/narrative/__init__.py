"""Values in words: one sentence per kind of value, caveats, the headline, and safe HTML fragments."""

from metricstack.narrative.answers import say_answer, say_finding
from metricstack.narrative.caveats import say_chance, say_late, say_missing, say_refusals, say_sampling
from metricstack.narrative.changes import course, moved_by, say_change, say_target
from metricstack.narrative.headline import Headline, Moved, headline
from metricstack.narrative.html import answer_html, change_html, findings_html, panel_html
from metricstack.narrative.panels import say_panel

__all__ = [
    "Headline",
    "Moved",
    "answer_html",
    "change_html",
    "course",
    "findings_html",
    "headline",
    "moved_by",
    "panel_html",
    "say_answer",
    "say_chance",
    "say_change",
    "say_finding",
    "say_late",
    "say_missing",
    "say_panel",
    "say_refusals",
    "say_sampling",
    "say_target",
]
