"""What the language's further functions promise: numbers by hand over rows, their windows, refusals, faults."""

import math
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from metricstack.core.errors import ConfigurationError
from metricstack.core.values import Estimate, Reason
from metricstack.metrics import catalogue, evaluate, sql
from metricstack.metrics.language.load import load
from metricstack.telemetry import Workspace, open_workspace

from .conftest import Build, Rows, at, finding_of, groups_of, minutes, refusal_of, runs, value_of

HEAD = 'title = "x"\nabout = "x."\nbetter = "higher"\nowner = "o"\nsource = "s"\n'


def define(ws: Workspace, **formulas: str) -> Workspace:
    """Add metrics to a workspace; ``"table: formula | unit | further fields"``."""
    lines = []
    for name, text in formulas.items():
        table, _, rest = text.partition(": ")
        formula, unit, *more = rest.split(" | ")
        lines.append(f'[metrics.{name}]\n{HEAD}table = "{table}"\nformula = "{formula}"\nunit = "{unit}"\n')
        lines += [f"{field}\n" for field in more]
    folder = ws.root / "metrics"
    folder.mkdir(exist_ok=True)
    (folder / "own.toml").write_text("".join(lines), encoding="utf-8")
    return open_workspace(ws.root)


def estimate_of(ws: Workspace, metric: str, **options: Any) -> Estimate:
    """Evaluate one estimate over 2026Q3, or fail with the refusal."""
    answer = finding_of(ws, metric, **options).answer
    assert isinstance(answer, Estimate), answer
    return answer


def test_a_ratio_takes_the_rows_in_which_both_are_known(build: Build) -> None:
    rows = runs(6, cost=[1.0, 2.0, 3.0, None, 5.0, 6.0], latency=[2.0, 2.0, None, 8.0, 2.0, 4.0])
    ws = define(
        build(requests=rows),
        per_second="requests: ratio(cost, latency) | currency/s | requires = { n = 1 }",
        apart="requests: sum(cost) / sum(latency) | currency/s | requires = { n = 1 }",
    )
    # Both known in rows 1, 2, 5, 6: (1 + 2 + 5 + 6) / (2 + 2 + 2 + 4) = 1.4; apart 17 / 18.
    assert value_of(ws, "per_second") == pytest.approx(1.4)
    assert value_of(ws, "apart") == pytest.approx(17 / 18)
    (check,) = (check for check in finding_of(ws, "per_second").checks if check.name == "coverage")
    assert check.detail == "'cost and latency' is known in 4 of 6 rows (66.7%); the others are left out"


def test_a_ratio_is_weighted_and_takes_part_in_arithmetic(build: Build) -> None:
    rows = runs(4, cost=[1.0, 2.0, 3.0, 4.0], latency=[1.0, 1.0, 2.0, 2.0])
    for row in rows[2:]:
        row["sample_probability"] = 0.5
    ws = define(build(requests=rows), twice="requests: 2 * ratio(cost, latency) | currency/s | requires = { n = 1 }")
    # Weights 1, 1, 2, 2: 2 × (1 + 2 + 6 + 8) / (1 + 1 + 4 + 4) = 3.4.
    assert value_of(ws, "twice") == pytest.approx(3.4)


SESSIONS = ["a", "a", "b", "b", "b", "c", None, "d", "d", "e"]


def per_session(build: Build) -> Workspace:
    """Costs by session: a 3, b 9, c 6, d 17, e 10, one run without a session."""
    rows = runs(10, session=SESSIONS, cost=[1.0, 2.0, 2.0, 3.0, 4.0, 6.0, 100.0, 8.0, 9.0, 10.0])
    for i, row in enumerate(rows):
        row["outcome"] = "success" if i % 2 else "failure"
    return define(
        build(requests=rows),
        mean_cost="requests: mean(cost per session) | currency",
        middle="requests: median(cost per session) | currency",
        high="requests: quantile(cost per session, 0.75) | currency",
        deviation="requests: stddev(cost per session) | currency",
        wins="requests: mean(successful per session) | count",
        won="requests: mean(cost per session where successful) | currency | requires = { n = 1 }",
        per_row="requests: mean(cost) | currency",
    )


