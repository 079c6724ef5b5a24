"""What `bucketed` promises: every row in the bin of its value and the bucket of its unit, by group."""

import numpy as np
import pytest

from metricstack.core.errors import InvalidInput, UnknownName
from metricstack.core.streams import stream
from metricstack.metrics.query.bucketed import Bucketed, bucketed
from metricstack.metrics.query.joint import as_table
from metricstack.numerics.quantiles import NOT_POSITIVE


def test_bins_agree_with_a_calculation_by_hand() -> None:
    # ln 1 = 0; ln 1.02 / ln 1.0202 = 0.99, so 1; ln 2 / ln 1.0202 = 34.66, so 35; 0 and less have a bin of their own.
    rows = as_table({"x": [1.0, 1.02, 2.0, 2.0, 0.0, -1.0], "user": ["u"] * 6})
    found = bucketed(rows, [], "x", "user")[()]
    assert dict(zip(found.bins.tolist(), found.rows.tolist(), strict=True)) == {0: 1, 1: 1, 35: 2, NOT_POSITIVE: 2}
    assert len(set(found.buckets.tolist())) == 1


def test_groups_by_several_keys_hold_their_own_rows() -> None:
    rng = stream(7, "bucketed")
    arm, os, user = rng.choice(["a", "b"], 500), rng.choice(["x", "y", None], 500), rng.integers(0, 90, 500)
    rows = as_table({"arm": arm.tolist(), "os": os.tolist(), "user": user, "x": rng.gamma(1, 1, 500)})
    found = bucketed(rows, ["arm", "os"], "x", "user", buckets=16)
    assert len(found) == 6
    for (one, other), group in found.items():
        assert group.rows.sum() == ((arm == one) & (os == other)).sum()
        assert set(group.buckets.tolist()) <= set(range(16))


def test_a_unit_has_the_same_bucket_in_every_group() -> None:
    rows = as_table({"arm": ["a", "b"] * 40, "user": np.repeat(np.arange(40), 2), "x": [1.0] * 80})
    found = bucketed(rows, ["arm"], "x", "user")
    a, b = (dict(zip(one.buckets.tolist(), one.rows.tolist(), strict=True)) for one in found.values())
    assert a == b


def test_a_table_without_rows_has_no_group() -> None:
    rows = as_table({"x": [1.0], "user": ["u"], "arm": ["a"]})
    nothing = rows.filter(rows.x > 9)
    assert bucketed(nothing, ["arm"], "x", "user") == bucketed(nothing, [], "x", "user") == {}


def test_what_is_missing_or_no_number_is_named() -> None:
    rows = as_table({"x": [1.0, None], "user": ["u", "v"]})
    with pytest.raises(InvalidInput, match="'x' is null for 1 of 2 rows"):
        bucketed(rows, [], "x", "user")
    with pytest.raises(InvalidInput, match="'user' holds string"):
        bucketed(rows, [], "user", "x")
    with pytest.raises(UnknownName, match="'user'"):
        bucketed(rows, [], "x", "users")


def test_groups_named_by_texts_are_those_named_by_numbers() -> None:
    # The second way is plain SQL: no hash of a group, no name looked up. The last arm comes after 2,048 rows.
    rng, n = stream(8, "bucketed"), 5_000
    arm = np.where(np.arange(n) < 4_000, rng.integers(0, 2, n), 2)
    os, user = rng.integers(0, 3, n), [f"user-{i}" for i in rng.integers(0, 700, n)]
    told = {"user": user, "x": rng.gamma(1, 1, n)}
    names, systems = ["", "a", "an arm of a longer name"], ["x", "y", None]
    texts = as_table({"arm": [names[i] for i in arm], "os": [systems[i] for i in os], **told})
    numbers = as_table({"arm": arm, "os": os, **told})
    for buckets in (1, 64, 512):
        found = bucketed(texts, ["arm", "os"], "x", "user", buckets=buckets)
        plain = bucketed(numbers, ["arm", "os"], "x", "user", buckets=buckets)
        assert len(found) == len(plain) == 9
        for (i, j), group in plain.items():
            assert _entries(found[names[i], systems[j]]) == _entries(group)


def test_a_key_between_numbers_keeps_its_place() -> None:
    rows = as_table({"n": [1, 2], "arm": ["a", "b"], "m": [3, 4], "x": [1.0, 1.0], "user": ["u", "u"]})
    found = bucketed(rows, ["n", "arm", "m"], "x", "user")
    assert set(found) == {(1, "a", 3), (2, "b", 4)}
    assert found[1, "a", 3].buckets == found[2, "b", 4].buckets


def test_a_key_given_twice_is_told_twice() -> None:
    rows = as_table({"arm": ["a", "b"], "x": [1.0, 1.0], "user": ["u", "v"]})
    assert set(bucketed(rows, ["arm", "arm"], "x", "user")) == {("a", "a"), ("b", "b")}


def _entries(group: Bucketed) -> dict[tuple[int, int], int]:
    places = zip(group.bins.tolist(), group.buckets.tolist(), strict=True)
    return dict(zip(places, group.rows.tolist(), strict=True))
