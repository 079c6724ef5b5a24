"""What `arms` and `binned_arms` promise: from one's own table to effects, with every flaw of the table named."""

import math
from typing import Any

import duckdb
import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import metricstack as ms
from metricstack.core.errors import InvalidInput, UnknownName
from metricstack.core.streams import stream
from metricstack.core.values import Moments
from metricstack.experiments import BinnedSample, arms, binned_arms, cuped, quantile_difference, welch
from metricstack.experiments.effect import Effect

close = pytest.approx
UNITS = {
    "variant": ["a", "a", "a", "b", "b", "b"],
    "country": ["de", "de", "fr", "de", "de", "de"],
    "clicks": [1, 2, 3, 2, 3, 7],
    "views": [9.0, 9.0, 6.0, 9.0, 9.0, 6.0],
}

# by hand ---------------------------------------------------------------------------------------------------------


def test_arms_are_the_moments_of_their_units() -> None:
    found = arms(UNITS, values=["clicks", "views"])
    assert list(found) == ["a", "b"]
    # a: clicks 1, 2, 3 (squares 2), views 9, 9, 6 (squares 6), products (-1)(1) + 0 + (1)(-2) = -3.
    assert found["a"] == Moments(3, np.array([2.0, 8.0]), np.array([[2.0, -3.0], [-3.0, 6.0]]), ("clicks", "views"))
    assert found["b"].mean == 4.0


def test_segments_have_every_arm_also_one_without_units() -> None:
    found = ms.experiments.arms(UNITS, values="clicks", by="country")
    assert {key: one.n for key, one in found.items()} == {
        ("a", "de"): 2,
        ("b", "de"): 3,
        ("a", "fr"): 1,
        ("b", "fr"): 0,
    }


def test_each_metric_gets_the_moments_of_its_own_columns() -> None:
    found = arms(UNITS, values={"clicks": "clicks", "rate": ("clicks", "views")})
    assert found["a"]["clicks"].names == ("clicks",)
    assert found["b"]["rate"] == arms(UNITS, values=["clicks", "views"])["b"]


# laws ------------------------------------------------------------------------------------------------------------


def test_effects_from_a_file_are_those_of_the_samples(tmp_path: Any) -> None:
    rng = stream(7, "unit table")
    arm, before = rng.choice(["control", "treatment"], 3000), rng.normal(50, 5, 3000)
    y = before + rng.normal(0, 3, 3000) + 0.3 * (arm == "treatment")
    with duckdb.connect(str(tmp_path / "units.duckdb")) as connection:
        connection.register("frame", pa.table({"variant": arm, "y": y, "before": before}))
        connection.execute("create table units as select * from frame")
    here = ibis.duckdb.connect(tmp_path / "units.duckdb", read_only=True)
    found = arms(here.table("units"), values=["y", "before"])
    samples = {name: {"y": y[arm == name], "before": before[arm == name]} for name in ("control", "treatment")}
    for relative in (False, True):
        asked: dict[str, Any] = {"covariates": "before", "relative": relative}
        one = cuped(control=found["control"], treatment=found["treatment"], **asked)
        other = cuped(control=samples["control"], treatment=samples["treatment"], **asked)
        assert isinstance(one, Effect)
        assert isinstance(other, Effect)
        # Sums of 3,000 doubles in another order.
        assert (one.value, one.low, one.p_value) == close((other.value, other.low, other.p_value), rel=1e-9)
    here.disconnect()


def test_an_effect_on_a_quantile_is_that_of_the_histograms_of_the_rows() -> None:
    rng = stream(7, "binned arms")
    user = rng.integers(0, 400, 8000)
    latency = np.exp(rng.normal(0, 0.5, 400)[user] + rng.normal(0, 0.5, 8000))
    arm = np.where(user % 2 == 0, "a", "b")
    found = binned_arms({"variant": arm, "user": user, "latency": latency}, value="latency", unit="user")
    assert {name: one.rows for name, one in found.items()} == {name: float((arm == name).sum()) for name in "ab"}
    bins = np.ceil(np.log(latency) / math.log(1.0202))
    own = {name: BinnedSample(bins[arm == name], np.ones((arm == name).sum()), user[arm == name]) for name in "ab"}
    one = quantile_difference(control=found["a"], treatment=found["b"], q=0.9)
    exact = quantile_difference(control=own["a"], treatment=own["b"], q=0.9)
    assert isinstance(one, Effect)
    assert isinstance(exact, Effect)
    assert one.value == close(exact.value, rel=1e-12)
    # From 64 buckets of 200 users a standard error is known to 1 / sqrt(2 · 63) = 9 %, of two arms to 6 %: four of it.
    assert one.standard_error == close(exact.standard_error, rel=0.25)