def test_per_key_adds_within_the_key_first(build: Build) -> None:
    ws = per_session(build)
    sums = [3.0, 9.0, 6.0, 17.0, 10.0]
    panel = evaluate(ws, ["mean_cost", "middle", "high", "deviation", "wins", "won", "per_row"], window="2026Q3")
    found = {f.subject: f.answer for f in panel.findings if isinstance(f.answer, Estimate)}
    assert {name: answer.value for name, answer in found.items()} == pytest.approx(
        {
            "mean_cost": 9.0, "middle": 9.0, "high": 10.0,
            "deviation": math.sqrt(sum((x - 9) ** 2 for x in sums) / 5),
            "wins": 1.0,  # successes (odd rows): a 1, b 1, c 1, d 1, e 1
            "won": 29 / 5,  # cost of the successes: a 2, b 3, c 6, d 8, e 10
            "per_row": 14.5,
        }
    )  # fmt: skip
    assert found["mean_cost"].n == 5


def test_a_mean_of_a_flag_per_key_is_a_number_and_no_share(build: Build) -> None:
    rows = runs(12, session=[f"s{i // 4}" for i in range(12)], outcome="success")
    for i, row in enumerate(rows):
        row["user"] = f"u{i // 4}"
    ws = define(build(requests=rows), wins="requests: mean(successful per session) | count | requires = { n = 1 }")
    found = estimate_of(ws, "wins")
    assert found.value == 4.0
    assert "Wilson" not in found.method


def test_keys_are_counted_in_every_group_and_several_columns_name_one(build: Build) -> None:
    rows = runs(6, session=["a", "a", "a", "b", "b", "b"], region=["eu", "eu", "us", "eu", "us", "us"], cost=1.0)
    ws = define(
        build(requests=rows),
        each="requests: mean(cost per session) | currency | requires = { n = 1 }",
        both="requests: mean(cost per session and region) | currency | requires = { n = 1 }",
    )
    assert groups_of(ws, "each", "region") == {"eu": 1.5, "us": 1.5}
    assert value_of(ws, "each") == 3.0
    assert value_of(ws, "both") == 1.5


def test_what_a_key_adds_up_to_is_not_known_where_its_rows_were_sampled_apart(build: Build) -> None:
    rows = runs(10, session=SESSIONS, cost=1.0, sample_probability=0.5)
    ws = define(
        build(requests=rows),
        each="requests: mean(cost per session) | currency",
        whole="requests: mean(cost per run) | currency",
    )
    assert refusal_of(ws, "each").reason is Reason.NOT_MEASURED
    assert "sampled one by one" in refusal_of(ws, "each").detail
    assert value_of(ws, "whole") == 1.0


def test_age_is_told_at_the_end_of_the_data_and_not_of_a_window_that_they_do_not_fill(build: Build) -> None:
    rows = [
        {"feed": "f", "stage": "s", "finished": at(f"{month}-0{day}"), "max_event_time": at(f"{month}-0{day} 08:00")}
        for month in ("07", "08")
        for day in (1, 2)
    ]
    rows[-1]["max_event_time"] = None
    ws = define(
        build(pipeline_runs=rows, requests=[{"run": "r", "start": at("08-03 12:00"), "user": "u"}]),
        stale="pipeline_runs: age(max(max_event_time)) | h",
    )
    found = finding_of(ws, "stale").answer
    assert isinstance(found, Estimate)
    assert found.is_census
    # The newest is of August 1st 08:00; the data end on August 3rd 12:00 (and a microsecond): 52 hours.
    assert found.value == pytest.approx(52.0, abs=1e-6)
    by_month = evaluate(ws, "stale", window="2026Q3", grain="month")
    values = [f.answer.value if isinstance(f.answer, Estimate) else str(f.answer.reason) for f in by_month.findings]
    # July ends at August 1st 00:00, 16 hours + 29 days after July 2nd 08:00.
    assert values == [pytest.approx(29 * 24 + 16), pytest.approx(52.0, abs=1e-6), "no_data"]


