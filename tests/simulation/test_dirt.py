"""Each dial of the dirt does what it says, and nothing else; the weights bring the totals back."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from metricstack.core.errors import InvalidInput
from metricstack.simulation import Dirt, sample

TELEMETRY = ("requests", "spans", "llm_calls", "actions", "plans", "handoffs")
SIZE = {"requests": 20_000, "days": 92, "seed": 5}


def with_dial(*tables: str, **dial: float | bool) -> dict[str, pa.Table]:
    return sample(**SIZE, dirt=replace(Dirt.none(), **dial), tables=tables)


def shared(table: pa.Table, flag: str) -> float:
    return pc.mean(
        pc.fill_null(pc.match_substring(table["dq_flags"].cast(pa.string()), flag), False).cast(pa.int8())
    ).as_py()


@pytest.mark.parametrize("name", TELEMETRY)
def test_without_dirt_every_row_is_there_once_and_in_time(clean: dict[str, pa.Table], name: str) -> None:
    table = clean[name]
    assert table["dq_flags"].null_count == table.num_rows
    assert pc.unique(table["sample_probability"]).to_pylist() == [1.0]


def test_without_dirt_every_cost_and_outcome_is_known(clean: dict[str, pa.Table]) -> None:
    requests = clean["requests"]
    assert requests["cost"].null_count == requests["end"].null_count == 0
    assert "unknown" not in requests["outcome"].to_pylist()


def test_sampling_keeps_all_that_went_wrong_and_weights_bring_the_totals_back(clean: dict[str, pa.Table]) -> None:
    sampled = with_dial("requests", sampling_since=0.3, sampling_rate=0.5)["requests"]
    search = [table.filter(pc.equal(table["use_case"], "search_answers")) for table in (clean["requests"], sampled)]
    whole, kept = search
    assert kept.num_rows < 0.8 * whole.num_rows
    weights = 1 / kept["sample_probability"].to_numpy()
    # Variance of the weighted count: the sum of (1 - p) / p² over the kept rows.
    error = np.sqrt(np.sum(weights**2 * (1 - 1 / weights)))
    assert weights.sum() == pytest.approx(whole.num_rows, abs=4 * error)
    for outcome in ("abandoned", "escalated"):
        counts = [pc.sum(pc.equal(table["outcome"], outcome)).as_py() for table in search]
        assert counts[0] == counts[1]
    success = [np.array(table["outcome"].to_pylist()) == "success" for table in search]
    assert success[1].mean() < success[0].mean() - 0.01  # unweighted, the kept rows look worse than the truth
    assert np.average(success[1], weights=weights) == pytest.approx(success[0].mean(), abs=0.012)


def test_sampling_touches_no_other_use_case_and_no_register(clean: dict[str, pa.Table]) -> None:
    sampled = with_dial("requests", "sessions", "feedback", sampling_since=0.3)
    others = [
        table.filter(pc.not_equal(table["use_case"], "search_answers"))
        for table in (clean["requests"], sampled["requests"])
    ]
    assert others[0].equals(others[1])
    assert sampled["sessions"].equals(clean["sessions"])
    assert sampled["feedback"].equals(clean["feedback"])


def test_all_rows_of_a_run_share_its_fate() -> None:
    sampled = with_dial("requests", "spans", "llm_calls", sampling_since=0.0)
    runs = set(sampled["requests"]["run"].to_pylist())
    assert set(sampled["spans"]["run"].to_pylist()) == set(sampled["llm_calls"]["run"].to_pylist()) == runs


def test_where_the_sampler_forgot_its_rate_the_probability_is_null_and_not_one() -> None:
    requests = with_dial("requests", sampling_since=0.3, sampling_unknown=0.1)["requests"]
    unknown = pc.is_null(requests["sample_probability"])
    assert 0.01 < pc.mean(unknown.cast(pa.int8())).as_py() < 0.2
    assert pc.unique(requests.filter(unknown)["use_case"]).to_pylist() == ["search_answers"]


def test_late_rows_arrive_hours_later_and_are_flagged() -> None:
    requests = with_dial("requests", late=0.1)["requests"]
    assert shared(requests, "late") == pytest.approx(0.1, abs=4 * np.sqrt(0.09 / 20_000))
    late = pc.fill_null(pc.equal(requests["dq_flags"].cast(pa.string()), "late"), False)
    wait = pc.subtract(requests["ingested_at"], requests["end"]).cast(pa.int64()).to_numpy() / 3.6e9
    assert wait[late.to_numpy(zero_copy_only=False)].min() > 2.0
    assert wait[~late.to_numpy(zero_copy_only=False)].max() < 0.1


def test_a_second_delivery_repeats_the_key_arrives_later_and_is_flagged(clean: dict[str, pa.Table]) -> None:
    requests = with_dial("requests", duplicates=0.05)["requests"]
    extra = requests.num_rows - 20_000
    assert shared(requests, "duplicate") * requests.num_rows == pytest.approx(extra)
    assert extra == pytest.approx(1000, abs=4 * np.sqrt(950))
    assert set(requests["run"].to_pylist()) == set(clean["requests"]["run"].to_pylist())
    flagged = pc.is_valid(requests["dq_flags"])
    arrived = requests.select(["run", "ingested_at"])
    both = arrived.filter(flagged).join(arrived.filter(pc.invert(flagged)), "run", right_suffix="_first")
    assert pc.all(pc.greater(both["ingested_at"], both["ingested_at_first"])).as_py()


def test_missing_parents_leave_children_that_point_nowhere() -> None:
    spans = with_dial("spans", missing_parents=0.05)["spans"]
    there = set(spans["span"].to_pylist())
    roots = sum(parent is None for parent in spans["parent"].to_pylist())
    orphans = {parent for parent in spans["parent"].to_pylist() if parent is not None and parent not in there}
    assert roots + len(orphans) == 20_000
    assert len(orphans) == pytest.approx(1000, abs=4 * np.sqrt(950))


def test_null_costs_are_null_and_never_zero() -> None:
    drawn = with_dial("requests", "llm_calls", null_costs=0.1)
    requests, calls = drawn["requests"], drawn["llm_calls"]
    unknown = pc.equal(requests["cost_state"], "unknown")
    assert requests["cost"].null_count == pc.sum(unknown).as_py() == pytest.approx(1000, abs=130)
    assert pc.sum(pc.equal(requests["cost_state"], "partial")).as_py() == pytest.approx(1000, abs=130)
    assert calls["cost"].null_count == pc.sum(pc.equal(calls["cost_source"], "unknown")).as_py() > 0
    assert pc.min(requests["cost"]).as_py() > 0


def test_unknown_outcomes_are_called_unknown() -> None:
    requests = with_dial("requests", unknown_outcomes=0.1)["requests"]
    unknown = pc.sum(pc.equal(requests["outcome"], "unknown")).as_py()
    assert unknown == pytest.approx(2000, abs=180)
    assert requests["outcome_source"].null_count == unknown
    assert 0 < requests["end"].null_count < unknown


def test_a_wrong_clock_moves_one_service_for_a_while_and_no_duration(clean: dict[str, pa.Table]) -> None:
    skewed = with_dial("spans", clock_skew=2.5)["spans"].sort_by("span")
    right = clean["spans"].sort_by("span")
    moved = pc.subtract(right["start"], skewed["start"]).cast(pa.int64()).to_numpy() / 1e6
    assert set(np.unique(moved)) == {0.0, 2.5}
    assert pc.unique(skewed.filter(pa.array(moved > 0))["step"]).to_pylist() == ["retrieval"]
    assert skewed["latency"].equals(right["latency"])
    assert 0 < shared(skewed, "clock_skew") < (moved > 0).mean()  # the collector noticed some of it


def test_hostile_names_are_off_by_default_and_reach_every_table_that_names_a_model(clean: dict[str, pa.Table]) -> None:
    names = ("requests", "llm_calls", "feedback", "models", "prices", "evaluations")
    hostile = with_dial(*names, hostile=True)
    for name in names:
        column = "candidate" if name == "evaluations" else "model"
        assert not any("<script>" in value for value in pc.unique(clean[name][column]).to_pylist())
        bad = [value for value in pc.unique(hostile[name][column]).to_pylist() if "<script>" in value]
        assert bad or name == "evaluations"
        assert all("$" in value for value in bad)


@pytest.mark.parametrize(
    "dial", [{"late": 1.2}, {"duplicates": -0.1}, {"sampling_rate": 0.0}, {"sampling_since": 2.0}, {"null_costs": -1.0}]
)
def test_a_dial_beyond_its_range_is_refused_by_name(dial: dict[str, float]) -> None:
    with pytest.raises(InvalidInput, match=next(iter(dial))):
        Dirt(**dial)
