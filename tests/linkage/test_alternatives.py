"""What asking one edge in every way promises, on a small workspace.

* The declared way comes first and is that of the map; the others differ in what their names say.
* It draws and says itself; an edge that is not declared is refused with the nearest.
"""

from pathlib import Path

import pytest

from metricstack.core.errors import UnknownName
from metricstack.experiments.effect import Effect
from metricstack.linkage.alternatives import alternatives
from metricstack.linkage.evidence import Rung
from metricstack.linkage.link import link
from metricstack.telemetry import Workspace
from tests.linkage.test_link import traffic
from tests.metrics.conftest import write_workspace

DECLARED = """
[edges.fallback_rate.task_success]
step = 0.1
expected = "-"
smallest_effect = 0.01
lags = [0, 1]
confounders = ["cost_per_request", "use_case"]
"""


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Sixty days of four regions; read only."""
    folder: Path = tmp_path_factory.mktemp("alternatives")
    ws = write_workspace(folder, {"requests": traffic(60)})
    (folder / "linkage.toml").write_text(DECLARED, encoding="utf-8")
    return ws


def test_the_declared_way_is_first_and_that_of_the_map(company: Workspace) -> None:
    found = alternatives(company, "fallback_rate", "success_rate")
    (edge,) = link(company)
    (panel,) = (one for one in edge.evidence if one.rung is Rung.PANEL)
    assert found.ways[0].name == "declared"
    assert found.ways[0].answer == panel.estimate
    by_name = {one.name: one.answer for one in found.ways}
    assert {"by week", "units: use_case", "lag 0", "lag 1", "without confounders", "first differences"} <= set(by_name)
    # As the runs were made: a run that fell back succeeds .5 less often, -.05 for a step of .1; on the same day only.
    for name, truth in (("lag 0", -0.05), ("lag 1", 0.0), ("unit effects", -0.05), ("without confounders", -0.05)):
        answer = by_name[name]
        assert isinstance(answer, Effect), name
        assert answer.value == pytest.approx(truth, abs=0.02), name  # 240 rows of 6 runs: errors of about .005


def test_it_draws_and_says_itself_and_is_plain_json(company: Workspace) -> None:
    found = alternatives(company, "fallback_rate", "task_success")
    assert found.chart() is not None
    assert "fallback" in str(found.say()).lower()
    assert len(found.to_dict()["ways"]) == len(found.ways)


def test_an_edge_that_is_not_declared_is_named_with_the_nearest(company: Workspace) -> None:
    with pytest.raises(UnknownName, match="fallback_rate -> task_success"):
        alternatives(company, "error_rate", "task_success")