def incidents(hours: list[tuple[float, bool]]) -> Rows:
    """Incidents by the time that each was watched, and whether it was over."""
    return [
        {
            "incident": f"i{i}",
            "started": at("07-01"),
            "detected": at("07-01"),
            "mitigated": at("07-01") + minutes(60 * h),
            "ai_related": over,
        }
        for i, (h, over) in enumerate(hours)
    ]


def test_survival_by_hand_and_beside_the_median_of_what_is_over(build: Build) -> None:
    # 1, 2+, 3, 4, 5+, 6, 8: S = 6/7, × 4/5 = .6857, × 3/4 = .5143, × 1/2 = .2571 at 6, 0 at 8.
    rows = incidents([(1, True), (2, False), (3, True), (4, True), (5, False), (6, True), (8, True)])
    ws = define(
        build(incidents=rows),
        done="incidents: survival(to_recover, ai_related) | h",
        most="incidents: 2 * survival(to_recover, ai_related, 0.3) | min",
        over="incidents: median(to_recover where ai_related) | h",
    )
    found = estimate_of(ws, "done")
    assert found.value == pytest.approx(6.0)
    assert found.n == 7
    assert found.method == "Kaplan–Meier, 2 of 7 still open; Brookmeyer–Crowley (log-log), Greenwood"
    assert value_of(ws, "most") == pytest.approx(360.0)
    assert value_of(ws, "over") == pytest.approx(4.0)


def test_a_share_that_is_not_reached_is_a_lower_bound_that_says_so(build: Build) -> None:
    rows = incidents([(1, True), (2, True), (3, False), (4, False), (5, False), (6, False)])
    finding = finding_of(define(build(incidents=rows), done="incidents: survival(to_recover, ai_related) | h"), "done")
    assert isinstance(finding.answer, Estimate)
    assert finding.answer.is_bound
    assert finding.answer.value == pytest.approx(6.0)
    assert finding.answer.method.startswith("lower bound")
    (check,) = (check for check in finding.checks if check.name == "reached")
    assert check.passed is False
    assert check.detail.startswith("33.3% are done within the longest time watched, 50% were asked for")


