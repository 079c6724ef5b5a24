"""Flags counted as two plain conditions, and sums that several states share: fewer questions, the same numbers.

* By hand: what is known, and what holds, of words, of numbers and of both.
* Every flag of every table counts the same as it is written, whatever is null.
* Each sum is asked once, and whole numbers that are summed anyway are not added row by row.
* DuckDB compares words that are counted by dictionary, null staying null; a filter keeps the operator.
"""

import random
from collections.abc import Collection
from typing import Any

import duckdb
import ibis
import pyarrow as pa
import pytest
from ibis.expr import operations as ops

from metricstack.metrics.language.formula import Call, Condition, Name
from metricstack.metrics.query.flags import flag_of
from metricstack.metrics.query.known import simplified
from metricstack.metrics.query.rows import row_value
from metricstack.metrics.query.states import Quantity, Role, State, quantity_of
from metricstack.metrics.query.sums import ROWS, Sum, Sums
from metricstack.telemetry.dialects import write
from metricstack.telemetry.measures import Given, measures_of
from metricstack.telemetry.tables import TABLES, table

ROWS_DRAWN = 400
FLAGS = [
    (name, measure.name)
    for name in TABLES
    for measure in measures_of(name).values()
    if not measure.unit and not measure.joins and not measure.across
]


def _counts(rows: ibis.Table, value: ibis.Value, known: frozenset[str] = frozenset()) -> tuple[int, int]:
    """How often a flag holds and is known: by conditions, which must be what its own sum and count say."""
    flag = flag_of(value, known)
    assert flag is not None
    flat = rows.select(
        x=value, yes=flag.yes.cast("int64"), told=ibis.literal(1) if flag.known is None else flag.known.cast("int64")
    )
    found = (
        flat.aggregate(
            yes=flat.yes.sum().fill_null(0),
            told=flat.told.sum().fill_null(0),
            sum=flat.x.sum().fill_null(0),
            count=flat.x.count(),
        )
        .to_pyarrow()
        .to_pylist()[0]
    )
    assert (found["yes"], found["told"]) == (found["sum"], found["count"])
    return found["yes"], found["told"]


def test_agrees_with_counting_by_hand() -> None:
    rows = ibis.memtable(
        pa.table({"outcome": ["success", "failure", "unknown", None, "success"], "latency": [1.0, 9.0, 1.0, 1.0, None]})
    )
    told = rows.outcome.fill_null("unknown") != "unknown"
    won = ibis.ifelse(told, rows.outcome == "success", ibis.null("boolean")).cast("int64")
    assert _counts(rows, won) == (2, 3)  # two successes; neither the unknown nor the null outcome is known
    fast = ibis.ifelse(
        told & rows.latency.notnull(), (rows.latency <= 5) & (rows.outcome == "success"), ibis.null("boolean")
    )
    assert _counts(rows, fast.cast("int64")) == (1, 2)  # of the first two; the last took an unknown time
    assert _counts(rows, ibis.ifelse(rows.latency > 5, won, ibis.null("int64"))) == (0, 1)  # among the slow one
    assert _counts(rows, (~(rows.outcome == "success")).cast("int64")) == (2, 4)
    assert _counts(rows, ibis.ifelse(rows.latency.isnull(), False, rows.outcome == "success").cast("int64")) == (1, 4)


def test_what_equals_a_word_is_not_asked_whether_it_is_another() -> None:
    rows = ibis.table({"outcome": "string"}, name="requests")
    told = rows.outcome.fill_null("unknown") != "unknown"
    flag = flag_of(ibis.ifelse(told, rows.outcome == "success", ibis.null("boolean")).cast("int64"), ())
    assert flag is not None
    assert flag.known is not None
    assert flag.yes.equals(rows.outcome == "success")
    assert flag.known.equals(told)
    same = flag_of(ibis.ifelse(told, rows.outcome == "unknown", ibis.null("boolean")).cast("int64"), ())
    assert same is not None
    assert not same.yes.equals(rows.outcome == "unknown")  # never true, and still asked


def test_a_number_is_no_flag() -> None:
    rows = ibis.table({"n": "int64", "x": "float64"}, name="requests")
    numbers = (rows.n, rows.x.cast("int64"), ibis.ifelse(rows.n > 1, rows.n, ibis.null("int64")))
    assert [flag_of(value, ()) for value in numbers] == [None, None, None]


def _value(draw: random.Random, kind: Any, words: list[str]) -> Any:
    if kind.is_string():
        return draw.choice(words)
    if kind.is_boolean():
        return draw.random() < 0.5
    if kind.is_timestamp():
        return 1_780_000_000_000_000 + draw.randrange(10**12)
    return draw.randrange(0, 4) if kind.is_integer() else draw.choice([0.0, 0.5, 1.0, 30.0])


