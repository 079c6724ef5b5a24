"""What `drift_slope` promises: the slope within use cases by hand, not between them, and when there is none."""

from datetime import timedelta

import pytest

from metricstack.core.values import Estimate, Reason
from metricstack.metrics import catalogue

from .conftest import Build, Rows, at, finding_of, refusal_of, value_of

close = pytest.approx
DRIFT = [0.0, 0.0, 0.0, 0.2, 0.2, 0.2]
SUCCESSES = [16, 14, 18, 10, 12, 8]  # of twenty


def weekly(
    drift: list[float | None], successes: list[int], use_case: str = "support", statistic: str = "psi"
) -> dict[str, Rows]:
    """Return twenty runs and two checks on one day of each week from Monday, July 6th on."""
    days = [at("07-06") + timedelta(weeks=i) for i in range(len(drift))]
    requests = [
        {"run": f"{use_case}{i}-{k}", "user": f"u{k}", "use_case": use_case, "start": day + timedelta(minutes=k),
         "outcome": "success" if k < good else "failure"}
        for i, (day, good) in enumerate(zip(days, successes, strict=True))
        for k in range(20)
    ]  # fmt: skip
    checks = [
        {"check": f"{use_case}{i}-{k}", "subject": f"{use_case}-{k}", "use_case": use_case, "checked": day,
         "kind": "drift", "statistic_name": statistic, "verdict": "pass",
         "statistic": None if x is None else x + (0.01 if k else -0.01)}  # their mean is x
        for i, (day, x) in enumerate(zip(days, drift, strict=True))
        for k in range(2)
    ]  # fmt: skip
    return {"requests": requests, "quality_checks": checks}


def both(*parts: dict[str, Rows]) -> dict[str, Rows]:
    return {name: [row for part in parts for row in part[name]] for name in parts[0]}


def test_agrees_with_the_calculation_by_hand(build: Build) -> None:
    # Success 0.8, 0.7, 0.9 without drift and 0.5, 0.6, 0.4 at 0.2: slope (0.5 - 0.8)/0.2 = -1.5. Scores 20 · ∓0.1 ·
    # (0, -0.1, 0.1, 0, 0.1, -0.1), squares 0.16; below 20 · 6 · 0.01 = 1.2; error √(6/5 · 0.16)/1.2 = 0.365148,
    # times t(5) = 2.570582: 0.938643.
    finding = finding_of(build(**weekly(DRIFT, SUCCESSES)), "drift_sensitivity")
    assert isinstance(finding.answer, Estimate)
    assert finding.answer.value == close(-1.5)
    assert finding.answer.low == close(-1.5 - 0.938643, abs=1e-5)
    assert finding.answer.high == close(-1.5 + 0.938643, abs=1e-5)
    assert finding.answer.n == 6
    assert any("one more of psi" in check.detail and "not an effect" in check.detail for check in finding.checks)
    assert "quality_checks" in dict(finding.provenance.tables)


def test_what_differs_between_use_cases_makes_no_slope(build: Build) -> None:
    # The other drifts more and succeeds more, always: pooled, success would seem to rise with drift.
    other = weekly([0.8] * 3 + [1.0] * 3, [20, 19, 18, 20, 17, 20], "search")
    ws = build(**both(weekly(DRIFT, SUCCESSES), other))
    # Within search 0.95 before and 0.95 after: slope 0; both weigh alike: (-1.5 + 0)/2.
    assert value_of(ws, "drift_sensitivity") == close(-0.75)
    assert value_of(ws, "drift_sensitivity", where={"use_case": "support"}) == close(-1.5)


def test_a_use_case_that_is_not_checked_is_left_out(build: Build) -> None:
    parts = both(weekly(DRIFT, SUCCESSES), weekly([None] * 6, [1, 2, 3, 4, 5, 6], "search"))
    assert value_of(build(**parts), "drift_sensitivity") == close(-1.5)


def test_statistics_are_not_mixed(build: Build) -> None:
    # Most checks give psi; a ks of 1 on the same days is another scale, and no part of the mean.
    parts = weekly(DRIFT, SUCCESSES)
    parts["quality_checks"] += [
        row | {"check": f"ks{i}", "statistic_name": "ks", "statistic": 1.0}
        for i, row in enumerate(parts["quality_checks"][:4])
    ]
    assert value_of(build(**parts), "drift_sensitivity") == close(-1.5)


def test_without_checks_variation_or_weeks_there_is_no_slope(build: Build) -> None:
    parts = weekly(DRIFT, SUCCESSES)
    assert refusal_of(build(requests=parts["requests"]), "drift_sensitivity").reason is Reason.MISSING_TABLE
    none = build(**weekly([None] * 6, SUCCESSES))
    assert refusal_of(none, "drift_sensitivity").reason is Reason.NOT_MEASURED
    steady = build(**weekly([0.1] * 6, SUCCESSES))
    assert refusal_of(steady, "drift_sensitivity").reason is Reason.NO_VARIATION
    short = build(**weekly(DRIFT[1:], SUCCESSES[1:]))
    refusal = refusal_of(short, "drift_sensitivity")
    assert refusal.reason is Reason.TOO_FEW_UNITS
    assert "5 calendar weeks" in refusal.detail
    for row in parts["quality_checks"]:
        row["verdict"] = "too_little_data"
    assert refusal_of(build(**parts), "drift_sensitivity").reason is Reason.NOT_MEASURED


def test_the_checks_are_part_of_its_lineage() -> None:
    assert catalogue().tables("drift_sensitivity") == ("requests", "quality_checks")
