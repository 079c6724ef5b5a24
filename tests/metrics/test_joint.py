"""What `joint` promises: exact moments wherever a variable lies, whatever its centre; only products that were asked
for; nothing missing that is taken for 0."""

import math
from fractions import Fraction
from typing import Any

import duckdb
import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metricstack.core.errors import InvalidInput, UnknownName
from metricstack.core.streams import stream
from metricstack.core.values import Moments
from metricstack.metrics.query import joint as module
from metricstack.metrics.query.joint import Joint, as_table, joint

close = pytest.approx


def exact(x: Any, y: Any) -> float:
    """The centred cross-product in rational numbers, rounded once."""
    a, b = ([Fraction(float(value)) for value in values] for values in (x, y))
    product = sum((u * v for u, v in zip(a, b, strict=True)), Fraction(0))
    return float(product - sum(a, Fraction(0)) * sum(b, Fraction(0)) / len(a))


# by hand ---------------------------------------------------------------------------------------------------------


def test_two_groups_agree_with_a_calculation_by_hand() -> None:
    # a: x 1, 3 (mean 2, squares 2), y 2, 8 (mean 5, squares 18), products (-1)(-3) + (1)(3) = 6. b: one unit.
    rows = as_table({"arm": ["a", "a", "b"], "x": [1, 3, 7], "y": [2.0, 8.0, 4.0]})
    found = joint(rows, ["arm"], ["x", "y"])
    assert found["a",].moments() == Moments(2, np.array([2.0, 5.0]), np.array([[2.0, 6.0], [6.0, 18.0]]), ("x", "y"))
    assert found["b",].moments() == Moments(1, np.array([7.0, 4.0]), np.zeros((2, 2)), ("x", "y"))


def test_without_keys_there_is_one_group_also_of_no_rows() -> None:
    rows = as_table({"x": [1.0, 3.0]})
    assert joint(rows, [], ["x"])[()].moments().variance == 2.0
    nothing = joint(rows.filter(rows.x > 9), [], ["x"])
    assert nothing[()].moments() == Moments(0, np.zeros(1), np.zeros((1, 1)), ("x",))
    assert joint(rows.filter(rows.x > 9).mutate(arm=ibis.literal("a")), ["arm"], ["x"]) == {}


def test_flags_count_as_zeros_and_ones() -> None:
    found = joint(as_table({"good": [True, True, False, True]}), [], ["good"])[()].moments()
    assert (found.mean, found.variance) == (0.75, 0.25)


def test_a_missing_key_is_a_group_of_its_own() -> None:
    found = joint(as_table({"arm": ["a", None, None], "x": [1.0, 2.0, 3.0]}), ["arm"], ["x"])
    assert {key: one.n for key, one in found.items()} == {("a",): 1, (None,): 2}


# laws ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shift", [0.0, -3.0, 1e4, 1e9, -1e9, 1e12])
@pytest.mark.parametrize("kind", ["float64", "int64"])
def test_a_deviation_of_one_is_kept_wherever_the_mean_lies(shift: float, kind: str) -> None:
    rng = stream(7, "joint", str(shift))
    x = rng.normal(0, 1 if kind == "float64" else 3, 500)
    y = x + rng.normal(0, 1, 500)
    x, y = (np.rint(x), y) if kind == "int64" else (x, y)
    x, y = x + shift, y + 2 * shift
    rows = as_table(pa.table({"x": pa.array(x.astype(kind)), "y": y}))
    found = joint(rows, [], ["x", "y"])[()].moments()
    # Centred within a deviation, 500 sums of doubles lose at most a few of sixteen digits.
    for names in (("x", "x"), ("x", "y"), ("y", "y")):
        peer = exact(*({"x": x, "y": y}[name] for name in names))
        assert found.covariance(*names) * 499 == close(peer, rel=1e-11)
    assert found.mean == close(float(np.mean(x, dtype=np.longdouble)), rel=1e-15)


numbers = st.lists(
    st.tuples(
        st.sampled_from("ab"), st.floats(-1e6, 1e6, allow_nan=False), st.integers(-(10**6), 10**6), st.booleans()
    ),
    min_size=1,
    max_size=30,
)