def _drawn(name: str, words: list[str], draw: random.Random, whole: Collection[str] = ()) -> pa.Table:
    """Rows of a table's contract; one value in four is null, but in whole columns. Texts are words to compare with."""
    columns = {}
    for column in table(name).columns:
        kind = ibis.dtype(column.kind.value)
        chance = 0.0 if column.name in whole else 0.25
        values = [None if draw.random() < chance else _value(draw, kind, words) for _ in range(ROWS_DRAWN)]
        columns[column.name] = pa.array(values, pa.timestamp("us", "UTC") if kind.is_timestamp() else kind.to_pyarrow())
    return pa.table(columns)


@pytest.mark.parametrize(("name", "measure"), FLAGS)
def test_every_flag_counts_the_same_as_it_is_written(name: str, measure: str) -> None:
    quantity, given = quantity_of(Call("mean", (Name(measure),)), name), Given()
    unbound = ibis.table({column.name: column.kind.value for column in table(name).columns}, name=name)
    node = row_value(unbound, quantity, given).op()
    words = sorted(
        {str(word.value) for word in node.find(ops.Literal) if word.dtype.is_string()} | {"other", "unknown"}
    )
    read, draw = sorted({field.name for field in node.find(ops.Field)}), random.Random(f"{name}.{measure}")
    for whole in (frozenset[str](), frozenset(read[::2]), frozenset(read[1::2]), frozenset(read)):
        rows = ibis.memtable(_drawn(name, words, draw, whole))
        _counts(rows, simplified(row_value(rows, quantity, given), whole), whole)


def _asked(weighted: bool) -> tuple[dict[State, Sum], Sums]:
    rows = ibis.table({"a": "int64", "b": "int64", "x": "float64", "o": "string"}, name="t")
    nodes: dict[str, Any] = {
        "a": rows.a, "b": rows.b, "both": rows.a + rows.b, "half": rows.a + rows.x, "x": rows.x,
        "rows": ibis.literal(1),
        "won": (rows.o == "won").cast("int64"), "lost": (rows.o == "lost").cast("int64"),
    }  # fmt: skip
    quantities = {name: Quantity("t", name, Name(name), Condition()) for name in nodes}
    sums = Sums({quantities[name]: value for name, value in nodes.items()}, {}, {"a", "b", "o"}, weighted)
    return sums.of([State(role, quantity) for quantity in quantities.values() for role in (Role.TOTAL, Role.N)]), sums


def _of(found: dict[State, Sum], name: str, role: Role) -> Sum:
    return next(one for state, one in found.items() if state.role is role and state.quantity.text == name)


def test_each_sum_is_asked_once() -> None:
    found, sums = _asked(weighted=False)
    assert {_of(found, name, Role.N) for name in ("a", "b", "both", "rows", "won", "lost")} == {
        ROWS
    }  # known in every row
    assert _of(found, "rows", Role.TOTAL) == ROWS
    a, b = _of(found, "a", Role.TOTAL), _of(found, "b", Role.TOTAL)
    assert _of(found, "both", Role.TOTAL) == Sum("total", (*a.columns, *b.columns))
    assert _of(found, "half", Role.TOTAL).columns not in (
        (*a.columns,),
        (*b.columns,),
    )  # a fraction is added row by row
    assert len(_of(found, "half", Role.TOTAL).columns) == 1
    assert _of(found, "x", Role.N) == Sum("known", _of(found, "x", Role.TOTAL).columns)
    assert len(sums.columns) == 6  # a, b, a + x, x, won, lost


def test_weighted_sums_keep_every_row_and_its_weight() -> None:
    found, _ = _asked(weighted=True)
    assert _of(found, "rows", Role.TOTAL) == Sum("weight")
    assert len(_of(found, "both", Role.TOTAL).columns) == 1
    assert _of(found, "won", Role.TOTAL).kind == "total"


def test_words_that_are_counted_are_compared_by_dictionary_and_filters_are_not() -> None:
    rows = ibis.table({"o": "string"}, name="bets")
    flags = {
        "won": rows.o == "won",
        "quoted": rows.o == "wo'n",
        "rest": rows.o != "won",
        "both": (rows.o == "won") & (rows.o != ""),
    }
    flat = rows.select(**{name: flag.cast("int64") for name, flag in flags.items()})
    query = flat.aggregate(**{name: flat[name].sum() for name in flags}, known=flat["won"].count())
    text = write(query, "duckdb")
    assert text.count("LIST_CONTAINS") == 5
    engine = duckdb.connect()
    engine.register("bets", pa.table({"o": ["won", "lost", None, "won", "wo'n"]}))
    assert engine.execute(text).fetchall() == [(2, 1, 2, 2, 4)]  # by hand: won twice, once with a quote, null unknown
    assert "LIST_CONTAINS" not in write(rows.filter(rows.o == "won"), "duckdb")
    assert "LIST_CONTAINS" not in write(query, "postgres").upper()
