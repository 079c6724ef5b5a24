"""What columns read for an estimator promise: complete rows in their own order, categories, neighbours, misuse."""

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from metricstack.core.errors import InvalidInput, UnknownName
from metricstack.linkage.columns import lagged, read_rows


def test_missing_values_of_any_column_leave_a_row_out() -> None:
    df = pd.DataFrame({"y": [1.0, 2, None, 4], "u": ["a", None, "a", "b"], "k": ["p", "p", "q", "q"]})
    rows = read_rows(df, numbers=["y"], keys=["u"], covariates="k")
    assert (len(rows), rows.incomplete) == (2, 2)
    assert rows.numbers["y"].tolist() == [1.0, 4.0]
    assert rows.covariates.ravel().tolist() == [0.0, 1.0]
    assert rows.names == ("k=q",)


@pytest.mark.parametrize("kind", [float, Decimal, np.int64])
def test_numbers_that_a_table_holds_as_objects_are_numbers(kind: type) -> None:
    df = pd.DataFrame({"y": [1.0, 2.0, 4.0], "z": [1.0, 3.0, 2.0]})
    boxed = df.map(kind).astype(object)
    boxed.loc[3] = [None, kind(7)]
    found = read_rows(boxed, numbers=["y"], covariates="z")
    assert found.names == ("z",)
    assert sorted(found.numbers["y"]) == [1.0, 2.0, 4.0]
    assert found.incomplete == 1


def test_truth_values_nullable_numbers_and_categories_are_read() -> None:
    df = pd.DataFrame(
        {"y": pd.array([1, None, 3], dtype="Int64"), "x": [True, False, True], "c": pd.Categorical(["b", "a", "a"])}
    )
    rows = read_rows(df, numbers=["y", "x"], covariates="c")
    assert rows.numbers["y"].tolist() == [1.0, 3.0]
    assert rows.numbers["x"].tolist() == [1.0, 1.0]
    assert rows.names == ("c=b",)


def test_a_gap_is_no_neighbour_and_leads_are_negative_lags() -> None:
    df = pd.DataFrame({"u": ["a", "a", "a", "b"], "t": [1, 2, 4, 3], "x": [1.0, 2.0, 3.0, 4.0]})
    assert np.isnan(lagged(df, "x", "u", "t")[[0, 2, 3]]).all()
    assert lagged(df, "x", "u", "t")[1] == 1.0
    assert lagged(df, "x", "u", "t", by=-1)[0] == 2.0
    assert lagged(df, "x", "u", "t", by=2)[2] == 2.0


def test_an_empty_table_has_no_rows() -> None:
    assert len(read_rows(pd.DataFrame({"y": pd.Series([], dtype=float)}), numbers=["y"])) == 0


def test_what_cannot_be_meant_is_named() -> None:
    df = pd.DataFrame({"y": [1.0, np.inf], "u": [1, "a"], "x": [1.0, 2.0]})
    with pytest.raises(InvalidInput, match="infinite"):
        read_rows(df, numbers=["y"])
    with pytest.raises(UnknownName, match="Unknown column 'z'"):
        read_rows(df, numbers=["z"])
    with pytest.raises(InvalidInput, match="not all different"):
        read_rows(df, numbers=["x"], covariates=["x"])
    with pytest.raises(InvalidInput, match="repeat"):
        lagged(pd.DataFrame({"u": [1, 1], "t": [1, 1], "x": [1.0, 2.0]}), "x", "u", "t")
