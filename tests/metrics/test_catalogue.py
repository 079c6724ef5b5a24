"""What the catalogue promises: every metric owned and explained, all faults at once, hashes of meaning only."""

from dataclasses import replace
from pathlib import Path

import pytest

from metricstack.core.errors import ConfigurationError, UnknownName
from metricstack.core.units import check_unit
from metricstack.metrics import catalogue, definition_hash, evaluate
from metricstack.metrics.language import hashing
from metricstack.metrics.language.dimension import dimension
from metricstack.metrics.language.load import CATALOGUE, load
from metricstack.telemetry.config import WorkspaceConfig
from metricstack.telemetry.measures import MEASURES, PARAMETERS, Given, Measure, given, traffic

from .conftest import CONFIG, Build, runs, value_of

OPERATIONS = [
    *("sla_attainment", "incident_rate", "time_to_recover", "time_to_diagnose", "time_to_fix", "fragmented_systems"),
    *("integration_health", "silent_partial_share", "data_freshness", "roi", "benefits", "costs", "cost_savings"),
    *("work_removed", "throughput", "responsible_ai_pass_rate", "compliance_automation"),
    *("controls_tested_continuously", "drift_check_interval", "alerts_triaged", "pilot_conversion"),
    *("time_to_deploy_safe_change", "unassisted_success"),
]
LAYERS = [
    *("conversion_rate", "revenue_per_session", "task_completion", "support_cost_per_case", "retention_28d"),
    *("relevance", "completeness", "consistency", "trust", "escalation_rate", "latency_p95", "availability"),
    *("error_rate", "fallback_rate", "cost_per_request", "cost_per_successful_outcome"),
]


def test_the_ids_are_those_of_the_definitions_that_the_field_was_promised() -> None:
    known = catalogue()
    assert [name for name in (*OPERATIONS, *LAYERS) if name not in known] == []


def test_every_metric_is_owned_explained_and_sourced() -> None:
    for definition in catalogue():
        assert definition.title, definition.id
        assert definition.about.endswith("."), definition.id
        assert definition.owner, definition.id
        assert definition.source, definition.id
        check_unit(definition.unit)


def test_the_four_layers_each_carry_metrics() -> None:
    layers = {str(definition.layer) for definition in catalogue() if definition.layer}
    assert layers == {"business", "quality", "reliability", "cost"}


def test_every_measure_is_about_something() -> None:
    for measure in MEASURES.values():
        assert measure.about
        assert all(name in PARAMETERS for name in measure.parameters)


def test_a_near_miss_is_answered_with_the_nearest_name() -> None:
    with pytest.raises(UnknownName, match=r"Unknown metric 'latency_p59'\. Did you mean 'latency_p9[59]'\?"):
        catalogue().get("latency_p59")


def test_an_alias_finds_its_metric() -> None:
    assert catalogue().get("success_rate").id == "task_success"


def test_a_card_says_meaning_formula_owner_levels_lineage_and_hash() -> None:
    card = catalogue().describe("incident_rate")
    assert card["tables"] == ["incidents", "requests"]
    assert card["formula"] == "1000 * ai_incidents / transactions"
    assert len(card["hash"]) == 16
    assert "use_case" in card["dimensions"]
    within = catalogue().describe("sla_attainment")["measures"][0]
    assert within["name"] == "within_sla"
    assert within["bound"] == {"sla_latency": 10.0}


# faults ----------------------------------------------------------------------------------------------------------

FAULTY = """\
[metrics.eror_rate]
title = "Errors"
about = "Share of errors."
table = "requests"
formula = "count(eror) / count()"
unit = "fraction"
better = "lower"

[metrics.mixed]
title = "Mixed"
about = "Seconds and money."
table = "requests"
formula = "sum(latency) + sum(cost)"
unit = "s"
better = "downwards"
levels = { target = "high" }
ownr = "me"

[metrics.wrong_unit]
title = "Wrong unit"
about = "Seconds said to be money."
table = "requests"
formula = "mean(latency)"
unit = "currency"
better = "lower"

[metrics.no_table]
title = "No table"
about = "Rows of nothing."
table = "request"
formula = "mean(latency"
unit = "parsecs"
better = "lower"

[metrics.loop]
title = "Loop"
about = "Itself."
formula = "2 * pool"
unit = "1"
better = "lower"

[metrics.pool]
title = "Pool"
about = "The other."
formula = "loop + 1"
unit = "1"
better = "lower"

[metrics.bare]
title = "Bare"
about = "A measure outside an aggregate."
table = "requests"
formula = "successful / latency_p95"
unit = "1"
better = "lower"
"""


