"""What the caveats promise: sampling, missing tables, lateness, refusals and chance, said from values, or nothing."""

import pytest

from metricstack.core.values import Estimate, Finding, Reason, Refusal
from metricstack.narrative import say_chance, say_late, say_missing, say_refusals, say_sampling

UNKNOWN = Refusal(Reason.UNKNOWN_SAMPLING, "3 rows have no sample probability", "Record it.")


def share(value: float) -> Estimate:
    return Estimate(value, unit="fraction", n=1000, method="census")


def test_sampling_is_said_with_its_share() -> None:
    said = say_sampling(share(0.1), table="requests").replace("\u00a0", " ")
    assert said == "10.0 % of requests were recorded; counts and sums are weighted up to the whole."
    assert say_sampling(share(1.0)) == "All telemetry were recorded; nothing was sampled."


def test_unknown_sampling_is_not_called_complete() -> None:
    assert say_sampling(UNKNOWN, table="requests") == (
        "How requests were sampled is not known, so totals are not given. "
        "Cannot say: 3 rows have no sample probability. Record it."
    )


@pytest.mark.parametrize(
    ("tables", "said"),
    [
        ([], ""),
        (["incidents"], "No incidents table was loaded: whatever needs it is refused, not guessed."),
        (
            ["incidents", "alerts", "pilots"],
            "3 tables were not loaded (incidents, alerts and pilots): whatever needs them is refused, not guessed.",
        ),
    ],
)
def test_missing_tables_are_named(tables: list[str], said: str) -> None:
    assert say_missing(tables) == said


def test_late_rows_are_said_with_their_delay() -> None:
    delay = Estimate(7200.0, unit="s", n=9, method="census")
    said = say_late(share(0.02), delay=delay, table="requests").replace("\u00a0", " ")
    assert said == "2.0 % of requests arrived late, typically by 2.00 h; the last days may still rise."
    assert say_late(share(0.0), table="requests") == "No requests arrived late."
    assert say_late(UNKNOWN).startswith("Whether rows arrived late cannot be said. Cannot say: 3 rows")


def test_refusals_are_counted_by_reason() -> None:
    missing = Refusal(Reason.MISSING_TABLE, "x")
    few = Refusal(Reason.TOO_FEW_UNITS, "x")
    findings = [Finding("", answer) for answer in (missing, few, missing, share(0.5))]
    assert (
        say_refusals(findings) == "3 of 4 questions cannot be answered: a table is missing (2) and too few units (1)."
    )
    assert say_refusals(findings[3:]) == ""
    assert say_refusals([]) == ""


def test_many_comparisons_expect_some_by_chance() -> None:
    # 60 x 5 % = 3
    assert "about 3 would still look" in say_chance(60)
    assert say_chance(1) == ""
