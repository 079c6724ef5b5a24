"""What larger results promise as HTML: what rows share is said once, changes have signs and points, all is escaped."""

import re
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any

from metricstack.core.values import Answer, Estimate, Finding, Provenance, Reason, Refusal
from metricstack.core.windows import Window
from metricstack.metrics import lineage
from metricstack.metrics.change.comparison import Compared, Comparison
from metricstack.metrics.change.explanation import Breakdown, Explanation, GroupShift
from metricstack.metrics.model import Definition, Levels
from metricstack.metrics.objectives.promise import BurnAlert, Kept, ObjectivePanel
from metricstack.narrative.told import comparison_html, explanation_html, lineage_html, objectives_html
from metricstack.numerics.change import change
from metricstack.telemetry.promises import Objective

HOSTILE = '"><script>alert(1)</script>\u202e\x1b[31m'
Q2 = Window(datetime(2026, 4, 1, tzinfo=UTC), datetime(2026, 7, 1, tzinfo=UTC), name="2026Q2")
Q3 = Window(datetime(2026, 7, 1, tzinfo=UTC), datetime(2026, 10, 1, tzinfo=UTC), name="2026Q3")
EMPTY = Refusal(Reason.NO_DATA, "no rows")


def share(value: float, half: float) -> Estimate:
    return Estimate(value, unit="fraction", n=100, method="mean", low=value - half, high=value + half, level=0.95)


def compared(title: str, group: str, after: Answer) -> Compared:
    moved = change(share(0.80, 0.01), after, better="higher")
    where = (("region", group),) if group else ()
    question = f"Change of {title} from 2026Q2 to 2026Q3, {group}"
    found = Finding(question, moved.difference, subject=title, where=where)
    return Compared(title, title, where, moved, None, None, False, found)


def comparison(*rows: Compared) -> Comparison:
    return Comparison(tuple(rows), {}, Q2, Q3, size=len(rows))


def explanation(name: str = "eu") -> Explanation:
    tree: Any = None
    known = Definition("success", "Success", "", "", tree, "fraction", better="higher", levels=Levels())  # type: ignore[arg-type]
    moved = change(share(0.80, 0.01), share(0.85, 0.01), better="higher")
    long = "Change of Success from 2026Q2 to 2026Q3"
    nothing = Estimate(0.0, unit="fraction", n=100, method="mean", low=0.0, high=0.0, level=0.95)
    parts = (("rate", Finding(f"{long}: rate", share(0.05, 0.01))), ("new", Finding(f"{long}: new", nothing)))
    group = GroupShift((("region", name),), Finding(f"{long}: {name}", share(0.05, 0.01)), ())
    part = Breakdown(("region",), parts, (group,))
    return Explanation("success", known, Q2, Q3, moved, (part,), Finding(long, moved.difference))


def objective(title: str = "answers") -> ObjectivePanel:
    def burn(answer: Answer, name: str) -> Finding:
        window = Window(Q3.start, Q3.end, name=name)
        return Finding(f"Burn rate of {title} in {name}", answer, provenance=Provenance(window=window))

    rate = Estimate(20.0, unit="1", n=900, method="Wilson", low=16.0, high=25.0, level=0.95)
    alerts = (
        BurnAlert(14.4, burn(rate, "the last hour"), burn(rate, "the last 5 minutes"), True),
        BurnAlert(6.0, burn(EMPTY, "the last 6 hours"), burn(EMPTY, "the last 30 minutes"), None),
    )
    kept = Kept(
        Objective("answers", "availability", 0.99, title=title), Q3, burn(share(0.8, 0.01), "2026Q3"),
        burn(share(0.1, 0.01), "2026Q3"), burn(rate, "2026Q3"), alerts,
    )  # fmt: skip
    return ObjectivePanel((kept,), Q3.end)