def test_many_durations_give_the_same_from_their_histogram(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    hours = [(1.5 * 1.01**i, i % 3 > 0) for i in range(300)]
    ws = define(build(incidents=incidents(hours)), done="incidents: survival(to_recover, ai_related) | h")
    exact = estimate_of(ws, "done")
    monkeypatch.setattr("metricstack.metrics.query.fetch.VECTOR_ROWS", 100)
    rough = estimate_of(open_workspace(ws.root), "done")
    assert "histogram" in rough.method
    assert rough.n == exact.n == 300
    assert rough.low is not None
    assert rough.high is not None
    for a, b in ((exact.value, rough.value), (exact.low, rough.low), (exact.high, rough.high)):
        assert a == pytest.approx(b, rel=0.03)  # a bin is 2 % wide


def test_durations_of_one_user_depend_on_one_another(build: Build) -> None:
    rows = runs(60, latency=[1.0 + i // 6 for i in range(60)], outcome="success")
    for i, row in enumerate(rows):
        row["user"] = f"u{i // 6}"
    formula = "requests: survival(latency, successful) | s"
    together = estimate_of(define(build(requests=rows), done=formula), "done")
    for i, row in enumerate(rows):
        row["user"] = f"u{i}"
    alone = estimate_of(define(build(requests=rows), done=formula), "done")
    assert together.value == alone.value
    assert "influence of 10 units" in together.method
    assert together.low is not None
    assert together.high is not None
    assert alone.low is not None
    assert alone.high is not None
    assert together.high - together.low > 1.5 * (alone.high - alone.low)


def judged(*judgements: tuple[str, str, str, float | None]) -> Rows:
    """Judgements: item, candidate, rater (the judge is a machine, others are people), score."""
    return [
        {
            "dataset": "d", "split": "evaluation", "item": item, "candidate": candidate, "rater": rater,
            "rater_kind": "llm_judge" if rater == "judge" else "human", "name": "relevance",
            "judged": at("07-01"), "score": score,
        }
        for item, candidate, rater, score in judgements
    ]  # fmt: skip


def test_kappa_compares_two_raters_of_one_candidate_and_takes_majorities(
    build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Of 10 items: both yes 4, both no 3, person alone 2, judge alone 1. Agreed .7; yes: person .6, judge .5;
    # chance .6 × .5 + .4 × .5 = .5; kappa .4. Item 0 has three people, two of whom say yes.
    said = [(1, 1)] * 4 + [(0, 0)] * 3 + [(1, 0)] * 2 + [(0, 1)]
    rows = [
        row
        for i, (person, judge) in enumerate(said)
        for row in ((f"i{i}", "m", "anna", float(person)), (f"i{i}", "m", "judge", float(judge)))
    ]
    rows += [("i0", "m", "bert", 0.0), ("i0", "m", "cleo", 1.0)]
    rows += [("i0", "other", "judge", 0.0), ("i9", "other", "anna", 1.0)]  # another candidate: never a pair
    ws = define(
        build(evaluations=judged(*rows)),
        agree="evaluations: kappa(judged_good, dataset and item and candidate, rater_kind) | score",
    )
    found = estimate_of(ws, "agree")
    assert found.value == pytest.approx(0.4)
    assert found.n == 10
    assert found.low is not None
    assert found.high is not None
    assert -1 <= found.low < 0.4 < found.high <= 1
    (check,) = (check for check in finding_of(ws, "agree").checks if check.name == "pairs")
    assert check.detail.startswith("both judged 10 of 12 items")
    assert found.method == "Cohen's kappa, jackknife over 10 items"
    # Of a table too large for its rows to leave the engine, the same from items gathered there.
    monkeypatch.setattr("metricstack.metrics.query.fetch.VECTOR_ROWS", 5)
    gathered = estimate_of(open_workspace(ws.root), "agree")
    assert gathered.value == pytest.approx(0.4)
    assert "random groups of items" in gathered.method


def test_kappa_needs_two_raters_and_names_the_column(build: Build) -> None:
    formula = "evaluations: kappa(judged_good, dataset and item and candidate, {}) | score"
    rows = [(f"i{i}", "m", rater, float(i % 2)) for i in range(8) for rater in ("anna", "bert", "cleo")]
    ws = define(build(evaluations=judged(*rows)), one=formula.format("rater_kind"), three=formula.format("rater"))
    one, three = refusal_of(ws, "one"), refusal_of(ws, "three")
    assert (one.reason, three.reason) == (Reason.NOT_MEASURED, Reason.NOT_MEASURED)
    assert "'rater_kind' has one value only" in one.detail
    assert "'rater' has more than two values" in three.detail


def test_alpha_by_hand_over_items_with_two_raters(build: Build) -> None:
    # Items .0 .0; .5 1.; 1. 1.; .5 .5 and one judged once. n = 8, mean .5625, SS = 3.75 − 8 × .5625² = 1.21875.
    # Within: 2/1 × .125 = .25. alpha = 1 − (.25 / 8) / (1.21875 / 7) = .820513.
    scores = [(0.0, 0.0), (0.5, 1.0), (1.0, 1.0), (0.5, 0.5)]
    rows = [(f"i{i}", "m", rater, x) for i, pair in enumerate(scores) for rater, x in zip("ab", pair, strict=True)]
    rows.append(("i9", "m", "a", 0.0))
    ws = define(
        build(evaluations=judged(*rows)),
        agree="evaluations: alpha(score, dataset and item and candidate, rater) | score | requires = { n = 2 }",
        strict="evaluations: alpha(score, dataset and item and candidate, rater) | score",
    )
    found = estimate_of(ws, "agree")
    assert found.value == pytest.approx(0.820513, abs=1e-6)
    assert found.n == 4
    assert refusal_of(ws, "strict").detail == "it stands on 4 items with two or more raters; 5 are needed"


def test_without_difference_agreement_has_no_value(build: Build) -> None:
    rows = [(f"i{i}", "m", rater, 1.0) for i in range(8) for rater in ("anna", "judge")]
    ws = define(
        build(evaluations=judged(*rows)),
        kappa_="evaluations: kappa(judged_good, dataset and item and candidate, rater) | score",
        alpha_="evaluations: alpha(score, dataset and item and candidate, rater) | score",
    )
    assert refusal_of(ws, "kappa_").reason is Reason.UNDEFINED_RATIO
    assert refusal_of(ws, "alpha_").reason is Reason.UNDEFINED_RATIO


def test_pass_k_by_hand(build: Build) -> None:
    # Attempts (successes of tries): 3 of 4, 2 of 2, 1 of 3, 0 of 2, 5 of 5 and 1 of 1.
    tries = [(3, 4), (2, 2), (1, 3), (0, 2), (5, 5), (1, 1)]
    attempts = [(task, i < c) for task, (c, n) in enumerate(tries) for i in range(n)]
    rows = runs(
        len(attempts), input_hash=[f"t{task}" for task, _ in attempts],
        outcome=["success" if ok else "failure" for _, ok in attempts],
    )  # fmt: skip
    ws = define(
        build(requests=rows),
        two="requests: pass_at(successful, input_hash, 2) | fraction",
        one="requests: pass_at(successful, input_hash, 1) | fraction",
        five="requests: pass_at(successful, input_hash, 5) | fraction",
    )
    pairs = [math.comb(c, 2) / math.comb(n, 2) for c, n in tries if n >= 2]
    found = estimate_of(ws, "two")
    assert found.value == pytest.approx(sum(pairs) / 5)
    assert found.n == 5
    assert value_of(ws, "one") == pytest.approx((0.75 + 1 + 1 / 3 + 0 + 1 + 1) / 6)
    assert refusal_of(ws, "five").detail == "it stands on 1 tasks with 5 or more attempts; 5 are needed"


def test_special_functions_answer_by_group_and_period(build: Build) -> None:
    rows = runs(40, latency=[float(i % 10 + 1) for i in range(40)], region=["eu", "us"] * 20, outcome="success")
    for i, row in enumerate(rows):
        row["start"] = at("07-01") + timedelta(days=40 * (i // 20))
    ws = define(build(requests=rows), done="requests: survival(latency, successful) | s")
    panel = evaluate(ws, "done", window="2026Q3", by="region", grain="month")
    values = {
        (dict(f.where)["region"], dict(f.where)["period"]): f.answer.value
        for f in panel.findings
        if isinstance(f.answer, Estimate)
    }
    # Latencies of eu are 1, 3, 5, 7, 9 twice a month, of us 2, 4, 6, 8, 10.
    assert values == {
        ("eu", "2026-07-01"): 5.0, ("eu", "2026-08-01"): 5.0, ("us", "2026-07-01"): 6.0, ("us", "2026-08-01"): 6.0
    }  # fmt: skip


def daily(build: Build, **fields: Any) -> Workspace:
    """One run a day from June 1st to July 31st; cost counts the days from 1."""
    rows = [
        {"run": f"r{i}", "user": f"u{i}", "start": at("06-01") + timedelta(days=i), "cost": float(i + 1)}
        for i in range(61)
    ]
    more = "".join(f" | {name} = {value}" for name, value in fields.items())
    return define(build(requests=rows), spent=f"requests: sum(cost) | currency{more}",
                  runs_="requests: count() | count" + more)  # fmt: skip


def test_a_window_of_days_trails_each_period(build: Build) -> None:
    ws = daily(build, window=7)
    panel = evaluate(ws, ["spent", "runs_"], window="2026Q3", grain="day")
    spent = {dict(f.where)["period"]: f.answer for f in panel.of("spent")}
    # The seven days up to the end of July 1st: June 25th (day 25) to July 1st (day 31).
    first, last = spent["2026-07-01"], spent["2026-07-31"]
    assert isinstance(first, Estimate)
    assert isinstance(last, Estimate)
    assert first.value == sum(range(25, 32))
    assert last.value == sum(range(55, 62))
    # The data end on July 31st: August 6th still holds that one day.
    tail = spent["2026-08-06"]
    assert isinstance(tail, Estimate)
    assert tail.value == 61


@pytest.mark.parametrize(("grain", "days"), [("week", 10), ("week", 3), ("month", 10)])
def test_many_periods_in_one_pass_are_those_asked_one_by_one(build: Build, grain: str, days: int) -> None:
    ws = daily(build, window=days)
    quarter = ws.quarter("2026Q3")
    panel = evaluate(ws, ["spent", "runs_"], window=quarter, grain=grain)
    for period in ws.calendar.cut(quarter, grain)[:2]:
        alone = evaluate(ws, ["spent", "runs_"], window=period)
        for name in ("spent", "runs_"):
            whole = panel.get(name, period=period.name).answer
            one = alone.get(name).answer
            assert isinstance(whole, Estimate) == isinstance(one, Estimate)
            if isinstance(whole, Estimate) and isinstance(one, Estimate):
                assert (whole.value, whole.n) == (one.value, one.n)


def test_days_are_those_of_the_window_and_data_that_start_within_it_say_so(build: Build) -> None:
    rows = [{"run": f"r{i}", "user": f"u{i}", "start": at("06-20") + timedelta(days=i)} for i in range(42)]
    ws = define(build(requests=rows), each_day="requests: count() / days() | count/d | window = 14")
    early, late = (
        evaluate(ws, "each_day", window=ws.calendar.between(day, day + timedelta(days=1), "it")).get("each_day")
        for day in (at("07-01").date(), at("07-20").date())
    )
    for finding in (early, late):
        assert isinstance(finding.answer, Estimate)
        assert finding.answer.value == pytest.approx(1.0)
    assert late.checks == ()
    (check,) = early.checks
    assert check.detail == "the data start on 2026-06-20, after its 14 days do, on 2026-06-18"


def test_of_states_a_window_takes_the_last_of_each_thing_in_its_days(build: Build) -> None:
    reviews = [("m1", "06-01", True), ("m2", "07-10", False), ("m2", "07-20", True), ("m3", "07-25", False)]
    rows = [{"model": model, "reviewed": at(day), "fairness": passed} for model, day, passed in reviews]
    ws = define(
        build(model_reviews=rows),
        lately="model_reviews: mean(fairness) | fraction | window = 30 | requires = { n = 1 }",
        ever="model_reviews: mean(fairness) | fraction | requires = { n = 1 }",
    )
    july = ws.calendar.between(at("07-01").date(), at("08-01").date(), "July")
    panel = evaluate(ws, ["lately", "ever"], window=july)
    found = {f.subject: f.answer.value for f in panel.findings if isinstance(f.answer, Estimate)}
    # Reviewed in the thirty days up to August 1st: m2 (yes, last) and m3 (no); ever also m1 (yes).
    assert found == {"lately": 0.5, "ever": pytest.approx(2 / 3)}


def test_all_that_is_known_by_then_is_counted_once_a_period_however_many_they_are(build: Build) -> None:
    ws = daily(build, to_date="true")
    panel = evaluate(ws, "runs_", window="2026Q3", grain="day")
    counts = [f.answer.value for f in panel.findings if isinstance(f.answer, Estimate)]
    assert counts[:31] == [31 + i for i in range(31)]
    assert set(counts[31:]) == {61.0}


def test_trailing_days_are_local_days_across_a_clock_change(build: Build) -> None:
    config = '[workspace]\nname = "N"\nzone = "Europe/Berlin"\n'
    # Berlin's clocks go back on October 25th. One day up to the 26th's begin is 25 hours: from the 24th 22:00 UTC.
    rows = [
        {"run": f"r{i}", "user": f"u{i}", "start": start}
        for i, start in enumerate([at("10-24 21:59"), at("10-24 22:00"), at("10-25 22:59"), at("10-25 23:00")])
    ]
    ws = define(build(config, requests=rows), runs_="requests: count() | count | window = 1")
    day = ws.calendar.cut(ws.quarter("2026Q4"), "day")[24]
    assert day.name == "2026-10-25"
    answer = evaluate(ws, "runs_", window=day).get("runs_").answer
    assert isinstance(answer, Estimate)
    assert answer.value == 2


def test_a_value_that_no_row_has_is_refused_by_name(build: Build) -> None:
    rows = runs(8, use_case=["support", "search"] * 4, outcome="success", latency=1.0)
    ws = define(build(requests=rows), served="requests: count(successful) | count")
    for metric in ("served", "latency_p95"):
        refusal = refusal_of(ws, metric, where={"use_case": "suport"})
        assert refusal.reason is Reason.NO_DATA
        assert refusal.detail == "no row of table 'requests' has the use_case 'suport' in this window"
        assert refusal.remedy == "Did you mean 'support'?"
    assert "There are: search, support." in refusal_of(ws, "served", where={"use_case": "xxxxxxx"}).remedy


def test_the_window_and_the_key_are_in_the_hash(build: Build) -> None:
    ws = define(
        build(requests=runs(3, cost=1.0)),
        a="requests: mean(cost) | currency",
        b="requests: mean(cost) | currency | window = 28",
        c="requests: mean(cost) | currency | window = 7",
        d="requests: mean(cost per user) | currency",
        e="requests: mean(cost per session) | currency",
    )
    known = catalogue(ws)
    assert len({known.hash(name) for name in "abcde"}) == 5
    assert known["b"].to_dict()["window"] == 28


def test_every_function_shows_its_sql(build: Build) -> None:
    ws = define(
        build(requests=runs(3, cost=1.0)),
        a="requests: survival(latency, successful) | s",
        b="requests: pass_at(successful, input_hash, 2) | fraction",
        c="requests: age(max(ingested_at)) | h",
        d="evaluations: kappa(judged_good, dataset and item and candidate, rater) | score",
        e="evaluations: alpha(score, dataset and item and candidate, rater) | score",
        f="requests: quantile(cost per session, 0.9) | currency",
        g="requests: mean(cost) | currency | window = 28",
    )
    known = catalogue(ws)
    for name in "abcdefg":  # DuckDB's runs in every other test
        found = sql(name, known=known, grain="month" if name == "g" else None, dialect="postgres")
        assert all("SELECT" in text for text in found.values())
        assert found


FAULTS = {
    "mean(latency per user) + mean(cost per run)": "takes all its aggregates over the same keys.*'per user', 'per run'",
    "mean(latency per usr)": "no measure or column 'usr'; nearest is 'user'",
    "mean(latency per cost)": r"mean\(\) needs a text column of table 'requests' here; 'cost' is float64",
    "sum(latency per user)": "sum takes no 'per'; mean, median, quantile, stddev do",
    "age(max(latency))": r"age\(max\(x\)\) needs an instant of table 'requests'",
    "age(start)": r"age\(max\(x where …\)\) takes the newest instant",
    "survival(latency, cost)": r"needs a flag that is false for what is still open; 'cost' is float64",
    "survival(latency, successful, 1.5)": r"survival\(time, observed, p\) needs p between 0 and 1",
    "survival(latency, successful) / count()": r"survival\(\) stands alone",
    "kappa(latency, input_hash, model)": r"kappa\(flag, item, rater\) needs a flag",
    "kappa(successful, inputhash, model)": "nearest is 'input_hash'",
    "kappa(successful, input_hash, latency)": r"kappa\(\) needs a text column.*'latency' is float64",
    "pass_at(latency, input_hash, 2)": r"pass_at\(flag, task, k\) needs a flag",
    "pass_at(successful, input_hash, 2.5)": "whole number k from 1 to 20",
    "pass_at(successful, input_hash, 21)": "whole number k from 1 to 20",
    "ratio(latency, outcome)": "'outcome' is string, not a number",
    "kappa(successful, input_hash and, model)": "the name of a column expected",
    "surviva(latency, successful)": "Did you mean 'survival'",
}


def test_faults_are_all_told_at_once_with_file_line_and_nearest_word(tmp_path: Path) -> None:
    lines = [
        f'[metrics.m{i}]\n{HEAD}table = "requests"\nformula = "{formula}"\nunit = "s"\n'
        for i, formula in enumerate(FAULTS)
    ]
    (tmp_path / "own.toml").write_text("".join(lines), encoding="utf-8")
    with pytest.raises(ConfigurationError) as caught:
        load(tmp_path)
    assert len(caught.value.faults) == len(FAULTS)
    for i, said in enumerate(FAULTS.values()):
        (fault,) = (fault for fault in caught.value.faults if f"'m{i}'" in fault)
        assert re.search(said, fault), fault
        assert fault.startswith(f"own.toml:{9 * i + 8}:"), fault


def test_units_come_from_what_a_function_gives(tmp_path: Path) -> None:
    wrong = {"survival(latency, successful)": "currency", "age(max(start))": "fraction",
             "pass_at(successful, input_hash, 2)": "s", "ratio(cost, latency)": "currency"}  # fmt: skip
    lines = [
        f'[metrics.m{i}]\n{HEAD}table = "requests"\nformula = "{formula}"\nunit = "{unit}"\n'
        for i, (formula, unit) in enumerate(wrong.items())
    ]
    (tmp_path / "own.toml").write_text("".join(lines), encoding="utf-8")
    with pytest.raises(ConfigurationError) as caught:
        load(tmp_path)
    given = ["time", "time", "a bare number", "time^-1 × money"]
    assert [f"the formula gives {gives}, but" in fault for gives, fault in zip(given, caught.value.faults, strict=True)]
    assert len(caught.value.faults) == 4


def test_what_was_judged_must_be_named_whole(tmp_path: Path) -> None:
    text = f'[metrics.a]\n{HEAD}table = "evaluations"\nformula = "kappa(judged_good, item, rater)"\nunit = "score"\n'
    (tmp_path / "own.toml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError, match="as in 'dataset and item and candidate', or judgements of different"):
        load(tmp_path)


@pytest.mark.parametrize("value", ["0", "-1", "1.5", "true", '"28"', "5000"])
def test_a_window_is_whole_days(tmp_path: Path, value: str) -> None:
    text = f'[metrics.a]\n{HEAD}table = "requests"\nformula = "count()"\nunit = "count"\nwindow = {value}\n'
    (tmp_path / "own.toml").write_text(text, encoding="utf-8")
    with pytest.raises(
        ConfigurationError, match=r"own\.toml:10: metric 'a': 'window' must be whole days from 1 to 3,660"
    ):
        load(tmp_path)


def test_windows_do_not_mix_with_all_up_to_a_date_nor_with_metrics_of_other_windows(tmp_path: Path) -> None:
    text = (
        f'[metrics.a]\n{HEAD}table = "requests"\nformula = "count()"\nunit = "count"\nwindow = 28\nto_date = true\n'
        f'[metrics.b]\n{HEAD}table = "requests"\nformula = "sum(cost)"\nunit = "currency"\nwindow = 28\n'
        f'[metrics.c]\n{HEAD}table = "requests"\nformula = "b / count()"\nunit = "currency"\n'
    )
    (tmp_path / "own.toml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError) as caught:
        load(tmp_path)
    said = "\n".join(caught.value.faults)
    assert "only one can hold" in said
    assert "made of 'b', whose rows are those of the last 28 days, while its own are those of a window" in said