def test_rows_of_one_unit_share_a_bucket_and_segments_stay_apart() -> None:
    rows = {
        "variant": ["a", "a", "b", "a"],
        "user": ["u", "u", "v", "w"],
        "x": [1.0, 3.0, 1.0, 2.0],
        "os": list("xxyy"),
    }
    found = binned_arms(rows, value="x", unit="user", by="os")
    assert {key: one.rows for key, one in found.items()} == {("a", "x"): 2.0, ("a", "y"): 1.0, ("b", "y"): 1.0}
    assert len(set(np.asarray(found["a", "x"].buckets).tolist())) == 1


# misuse ----------------------------------------------------------------------------------------------------------


def test_flaws_of_a_table_are_named() -> None:
    with pytest.raises(UnknownName, match="Did you mean 'variant'"):
        arms(UNITS, arm="variants", values="clicks")
    with pytest.raises(UnknownName, match="Did you mean 'clicks'"):
        arms(UNITS, values=["click"])
    with pytest.raises(InvalidInput, match="'country' holds string"):
        arms(UNITS, values=["country"])
    with pytest.raises(InvalidInput, match="names an arm or a segment"):
        arms(UNITS, arm="clicks", values=["clicks"])
    with pytest.raises(InvalidInput, match="one arm only, 'a'"):
        arms(UNITS | {"variant": ["a"] * 6}, values="clicks")
    with pytest.raises(InvalidInput, match="no arm: the table has no rows"):
        arms({"variant": np.array([], dtype=str), "clicks": np.array([], dtype=float)}, values="clicks")
    with pytest.raises(InvalidInput, match="names no arm for 2 of 6 units"):
        arms(UNITS | {"variant": ["a", "a", None, "b", "b", None]}, values="clicks")
    with pytest.raises(InvalidInput, match="holds at least 99 different values"):
        arms({"variant": list(range(99)), "clicks": [1] * 99}, values="clicks")
    with pytest.raises(InvalidInput, match="each once"):
        arms(UNITS, values=["clicks", "clicks"])
    with pytest.raises(InvalidInput, match="'views' is null for 1 of 3 units of 'b'"):
        arms(UNITS | {"views": [1.0, 1.0, 1.0, 1.0, None, 1.0]}, values="views")


def test_flaws_of_rows_are_named() -> None:
    rows: dict[str, list[Any]] = {"variant": ["a", "b", "b"], "user": ["u", "v", "v"], "x": [1.0, 2.0, 3.0]}
    asked: dict[str, Any] = {"value": "x", "unit": "user"}
    with pytest.raises(UnknownName, match="Did you mean 'user'"):
        binned_arms(rows, value="x", unit="users")
    with pytest.raises(InvalidInput, match="'user' holds string"):
        binned_arms(rows, value="user", unit="x")
    with pytest.raises(InvalidInput, match="'x' is null for 1 of 3 rows"):
        binned_arms(rows | {"x": [1.0, 2.0, None]}, **asked)
    with pytest.raises(InvalidInput, match="'x' holds values that are not finite"):
        binned_arms(rows | {"x": np.array([1.0, 2.0, math.inf])}, **asked)
    with pytest.raises(InvalidInput, match="'user' holds at least 99 different values"):
        binned_arms({"user": list(range(99)), "x": [1.0] * 99}, arm="user", **asked)
    with pytest.raises(InvalidInput, match="names no arm for 1 of 3 rows"):
        binned_arms(rows | {"variant": ["a", "b", None]}, **asked)


def test_a_comparison_from_a_frame_reads_as_in_the_documentation() -> None:
    found = arms(pd.DataFrame(UNITS), values=["clicks", "views"])
    effect = welch(control=found["a"], treatment=found["b"])
    assert isinstance(effect, Effect)
    assert effect.value == 2.0