class _Reader(HTMLParser):
    """Reads a fragment as a browser would: tags, rows of texts, and all text that is seen."""

    def __init__(self, fragment: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.rows: list[list[str]] = []
        self.feed(fragment)
        self.text = " ".join(cell for row in self.rows for cell in row)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("th", "td"):
            self.rows[-1].append("")

    def handle_data(self, data: str) -> None:
        if self.rows and self.rows[-1]:
            self.rows[-1][-1] += data.replace("\u00a0", " ")


def rows(fragment: str) -> list[list[str]]:
    return _Reader(fragment).rows


def test_a_metric_is_named_once_above_its_groups_and_its_change_has_a_sign_in_points() -> None:
    found = comparison(compared("Success", "eu", share(0.85, 0.01)), compared("Success", "us", share(0.80, 0.01)))
    head, title, first, second = rows(comparison_html(found))
    assert head == ["Metric", "Change", "95 % interval", "n", "Verdict", "Before → after"]
    assert title == ["Success"]
    # 0.85 - 0.80 = 5 points; each bound is off by sqrt(1 + 1) of 1 point = 1.41
    assert first == ["eu", "↑ +5.0 points", "+3.6 to +6.4 points", "200", "better", "80.0 % → 85.0 %"]
    assert second[:2] == ["us", "→ ±0.0 points"]


def test_an_explanation_names_the_metric_once_and_leaves_out_the_parts_that_are_nothing() -> None:
    table = rows(explanation_html(explanation()))
    assert [row[0] for row in table] == [
        "What moved", "Success 2026Q2 → 2026Q3", "the whole change", "By region", "the groups' own rates",
        "By region: each group largest first", "eu",
    ]  # fmt: skip
    assert table[4][1] == "+5.0 points"


def test_an_objective_shows_each_alert_with_both_windows_in_one_row() -> None:
    table = rows(objectives_html(objective()))
    assert table[1] == ["Answers 99.0 % promised over 2026Q3"]
    assert table[5] == [
        "burn rate in the last hour", "20.0", "16.0 to 25.0", "900", "fires above 14.4; in the last 5 minutes: 20.0",
    ]  # fmt: skip
    assert table[6] == [
        "burn rate in the last 6 hours", "Cannot say: no rows.", "cannot say above 6; in the last 30 minutes: unknown",
    ]  # fmt: skip


def test_a_lineage_shows_formula_measures_and_columns() -> None:
    fragment = lineage_html(lineage("cost_per_successful_outcome"))
    assert "sum(cost) / count(successful)" in fragment
    assert ["successful", "value", "it ended in success; abandoned and escalated did not.", "requests.outcome"] in rows(
        fragment
    )
    assert lineage("cost_per_successful_outcome")._repr_html_() == fragment


def test_every_cell_says_its_name_where_it_stands_without_a_head() -> None:
    fragment = comparison_html(comparison(compared("Success", "eu", share(0.85, 0.01))))
    assert 'data-label="95\u00a0% interval"' in fragment
    assert 'data-label="n ="' in fragment
    assert "@container (max-width:600px)" in fragment


def test_where_nothing_can_be_compared_no_share_of_comparisons_is_claimed() -> None:
    said = comparison(compared("Success", "eu", EMPTY), compared("Success", "us", EMPTY)).say()
    assert said.splitlines()[0] == "None of 2 comparisons from 2026Q2 to 2026Q3 can be made."
    assert said.splitlines()[1].startswith("Success (eu and us) cannot be compared: ")


def test_many_groups_without_a_change_are_named_by_the_first_few() -> None:
    said = comparison(*(compared("Success", f"g{number}", share(0.80, 0.01)) for number in range(40))).say()
    assert "No clear change: Success (g0, g1, g2, g3, g4, g5 and 34 more)." in said


def test_hostile_names_are_shown_and_never_act() -> None:
    fragments = [
        comparison_html(comparison(compared(HOSTILE, HOSTILE, share(0.85, 0.01)), compared("a", HOSTILE, EMPTY))),
        explanation_html(explanation(HOSTILE)),
        objectives_html(objective(HOSTILE)),
    ]
    for fragment in fragments:
        reader = _Reader(fragment)
        assert "script" not in reader.tags
        assert '"><script>alert(1)</script>\ufffd␛[31m' in reader.text
        assert "\x1b" not in fragment
        assert "\u202e" not in fragment
        assert re.match(r'<div class="ms-told mathjax_ignore"', fragment)