@settings(max_examples=25, deadline=None)
@given(numbers, st.sampled_from([0.0, 1.0, -1e3, 1e7]))
def test_any_centre_gives_the_moments_of_the_samples(rows: list[tuple[str, float, int, bool]], centre: float) -> None:
    table = as_table(dict(zip(("arm", "x", "i", "good"), map(list, zip(*rows, strict=True)), strict=True)))
    found = joint(table, ["arm"], ["x", "i", "good"], centre={"x": centre, "i": centre, "good": 0.5})
    assert sum(one.n for one in found.values()) == len(rows)
    for (arm,), one in found.items():
        own = [row[1:] for row in rows if row[0] == arm]
        peer = Moments.of_samples(**dict(zip(("x", "i", "good"), np.array(own, dtype=float).T, strict=True)))
        assert one.moments().means == close(peer.means, rel=1e-9, abs=1e-6)
        # As far from the centre as is allowed, five of sixteen digits are lost; products as those of their squares.
        size = np.sqrt(np.outer(np.diag(peer.cross), np.diag(peer.cross)))
        assert (np.abs(one.moments().cross - peer.cross) <= 1e-8 * size + 1e-9).all()


def test_groups_merge_into_the_whole() -> None:
    rng = stream(7, "joint", "merge")
    rows = as_table(
        {"arm": rng.choice(["a", "b", "c"], 900).tolist(), "x": rng.gamma(1, 1, 900), "y": rng.normal(size=900)}
    )
    a, b, c = (one.moments() for one in joint(rows, ["arm"], ["x", "y"]).values())
    merged, whole = a.merge(b).merge(c), joint(rows, [], ["x", "y"])[()].moments()
    assert merged.means == close(whole.means, rel=1e-12)
    assert merged.cross == close(whole.cross, rel=1e-11)


def misled() -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """The first rows lie at 0 and the rest at 1e9; and an arm for each half, each with a deviation of 1."""
    draw = stream(7, "joint", "misled").normal(0, 1, 6000)
    return np.repeat(["a", "b"], 3000), draw + np.repeat([0.0, 1e9], 3000)


@pytest.mark.parametrize("centre", [None, {}, {"x": 1e9}, {"x": 5e8}])
def test_a_centre_that_misleads_costs_time_and_no_digit(centre: dict[str, float] | None) -> None:
    arm, x = misled()
    found = joint(as_table({"arm": arm.tolist(), "x": x}), ["arm"], ["x"], centre=centre)
    # The engine's own variance keeps a running mean, which near 1e9 is rounded to 1e-7 of a deviation.
    for name in "ab":
        own = x[arm == name]
        assert found[name,].moments().variance * 2999 == close(exact(own, own), rel=1e-6)


def test_the_usual_table_is_read_once_and_a_misleading_one_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    fetch = module._fetch
    monkeypatch.setattr(module, "_fetch", lambda query, **how: (asked.append(query), fetch(query, **how))[1])
    rng = stream(7, "joint", "once")
    usual = {"x": rng.gamma(1, 1, 5000), "n": rng.poisson(3, 5000), "one": np.ones(5000)}
    joint(as_table(usual), [], list(usual))
    assert len(asked) == 1
    # Whole numbers are added up exactly: one that never varies needs no second look, whatever its centre.
    found = joint(as_table({"arm": ["a", "a", "b", "b"], "n": [3, 3, 5, 9]}), ["arm"], ["n"], centre={})
    assert found["a",].moments().variance == 0.0
    assert len(asked) == 2
    arm, x = misled()
    joint(as_table({"arm": arm.tolist(), "x": x}), ["arm"], ["x"])
    assert len(asked) == 4


def test_a_constant_has_no_variance_at_all() -> None:
    rows = as_table({"arm": ["a"] * 7 + ["b"] * 7, "x": [0.1] * 7 + [0.3] * 7})
    assert [one.moments().variance for one in joint(rows, ["arm"], ["x"]).values()] == [0.0, 0.0]


def test_what_never_varies_goes_with_nothing() -> None:
    # Sums of 31 times 270,605 and two small doubles are rounded: by 2e-9, which is no covariance.
    rows = as_table({"x": [270605.0, -1.7788257363718003, -1.7788257363718003], "i": [31, 31, 31]})
    assert joint(rows, [], ["x", "i"], centre={})[()].moments().covariance("x", "i") == 0.0


def test_whole_numbers_too_large_for_a_product_are_added_as_doubles() -> None:
    x = [-(2**62), 2**62, 5, 2**40]
    found = joint(as_table(pa.table({"x": pa.array(x, pa.int64())})), [], ["x"])[()].moments()
    assert found.variance * 3 == close(exact(x, x), rel=1e-12)


