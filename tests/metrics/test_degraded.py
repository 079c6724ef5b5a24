"""What `degraded` promises: limits by hand from the days before, no alarm by chance, and when nothing can be said."""

from datetime import timedelta

import pytest

from metricstack.core.errors import InvalidInput
from metricstack.core.streams import stream
from metricstack.core.values import Estimate, Reason
from metricstack.metrics.language.faults import fault_of
from metricstack.metrics.language.formula import parse
from metricstack.telemetry.tables import table

from .conftest import Build, Rows, at, finding_of, groups_of, refusal_of, value_of

close = pytest.approx
BEFORE = [15, 17] * 14  # successes of twenty users on each of the 28 days before July


def daily(before: list[int], after: list[int], use_case: str = "support", users: int = 20) -> Rows:
    """Return runs of twenty users a day, so many of whom succeed, up to June 30th and from July 1st on."""
    rows = []
    for day, successes in zip(range(-len(before), len(after)), [*before, *after], strict=True):
        for i in range(users):
            rows.append(
                {"run": f"{use_case}{day}-{i}", "user": f"u{i}", "use_case": use_case,
                 "start": at("07-01") + timedelta(days=day, minutes=i),
                 "outcome": "success" if i < successes else "failure"}
            )  # fmt: skip
    return rows


def test_a_day_is_degraded_below_the_limit_worked_out_by_hand(build: Build) -> None:
    # Middle 0.8. Variance of a day's share by its 20 users: 0.75 · 0.25/19 and 0.85 · 0.15/19, pooled 0.00828947,
    # deviation 0.0910465. From day to day z moves by 2 · 0.05/0.0910465 = 1.098, over 1.128 below 1: not widened.
    # Limit 0.8 - 3 · 0.0910465 = 0.52686: eleven of twenty are enough, ten and four are not.
    ws = build(requests=daily(BEFORE, [16] * 7 + [11, 10, 4]))
    finding = finding_of(ws, "degradation")
    assert isinstance(finding.answer, Estimate)
    assert finding.answer.value == close(2 / 10)
    assert finding.answer.n == 10
    assert finding.answer.is_census
    limits = next(check.detail for check in finding.checks if check.name == "limits")
    assert "2 of 10 days lie below; the 28 days before set the middle at 0.8 and the limit" in limits
    assert "0.5269" in limits
    assert any("82 days of the period" in check.detail for check in finding.checks)  # of 92 in the quarter


def test_days_before_that_jump_set_wider_limits(build: Build) -> None:
    # 12 and 20 of twenty: pooled variance 0.24/19/2 = 0.00631579, deviation 0.0794719; z moves by 5.0332, over
    # 1.128 = 4.462. Limit 0.8 - 3 · 4.462 · 0.0794719 = -0.26: no day is below.
    ws = build(requests=daily([12, 20] * 14, [16] * 7 + [11, 10, 4]))
    assert value_of(ws, "degradation") == 0.0


def test_each_group_and_period_has_limits_of_its_own(build: Build) -> None:
    rows = daily(BEFORE, [16] * 10) + daily([19, 20] * 14, [16] * 5 + [19] * 5, "search")
    ws = build(requests=rows)
    # Search: middle 0.975; deviation √(0.95 · 0.05/19/2) = 0.03536, moved by 0.05/0.03536/1.128 = 1.25:
    # limit 0.975 - 3 · 1.25 · 0.03536 = 0.842: sixteen of twenty are not enough.
    assert groups_of(ws, "degradation", "use_case") == {"support": 0.0, "search": close(5 / 10)}
    found = groups_of(ws, "degradation", "use_case", where={"use_case": "search"})
    assert found == {"search": close(5 / 10)}


def test_chance_alone_degrades_hardly_a_day(build: Build) -> None:
    # 40 users a day with chances of their own; three deviations below: about one day in 740.
    random = stream(5, "degraded")
    chance = random.beta(8, 2, 40)
    rows = [
        {"run": f"{day}-{i}", "user": f"u{i}", "start": at("07-01") + timedelta(days=day, minutes=i),
         "outcome": "success" if random.random() < chance[i] else "failure"}
        for day in range(-28, 90)
        for i in range(40)
    ]  # fmt: skip
    assert value_of(build(requests=rows), "degradation") <= 1 / 90


def test_too_few_days_before_or_within_are_refused(build: Build) -> None:
    refusal = refusal_of(build(requests=daily(BEFORE[:13], [16] * 10)), "degradation")
    assert refusal.reason is Reason.TOO_FEW_UNITS
    assert "13 of the 28 days before" in refusal.detail
    assert refusal_of(build(requests=daily(BEFORE, [16] * 4)), "degradation").reason is Reason.TOO_FEW_UNITS
    small = build(requests=daily([5, 6] * 14, [5] * 10, users=9))  # nine runs a day are too few to judge one
    assert refusal_of(small, "degradation").reason is Reason.TOO_FEW_UNITS


def test_days_before_without_a_difference_set_no_limits(build: Build) -> None:
    ws = build(requests=daily([20] * 28, [16] * 10))
    assert refusal_of(ws, "degradation").reason is Reason.NO_VARIATION


def test_what_is_not_recorded_is_refused(build: Build) -> None:
    rows = daily(BEFORE, [16] * 10)
    assert refusal_of(build(requests=rows), "degradation", window="2025Q1").reason is Reason.NO_DATA
    for row in rows:
        del row["outcome"]
    assert refusal_of(build(requests=rows), "degradation").reason is Reason.MISSING_COLUMN


@pytest.mark.parametrize("formula", ["degraded(successful, 3)", "degraded(successful, 20.5)", "degraded(cost, cost)"])
def test_days_before_are_a_whole_number(formula: str) -> None:
    assert "whole number of days from 14 to 366" in fault_of(parse(formula), table("requests"))


def test_it_takes_the_days_before() -> None:
    with pytest.raises(InvalidInput, match="degraded"):
        parse("degraded(successful)")