def faults_of(tmp_path: Path, text: str) -> tuple[str, ...]:
    (tmp_path / "own.toml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError) as caught:
        load(tmp_path, load(CATALOGUE))
    return caught.value.faults


def test_every_fault_is_reported_at_once_with_file_line_and_nearest_word(tmp_path: Path) -> None:
    faults = faults_of(tmp_path, FAULTY)

    def one(start: str, *words: str) -> bool:
        return sum(fault.startswith(start) and all(word in fault for word in words) for fault in faults) == 1

    assert one("own.toml:5:", "'eror'", "Table 'requests' has no measure or column 'eror'")
    assert one("own.toml:15:", "better 'downwards'", "higher, lower")
    assert one("own.toml:16:", "levels.target must be a number")
    assert one("own.toml:17:", "'ownr'", "Did you mean 'owner'?")
    assert one("own.toml:23:", "the formula gives time, but unit 'currency' is money")
    assert one("own.toml:30:", "'request'", "Did you mean 'requests'?")
    assert one("own.toml:31:", "')' expected, not the end")
    assert one("own.toml:32:", "Unknown unit 'parsecs'")
    assert one("own.toml:38:", "is defined by itself")
    assert one("own.toml:45:", "is defined by itself")
    assert one("own.toml:53:", "'successful' belongs to table 'requests': aggregate it")
    assert len(faults) == 11


def test_seconds_are_not_added_to_money(tmp_path: Path) -> None:
    text = (
        FAULTY.split("\n\n")[1]
        .replace('"downwards"', '"lower"')
        .replace('levels = { target = "high" }\nownr = "me"', "")
    )
    (fault,) = faults_of(tmp_path, text)
    assert "time cannot be added to or taken from money" in fault


def test_a_shipped_metric_is_not_redefined_under_its_name(tmp_path: Path) -> None:
    text = FAULTY.split("\n\n", maxsplit=1)[0].replace("eror_rate", "error_rate").replace("eror", "failed")
    (fault,) = faults_of(tmp_path, text)
    assert "already defined at reliability.toml:" in fault
    assert "[policies]" in fault


def test_a_workspace_adds_metrics_of_its_own(build: Build) -> None:
    ws = build(requests=runs(6, cost=2.0, latency=30.0))
    (ws.root / "metrics").mkdir()
    (ws.root / "metrics" / "own.toml").write_text(
        '[metrics.cost_per_minute]\ntitle = "Cost per minute"\nabout = "Cost of a minute of latency."\n'
        'table = "requests"\nformula = "sum(cost) / sum(latency)"\nunit = "currency/min"\nbetter = "lower"\n'
    )
    assert value_of(ws, "cost_per_minute") == pytest.approx(4.0)  # 12 USD for 180 s


def test_units_convert_by_themselves() -> None:
    assert dimension("currency/h").times(dimension("min")).factor == pytest.approx(1 / 60)


# hash ------------------------------------------------------------------------------------------------------------


def test_wording_owner_and_levels_are_not_in_the_hash() -> None:
    known = catalogue()
    base = known.get("task_success")
    other = replace(base, title="x", about="x", owner="x", version=9, aliases=(), formula=" mean( successful )")
    assert definition_hash(base, known.definitions, Given()) == definition_hash(other, known.definitions, Given())


def test_formula_parameters_and_inputs_are_in_the_hash() -> None:
    known, bound = catalogue(), given(WorkspaceConfig(parameters={"sla_latency": 3.0}))

    def of(name: str, with_: Given) -> str:
        return definition_hash(known.get(name), known.definitions, with_)

    assert of("sla_attainment", Given()) != of("sla_attainment", bound)
    assert of("task_success", Given()) == of("task_success", bound)  # it takes no such parameter
    assert len({known.hash(name) for name in known.ids}) == len(known)  # no two metrics compute the same
    changed = dict(known.definitions) | {"transactions": known.get("ai_incidents")}
    assert definition_hash(known.get("incident_rate"), changed, Given()) != known.hash("incident_rate")


def test_what_a_measure_rests_on_is_in_the_hash(monkeypatch: pytest.MonkeyPatch) -> None:
    known, name = catalogue().definitions, "time_to_fix"

    def of(measure: Measure, metric: str = name) -> str:
        monkeypatch.setitem(MEASURES, (measure.table, measure.name), measure)
        return definition_hash(known[metric], known, Given())

    # What a factory binds: from the cause, or from the detection on.
    one, other = MEASURES["incidents", "to_fix"], MEASURES["incidents", "to_recover"]
    assert of(one) == of(replace(one, about="other words"))
    assert of(one) != of(replace(one, expression=other.expression))
    # What it calls: a time target made in another way.
    before = definition_hash(known["sla_attainment"], known, Given())
    monkeypatch.setattr(traffic, "_time_target", elsewhere := lambda rows, bound: bound["sla_latency"])
    monkeypatch.setattr(elsewhere, "__module__", traffic.__name__)
    hashing._code.cache_clear()
    assert definition_hash(known["sla_attainment"], known, Given()) != before
    monkeypatch.undo()
    hashing._code.cache_clear()
    assert definition_hash(known["sla_attainment"], known, Given()) == before


def test_no_two_metrics_have_one_title() -> None:
    titles = [definition.title.casefold() for definition in catalogue()]
    assert len(set(titles)) == len(titles)


def test_a_parameter_or_policy_of_nothing_is_an_error(build: Build) -> None:
    with pytest.raises(UnknownName, match="Did you mean 'sla_latency'"):
        evaluate(build(CONFIG.replace("sla_latency", "sla_latencies")), "task_success", window="2026Q3")
    with pytest.raises(UnknownName, match="Did you mean 'error_rate'"):
        evaluate(build(CONFIG.replace("policies.error_rate", "policies.eror_rate")), "task_success", window="2026Q3")
