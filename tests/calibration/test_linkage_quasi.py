"""Quasi-experiments against known truths: what staggered, synthetic and instrumental estimates promise.

- Where effects grow, Callaway-Sant'Anna and imputation are centred and cover, and two-way fixed effects do neither;
  without an effect both find one as rarely as promised, also with strongly autocorrelated errors, small cohorts, and
  cohorts of one unit.
- The pre-trend test rarely warns without cause, and finds a drift more often than its bare false alarms.
- One difference per unit keeps its level where rows taken for independent do not.
- A series against a control series keeps its level whatever its memory.
- Synthetic intervals cover, with and without an effect; so does the rank of placebos.
- Anderson-Rubin sets cover at any strength, where Wald intervals fail when instruments are weak; an instrument
  recovers a cause that answers its outcome.

What is measured is logged, as by ``python benchmarks/linkage_cells/quasi.py``.
"""

import importlib.util
import logging
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from scipy.stats import binom

from .conftest import assert_nominal, assert_rare

_LOG = logging.getLogger("metricstack.calibration")
_PATH = Path(__file__).parents[2] / "benchmarks" / "linkage_cells" / "quasi.py"

pytestmark = pytest.mark.calibration


@cache
def worlds() -> Any:
    spec = importlib.util.spec_from_file_location("linkage_cells_quasi", _PATH)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def by_name(rows: list[dict[str, Any]]) -> dict[tuple[str, str], dict[str, Any]]:
    for row in rows:
        _LOG.info("%s", {name: round(value, 3) if isinstance(value, float) else value for name, value in row.items()})
    return {(row["cell"], row["method"]): row for row in rows}


def assert_covers(row: dict[str, Any], *, least: float) -> None:
    """Hold a coverage that is at least this in truth: it fails below what chance gives once in a thousand runs."""
    low = binom.ppf(0.001, row["n"], least) / row["n"]
    assert row["coverage"] >= low, f"{row['cell']}, {row['method']}: {row['coverage']:.3f} covered; {low:.3f} are due"


HONEST = ("callaway_santanna", "imputation")


def test_growing_effects_are_covered_where_a_regression_is_wrong() -> None:
    cells = {name: world for name, world in worlds().ROLLOUTS.items() if name.startswith("growing")}
    found = by_name(worlds().rollouts(range(120), cells))
    for cell in cells:
        for method in HONEST:
            row = found[cell, method]
            assert_covers(row, least=0.92)
            # The median of 120 draws, each with an error of about 0.3, has one of 0.035.
            assert abs(row["bias"]) < 0.12
            assert row["found"] > 0.85
        wrong = found[cell, "twfe"]
        assert wrong["bias"] < -0.4
        assert wrong["coverage"] < 0.3


@pytest.mark.parametrize("cell", ["no effect", "no effect, AR .9", "no effect, 3 a cohort", "no effect, one by one"])
def test_without_an_effect_none_is_found(cell: str) -> None:
    found = by_name(worlds().rollouts(range(500, 600), {cell: worlds().ROLLOUTS[cell]}))
    for method in HONEST:
        row = found[cell, method]
        assert_rare(round(row["found"] * row["n"]), row["n"], rate=0.08, what=f"{cell}, {method}")
        assert_rare(round(row["pre_trend"] * row["n"]), row["n"], rate=0.05, what=f"pre-trend, {cell}")
        assert_rare(round(row["placebo_dates"] * row["n"]), row["n"], rate=0.06, what=f"placebo dates, {cell}")


def test_a_drift_of_adopters_is_often_found_before() -> None:
    cell = "adopters drift .08"
    row = by_name(worlds().rollouts(range(100), {cell: worlds().ROLLOUTS[cell]}))[cell, "callaway_santanna"]
    # Measured 0.52 of 250; a quarter is far above the false alarms of 5 %.
    assert row["pre_trend"] > 0.3
    # And where it is not found the estimate is wrong all the same: the test is no licence.
    assert row["bias"] > 0.3


def test_one_difference_per_unit_keeps_its_level() -> None:
    found = by_name(worlds().single_date(range(400)))
    assert_nominal(found["one date, AR .8, 12 and 12", "difference per unit"]["coverage"], 400)
    assert_covers(found["one date, AR .8, 1 and 20", "difference per unit"], least=0.93)
    assert found["one date, AR .8, 12 and 12", "rows taken for independent"]["coverage"] < 0.75


def test_a_control_series_keeps_its_level() -> None:
    for cell, row in by_name(worlds().series(range(300))).items():
        # Nominal but for the strongest memory, of which 90 periods say little: 7.5 % measured.
        assert_rare(round(row["found"] * row["n"]), row["n"], rate=0.08 if "0.9" in cell[0] else 0.05, what=cell[0])


def test_synthetic_intervals_cover() -> None:
    for row in worlds().synthetics(range(200)):
        _LOG.info("%s", row)
        assert_covers(row, least=0.93)
        # The mixture lags a common walk a little, outside its range by chance: a tenth of its noise.
        assert abs(row["bias"]) < 0.15
        if not row["truth"]:
            assert_rare(round(row["found"] * row["n"]), row["n"], rate=0.07, what=f"{row['cell']}, {row['method']}")
            if "rank_found" in row:
                assert_rare(round(row["rank_found"] * row["n"]), row["n"], rate=0.05, what="placebo rank")


def test_anderson_rubin_covers_at_any_strength() -> None:
    found = by_name(worlds().causes(range(300)))
    for (cell, method), row in found.items():
        if method == "Anderson-Rubin":
            assert_nominal(row["coverage"], row["n"], what=cell)
    assert found["1 instruments, F about 1", "Wald"]["coverage"] < 0.85
    assert found["4 instruments, F about 2", "Wald"]["coverage"] < 0.75
    assert found["1 instruments, F about 1", "Anderson-Rubin"]["unbounded"] > 0.8
    recovered, naive = found["reverse causality", "Anderson-Rubin"], found["reverse causality", "fixed effects"]
    assert abs(recovered["bias"]) < 0.06  # the median of 300 draws, each with an error of about 0.17
    assert naive["median"] > 0.4
    assert naive["found"] == 1.0
    assert naive["coverage"] == 0.0