def test_sums_of_whole_numbers_may_pass_64_bits() -> None:
    # 1,000 squares of 2e9 add up to 4e21, beyond 9.2e18.
    x = [2 * 10**9, -2 * 10**9] * 500
    found = joint(as_table(pa.table({"x": pa.array(x, pa.int64())})), [], ["x"])[()].moments()
    assert found.variance * 999 == close(4e21, rel=1e-15)


@pytest.mark.parametrize("sampled", [[], [None, None], [1e300, 1.0], [math.inf]])
def test_a_sample_that_tells_nothing_is_safe(sampled: list[float | None]) -> None:
    rows = as_table({"x": [10.0, 11.0, 12.0]})
    sample = as_table(pa.table({"x": pa.array(sampled, pa.float64())}))
    assert joint(rows, [], ["x"], sample=sample)[()].moments().variance == close(1.0, rel=1e-12)


# what is asked for -----------------------------------------------------------------------------------------------


def test_only_the_products_that_are_asked_for_are_known() -> None:
    rows = as_table({"x": [1.0, 2.0], "y": [3.0, 5.0], "z": [1.0, 1.0]})
    found = joint(rows, [], ["x", "y", "z"], pairs=[("y", "x")])[()]
    assert found.moments("y", "x").covariance("x", "y") == 1.0
    assert found.moments("z").variance == 0.0
    with pytest.raises(InvalidInput, match="'x' and 'z' were not summed"):
        found.moments("x", "z")
    with pytest.raises(UnknownName, match="Known: x, y, z"):
        found.moments("w")


def test_a_column_may_be_called_anything() -> None:
    rows = as_table({"n": ["a", "a"], "k0": [1.0, 3.0], "x0": [2.0, 2.0], "s0": [0, 1]})
    found = joint(rows, ["n"], ["k0", "x0", "s0"])
    assert found["a",].moments("k0").variance == 2.0


def test_tables_come_in_many_forms() -> None:
    columns = {"arm": ["a", "a"], "x": [1.0, 3.0]}
    with duckdb.connect() as connection:
        connection.execute("create table units as select * from (values ('a', 1.0::double), ('a', 3.0)) t(arm, x)")
        forms = [columns, pd.DataFrame(columns), pa.table(columns), ibis.memtable(pa.table(columns))]
        forms.append(ibis.duckdb.from_connection(connection).table("units"))
        for form in forms:
            assert joint(as_table(form), ["arm"], ["x"])["a",].moments().variance == 2.0
    with pytest.raises(InvalidInput, match="No table can be made of this int"):
        as_table(3)


# misuse ----------------------------------------------------------------------------------------------------------


def test_what_is_missing_or_no_number_is_named() -> None:
    rows = as_table({"arm": ["a", "a", "b"], "x": [1.0, None, 3.0], "word": ["u", "v", "w"], "i": [1, 2, 3]})
    with pytest.raises(InvalidInput, match=r"'x' is null for 1 of 2 units of 'a'.*fill it with 0"):
        joint(rows, ["arm"], ["i", "x"])
    with pytest.raises(InvalidInput, match="'word' holds string"):
        joint(rows, ["arm"], ["word"])
    with pytest.raises(UnknownName, match="Did you mean 'arm'"):
        joint(rows, ["arms"], ["i"])
    with pytest.raises(InvalidInput, match="each once"):
        joint(rows, ["arm"], ["i", "i"])
    with pytest.raises(InvalidInput, match="each once"):
        joint(rows, ["arm"], [])
    with pytest.raises(InvalidInput, match="centre of 'i' is not finite"):
        joint(rows, ["arm"], ["i"], centre={"i": math.nan})
    with pytest.raises(UnknownName, match="variable"):
        joint(rows, ["arm"], ["i"], pairs=[("i", "x")])


@pytest.mark.parametrize("value", [math.nan, math.inf, 1e200])
def test_a_value_that_cannot_be_squared_is_named(value: float) -> None:
    with pytest.raises(InvalidInput, match="'x' holds values of 'b' that are not finite"):
        joint(as_table({"arm": ["a", "b"], "x": [1.0, value]}), ["arm"], ["x"])


def test_joint_moments_of_nothing_known_are_refused() -> None:
    with pytest.raises(InvalidInput, match="not summed"):
        Joint(1, ("x",), np.zeros(1), np.full((1, 1), np.nan)).moments()
