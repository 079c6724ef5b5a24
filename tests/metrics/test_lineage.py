"""What lineage promises: every name of a formula with its role, every column that a measure reads, nothing run.

Metrics whose columns were read off the code by hand; metrics made of metrics; what a workspace binds;
references, lookups, keys, raters and stated inputs; each column exists.
"""

from pathlib import Path

import pytest

from metricstack.core import UnknownName
from metricstack.metrics import Catalogue, Role, catalogue, lineage
from metricstack.metrics.language.load import load
from metricstack.metrics.lineage import Lineage
from metricstack.telemetry.lookups import LOOKUPS
from metricstack.telemetry.measures import Given
from metricstack.telemetry.tables import TABLES


def traced(tmp_path: Path, formula: str, *, table: str = "requests", unit: str = "count", more: str = "") -> Lineage:
    """Trace a metric of a formula of its own, beside others written in ``more``."""
    home = f'table = "{table}"\n' if table else ""
    text = f'{more}\n[metrics.mine]\ntitle = "Mine"\nabout = "x"\n{home}formula = "{formula}"\nunit = "{unit}"\n'
    (tmp_path / "own.toml").write_text(text + 'better = "higher"\nowner = "me"\nsource = "me"\n', encoding="utf-8")
    return lineage("mine", Catalogue(load(tmp_path)))


def named(found: Lineage, role: Role) -> set[str]:
    return {use.name for use in found.uses if use.role is role}


def test_a_ratio_is_traced_to_its_columns_by_hand() -> None:
    # cost is a column; successful reads outcome alone. The contract of requests adds the rest.
    found = lineage("cost_per_successful_outcome")
    assert (found.table, found.formula) == ("requests", "sum(cost) / count(successful)")
    assert named(found, Role.VALUE) == {"requests.cost", "requests.outcome"}
    assert named(found, Role.TIME) == {"requests.start"}
    assert named(found, Role.WEIGHT) == {"requests.sample_probability"}
    assert named(found, Role.UNIT) == {"requests.user", "requests.session", "requests.run"}
    assert named(found, Role.FILTER) == {"requests.env", "requests.dq_flags"}
    (measure,) = found.measures
    assert (measure.name, measure.unit, measure.role) == ("successful", "", Role.VALUE)
    assert [(use.name, use.measure) for use in measure.columns] == [("requests.outcome", "successful")]


def test_what_stands_behind_where_is_a_filter(tmp_path: Path) -> None:
    found = traced(tmp_path, "sum(cost where successful and not fallback)", unit="currency")
    assert {measure.name: measure.role for measure in found.measures} == {"successful": Role.FILTER}
    assert {"requests.outcome", "requests.fallback"} <= named(found, Role.FILTER)
    assert named(found, Role.VALUE) == {"requests.cost"}


def test_keys_raters_and_judged_things_are_units(tmp_path: Path) -> None:
    found = traced(tmp_path, "quantile(cost per session, 0.95)", unit="currency")
    assert ("requests.session", Role.UNIT) in {(use.name, use.role) for use in found.columns if not use.measure}
    judged = lineage("human_agreement")
    assert {"evaluations.item", "evaluations.rater"} <= named(judged, Role.UNIT)
    assert named(judged, Role.VALUE) == {"evaluations.score"}


def test_a_metric_made_of_metrics_is_traced_through_them() -> None:
    found = lineage("roi")
    assert [part.metric for part in found.metrics] == ["benefits", "costs"]
    assert not found.columns
    assert {"requests", "resource_usage"} <= set(found.tables)
    wages = dict(found.metrics[0].inputs)
    assert wages["hourly_wage"] == "currency/h"


def test_what_a_workspace_binds_stands_beside_the_measure() -> None:
    known = catalogue()
    bound = Catalogue(known.definitions, Given(parameters=dict(known.given.parameters) | {"sla_latency": 7.0}))
    (measure,) = [each for each in lineage("sla_attainment", bound).measures if each.bound]
    assert dict(measure.bound)["sla_latency"] == 7.0


def test_a_reference_and_a_lookup_are_named_with_the_way_to_them() -> None:
    (safe,) = [each for each in lineage("time_to_deploy_safe_change").measures if each.name == "safe"]
    assert ("deployments.failed", "deployment") in {(use.name, use.through) for use in safe.columns}
    ways = {(use.name, use.through) for use in lineage("change_lead_time").uses}
    assert ("change_deployments.deployed", "first_production") in ways


@pytest.mark.parametrize("name", catalogue().ids)
def test_every_column_exists_and_every_metric_of_rows_has_a_time(name: str) -> None:
    found = lineage(name)
    made = {(looked.reads[0], column.name) for looked in LOOKUPS.values() for column in looked.columns}
    for use in found.uses:
        assert use.column in TABLES[use.table] or (use.table, use.column) in made, use
    assert found.tables == () or named(found, Role.TIME)
    assert set(found.tables) - {"assumptions"} >= set(catalogue().tables(name)) - {"assumptions"}


def test_it_is_plain_json() -> None:
    found = lineage("roi").to_dict()
    assert found["metrics"][0]["metrics"][0]["measures"][0]["name"] == "completed"
    assert lineage("cost_per_successful_outcome").to_dict()["columns"][0]["role"] == "value"


def test_an_unknown_metric_is_said_with_the_nearest() -> None:
    with pytest.raises(UnknownName, match="Did you mean 'latency_p95'"):
        lineage("latency_p59")
