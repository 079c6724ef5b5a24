"""What `marginal_value` promises: the slope across models by hand, its truth, and when there is none."""

import pytest

from metricstack.core.errors import InvalidInput, UnknownName
from metricstack.core.streams import stream
from metricstack.core.values import Estimate, Finding, Grade, Reason, Refusal
from metricstack.metrics.marginal import marginal_value

from .conftest import Build, Rows, runs


def models(shares: dict[str, tuple[float, float]], count: int = 20) -> Rows:
    """Return runs of models: cost of each run, and the share of them that succeed."""
    rows = runs(count * len(shares))
    for i, row in enumerate(rows):
        name = list(shares)[i // count]
        cost, share = shares[name]
        row |= {"model": name, "cost": cost, "outcome": "success" if i % count < share * count else "failure"}
    return rows


def slope(finding: Finding) -> Estimate:
    assert isinstance(finding.answer, Estimate), finding.answer
    return finding.answer


def refused(finding: Finding) -> Refusal:
    assert isinstance(finding.answer, Refusal), finding.answer
    return finding.answer


def test_points_on_a_line_give_its_slope(build: Build) -> None:
    # 1 USD 50 %, 2 USD 60 %, 4 USD 80 %: ten points for each dollar.
    ws = build(requests=models({"a": (1.0, 0.5), "b": (2.0, 0.6), "c": (4.0, 0.8)}))
    finding = marginal_value(ws, window="2026Q3")
    answer = slope(finding)
    assert answer.value == pytest.approx(0.1)
    assert answer.unit == "fraction/USD"
    assert answer.n == 3
    assert answer.low < 0.1 < answer.high
    assert finding.grade is Grade.D  # an association across models, not an effect
    assert finding.provenance.tables
    assert any("a (1, 0.5), b (2, 0.6), c (4, 0.8)" in check.detail for check in finding.checks)


def test_a_model_that_does_not_fit_makes_the_line_fail_its_check(build: Build) -> None:
    off = {"a": (1.0, 0.2), "b": (2.0, 0.9), "c": (3.0, 0.2), "d": (4.0, 0.9)}
    finding = marginal_value(build(requests=models(off, 200)), window="2026Q3")
    assert [check.passed for check in finding.checks if check.name == "line"] == [False]
    answer = slope(finding)
    assert answer.low < 0 < answer.high


def test_known_truth_lies_within(build: Build) -> None:
    # Success 30 % and 8 points more for each cent; costs vary by half of themselves within a model.
    random = stream(11, "marginal")
    rows = runs(3000)
    for i, row in enumerate(rows):
        cents = 1 + i % 6
        row |= {"model": f"m{cents}", "cost": float(cents * random.lognormal(-0.125, 0.5))}
        row["outcome"] = "success" if random.random() < 0.3 + 0.08 * cents else "failure"
    answer = slope(marginal_value(build(requests=rows), window="2026Q3"))
    assert answer.low < 0.08 < answer.high
    assert answer.high - answer.low < 0.08


def test_other_metrics_and_dimensions_may_be_asked_and_work_narrowed(build: Build) -> None:
    rows = models({"a": (1.0, 0.5), "b": (2.0, 0.6), "c": (4.0, 0.8)})
    rows += [row | {"run": f"x{row['run']}", "use_case": "other", "cost": 3.0} for row in rows]
    for row in rows:
        row.setdefault("use_case", "support")
        row["prompt_version"] = row["model"]
        row["tokens_output"] = int(row["cost"] * 10)
    ws = build(requests=rows)
    finding = marginal_value(
        ws, "cost_per_request", "generated_tokens_mean", by="prompt_version", window="2026Q3",
        where={"use_case": "support"},
    )  # fmt: skip
    assert slope(finding).value == pytest.approx(10.0)
    assert slope(finding).unit == "tokens/request/USD"
    assert finding.where == (("use_case", "support"),)


def test_two_models_or_one_price_have_no_slope(build: Build) -> None:
    two = build(requests=models({"a": (1.0, 0.5), "b": (2.0, 0.6)}))
    assert refused(marginal_value(two, window="2026Q3")).reason is Reason.TOO_FEW_UNITS
    flat = build(requests=models({"a": (1.0, 0.5), "b": (1.0, 0.6), "c": (1.0, 0.8)}))
    finding = marginal_value(flat, window="2026Q3")
    assert refused(finding).reason is Reason.NO_VARIATION
    assert finding.grade is Grade.NONE


def test_a_model_without_both_metrics_is_left_out_and_named(build: Build) -> None:
    rows = models({"a": (1.0, 0.5), "b": (2.0, 0.6), "c": (4.0, 0.8), "d": (9.0, 0.1)})
    for row in rows:
        if row["model"] == "d":
            row["cost"] = None
    finding = marginal_value(build(requests=rows), window="2026Q3")
    assert slope(finding).value == pytest.approx(0.1)
    assert any(check.name == "groups" and check.detail.endswith("left out: d") for check in finding.checks)


def test_misuse_is_said(build: Build) -> None:
    ws = build(requests=models({"a": (1.0, 0.5)}))
    with pytest.raises(InvalidInput, match="no slope on itself"):
        marginal_value(ws, "task_success", "task_success")
    with pytest.raises(UnknownName, match="Did you mean"):
        marginal_value(ws, "cost_per_requst", window="2026Q3")
    assert refused(marginal_value(build(sessions=[]), window="2026Q3")).reason is Reason.TOO_FEW_UNITS
