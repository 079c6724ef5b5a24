"""Experience quality: hallucination by card, agreement of raters, stability on repeated inputs, worked out on paper.

Promises: the use case's own card says what a hallucination is, and its number is in the hash; judgements of
different answers are never compared; a rater's silence is no agreement; an input seen once says nothing of
stability.
"""

import pytest

from metricstack.core.errors import ConfigurationError
from metricstack.core.values import Estimate, Reason
from metricstack.metrics import catalogue, evaluate

from .conftest import Build, Rows, at, finding_of, groups_of, refusal_of, runs, value_of

close = pytest.approx

STRICT = """
[use_cases.contracts]
hallucination = "A clause that the contract does not hold."
hallucination_below = 0.9
"""


def _judged(use_case: str, values: list[float | None]) -> Rows:
    rows: Rows = [
        {"feedback": f"{use_case}{i}", "run": f"r{i}", "user": f"u{i}", "use_case": use_case, "kind": "llm_judge",
         "name": "groundedness", "given": at("07-01"), "value": value, "selection_probability": 1.0}
        for i, value in enumerate(values)
    ]  # fmt: skip
    return [*rows, rows[0] | {"feedback": f"{use_case}x", "name": "relevance", "value": 0.0}]


def test_a_hallucination_is_what_the_use_cases_card_says(build: Build) -> None:
    rows = [*_judged("contracts", [1.0, 0.8, 0.7, 0.95, 0.4]), *_judged("chat", [1.0, 0.8, 0.4, 0.6, 0.5, None])]
    # The card of contracts draws the line at 0.9: three of five. Elsewhere 0.5: one of five, and 0.5 is not below.
    assert groups_of(build(STRICT, feedback=rows), "hallucination_rate", "use_case") == {
        "chat": close(1 / 5), "contracts": close(3 / 5),
    }  # fmt: skip
    assert value_of(build(feedback=rows), "hallucination_rate") == close(2 / 10)
    assert value_of(build("[parameters]\nhallucination_below = 0.65\n", feedback=rows), "hallucination_rate") == close(
        4 / 10  # 0.4 of contracts, 0.4, 0.6 and 0.5 of chat
    )


def test_the_cards_line_is_in_the_hash_and_its_wording_is_not(build: Build) -> None:
    ws = [build(text, feedback=_judged("contracts", [1.0])) for text in ("", STRICT, STRICT.replace("clause", "word"))]
    plain, strict, reworded = (catalogue(one).hash("hallucination_rate") for one in ws)
    assert plain != strict
    assert strict == reworded
    assert catalogue(ws[0]).hash("groundedness") == catalogue(ws[1]).hash("groundedness")


def test_a_card_with_an_impossible_line_is_a_fault_with_its_line(build: Build) -> None:
    with pytest.raises(ConfigurationError, match="'hallucination_below' is a groundedness from 0 to 1, but is 9"):
        build(STRICT.replace("0.9", "9"), feedback=_judged("contracts", [1.0]))


def test_hallucination_is_not_measured_where_groundedness_was_not_judged(build: Build) -> None:
    rows = [row for row in _judged("chat", [1.0]) if row["name"] == "relevance"]
    assert isinstance(refusal_of(build(feedback=rows), "hallucination_rate").reason, Reason)


def test_resolution_leaves_out_sessions_that_the_user_left(build: Build) -> None:
    rows = [
        {"session": f"s{i}", "user": f"u{i}", "start": at("07-01"), "resolved": i < 4, "abandoned": i > 5}
        for i in range(8)
    ]
    ws = build(sessions=rows)
    assert value_of(ws, "resolution_rate") == close(4 / 6)
    assert value_of(ws, "task_completion") == close(4 / 8)


def _evaluations(judgements: dict[str, list[tuple[str, float]]], **columns: str) -> Rows:
    """Item → (rater, score); raters named h… are people, j… judge models."""
    return [
        {"dataset": "d", "item": item, "candidate": "m", "name": "relevance", "rater": rater, "judged": at("07-01"),
         "rater_kind": "human" if rater.startswith("h") else "llm_judge", "score": score} | columns
        for item, given in judgements.items()
        for rater, score in given
    ]  # fmt: skip


def test_agreement_of_people_is_krippendorffs_alpha(build: Build) -> None:
    # Pairs of two raters: (1, 1), (1, 1), (0, 0), (0, 0), (1, 0), and an item that one person judged alone.
    given = {"a": (1, 1), "b": (1, 1), "c": (0, 0), "d": (0, 0), "e": (1, 0)}
    rows = _evaluations({item: [("h1", x), ("h2", y)] for item, (x, y) in given.items()} | {"f": [("h1", 1.0)]})
    rows += _evaluations({"a": [("j1", 0.0)], "b": [("j1", 0.0)]})  # a judge model is no person
    # Observed: one of five pairs differs, 2 of 10 ordered pairs: 0.2. Expected: five ones and five zeros among ten
    # values: 2 · 5 · 5 / (10 · 9) = 5/9. alpha = 1 − 0.2 · 9/5 = 0.64.
    ws = build(evaluations=rows)
    assert value_of(ws, "human_agreement") == close(0.64)
    # Kappa of the same five: they agree on 4/5; h1 says good in 3/5, h2 in 2/5: by chance 12/25. (0.8 − 0.48)/0.52.
    assert value_of(ws, "human_agreement_kappa") == close(0.32 / 0.52)
    # The same judgements, the second of each by a judge model: the same number between the two kinds of rater.
    mixed = _evaluations({item: [("h1", x), ("j1", y)] for item, (x, y) in given.items()})
    assert value_of(build(evaluations=mixed), "judge_agreement_alpha") == close(0.64)


def test_agreement_of_the_judge_is_kappa_with_the_majority_of_people(build: Build) -> None:
    # Judge against people (two of three decide): both good a, b, c; judge alone good d; people alone good e; none f, g.
    good: dict[str, tuple[list[float], float]] = {
        "a": ([1, 1, 0], 0.9), "b": ([1, 1, 1], 0.75), "c": ([0.8, 0.9, 0.1], 1.0), "d": ([0, 0, 1], 0.8),
        "e": ([1, 1, 0], 0.4), "f": ([0, 0, 0], 0.1), "g": ([0, 0.4, 1], 0.2),
    }  # fmt: skip
    rows = _evaluations({
        item: [*((f"h{i}", score) for i, score in enumerate(people)), ("j1", judge)]
        for item, (people, judge) in good.items()
    })  # fmt: skip
    rows += _evaluations({"a": [("h9", 0.0), ("h8", 0.0), ("h7", 0.0)]}, candidate="other")  # another answer to it
    rows += [row | {"rater": "c1", "rater_kind": "code", "score": 0.0} for row in rows[:1]]
    # Agree on 5/7; the judge says good in 4/7, people in 4/7: by chance 16/49 + 9/49 = 25/49. (35 − 25)/(49 − 25).
    assert value_of(build(evaluations=rows), "judge_agreement") == close(10 / 24)


def test_agreement_beyond_chance_has_no_value_where_all_say_the_same(build: Build) -> None:
    rows = _evaluations({f"i{i}": [("h1", 1.0), ("h2", 1.0), ("j1", 1.0)] for i in range(6)})
    ws = build(evaluations=rows)
    assert refusal_of(ws, "human_agreement").reason is Reason.UNDEFINED_RATIO
    assert refusal_of(ws, "judge_agreement").reason is Reason.UNDEFINED_RATIO


def test_agreement_is_refused_where_nobody_judged_twice(build: Build) -> None:
    rows = _evaluations({f"i{i}": [("h1", i % 2)] for i in range(8)})
    for metric in ("human_agreement", "judge_agreement"):
        assert isinstance(finding_of(build(evaluations=rows), metric).answer.reason, Reason)  # type: ignore[union-attr]


def test_stability_compares_runs_on_the_same_input(build: Build) -> None:
    # x: S S F, y: F F, z: S alone, w: S unknown, two without an input.
    inputs = ["x", "x", "x", "y", "y", "z", "w", "w", None, None]
    ends = [
        "success",
        "success",
        "failure",
        "failure",
        "escalated",
        "success",
        "success",
        "unknown",
        "success",
        "failure",
    ]
    ws = build(requests=runs(10, input_hash=inputs, outcome=ends))
    finding = finding_of(ws, "prompt_stability")
    assert isinstance(finding.answer, Estimate)
    # Of x each success has one of two others alike, the failure none; of y both are no success: (½ + ½ + 0 + 1 + 1)/5.
    assert (finding.answer.value, finding.answer.n) == (close(3 / 5), 5)
    # Pairs that both succeed: one of three of x, none of y: mean over inputs 1/6.
    rows = runs(10, input_hash=inputs, outcome=ends) + [
        {"run": f"q{i}", "user": f"v{i}", "start": at("07-02"), "input_hash": f"i{i // 2}", "outcome": "success"}
        for i in range(6)
    ]
    assert value_of(build(requests=rows), "repeated_success") == close((1 / 3 + 0 + 3) / 5)


def test_stability_is_of_the_runs_of_a_group_so_that_models_are_not_mixed(build: Build) -> None:
    ends = ["success", "failure"] * 6
    ws = build(requests=runs(12, input_hash="x", outcome=ends, model=["a", "b"] * 6))
    assert groups_of(ws, "prompt_stability", "model") == {"a": close(1), "b": close(1)}
    assert value_of(ws, "prompt_stability") == close(5 / 11)


def test_inputs_seen_once_say_nothing_of_stability(build: Build) -> None:
    ws = build(requests=runs(8, input_hash=[f"i{i}" for i in range(8)], outcome="success"))
    assert refusal_of(ws, "prompt_stability").reason is Reason.NOT_MEASURED
    assert refusal_of(build(requests=runs(8, outcome="success")), "prompt_stability").reason is Reason.MISSING_COLUMN


def test_stability_by_week_compares_within_the_week(build: Build) -> None:
    first = runs(4, input_hash="x", outcome="success")
    later = [row | {"run": f"l{i}", "start": at("07-20"), "outcome": "failure"} for i, row in enumerate(first)]
    rows = [*first, *later, *(row | {"run": f"m{row['run']}"} for row in [*first, *later])]
    panel = evaluate(build(requests=rows), "prompt_stability", window="2026Q3", grain="month")
    values = [finding.answer.value for finding in panel.findings if isinstance(finding.answer, Estimate)]
    assert values == [close(7 / 15)]  # eight and eight in July: 7 of 15 others end alike
