"""What the check promises: every fault of a table at once, each with its count."""

from datetime import UTC, datetime
from math import nan

import ibis
import pyarrow as pa
import pytest

from metricstack.core import UnknownName
from metricstack.telemetry import TABLES, check, table

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)
BEFORE = datetime(2026, 7, 1, 11, tzinfo=UTC)


def rows(**columns: object) -> ibis.Table:
    instants = {"start", "end"}
    arrays = {
        name: pa.array(values, pa.timestamp("us", "UTC")) if name in instants else pa.array(values)
        for name, values in columns.items()
    }
    return ibis.memtable(pa.table(arrays))


def test_a_table_that_keeps_its_contract_has_no_fault() -> None:
    result = check(table("requests"), rows(run=["a", "b"], start=[NOON, NOON], latency=[0.0, None]))
    assert result.passed, str(result)
    assert result.rows == 2


def test_all_faults_are_reported_at_once_with_their_counts() -> None:
    bad = rows(
        run=["a", "a", "", None],
        start=[NOON] * 4,
        end=[BEFORE, NOON, NOON, None],
        latency=[-1.0, nan, 2.0, 3.0],
        outcome=["success", "won", "lost", None],
        sample_probability=[0.5, 1.5, 1.0, None],
        retries=["one", "two", "three", "four"],
    )
    faults = {fault.name: fault.detail for fault in check(table("requests"), bad).faults}
    assert faults == {
        "retries_type": "column 'retries' is string; the contract says int64",
        "run_null": "1 of 4 rows: 'run' is null",
        "run_empty": "1 of 4 rows: 'run' is empty",
        "latency_low": "1 of 4 rows: 'latency' (s) is below 0, the contract's minimum",
        "latency_nan": "1 of 4 rows: 'latency' (s) is not a finite number",
        "outcome_value": ("2 of 4 rows: 'outcome' is not one of success, failure, abandoned, escalated, unknown"),
        "sample_probability_high": "1 of 4 rows: 'sample_probability' (fraction) is above 1, the contract's maximum",
        "end_before_start": "1 of 4 rows: 'end' is before 'start'",
        "key_duplicate": "1 of 4 rows: the key (run) is there already",
    }


def test_a_missing_required_column_is_a_fault() -> None:
    result = check(table("requests"), rows(run=["a"]))
    assert [fault.detail for fault in result.faults] == ["column 'start' is missing"]


def test_an_empty_table_has_no_fault() -> None:
    schema = pa.schema([("run", pa.string()), ("start", pa.timestamp("us", "UTC"))])
    assert check(table("requests"), ibis.memtable(schema.empty_table())).passed


# Laws of the contracts themselves


@pytest.mark.parametrize("contract", TABLES.values(), ids=TABLES)
def test_what_a_contract_names_is_there(contract: object) -> None:
    assert isinstance(contract, type(table("requests")))
    for name in (*contract.key, contract.event_time, *contract.cluster, *contract.state_of):
        assert name in contract
    for column in contract.columns:
        if column.references:
            target, _, name = column.references.partition(".")
            assert table(target).key == (name,) or name in table(target).state_of
    assert len(set(contract.names)) == len(contract.names)
    assert all(not contract[name].nullable for name in (*contract.key, contract.event_time))


def test_an_unknown_column_names_the_nearest() -> None:
    with pytest.raises(UnknownName, match="Did you mean 'latency'"):
        table("requests")["latncy"]


def test_an_event_before_1970_or_after_2200_is_a_fault() -> None:
    # 9999-12-31 is a common way to say "never"; it would move the end of the data by eight thousand years.
    times = [
        NOON,
        datetime(9999, 12, 31, tzinfo=UTC),
        datetime(1, 1, 1, tzinfo=UTC),
        datetime(1969, 12, 31, tzinfo=UTC),
    ]
    (fault,) = check(table("requests"), rows(run=["a", "b", "c", "d"], start=times)).faults
    assert fault.name == "start_far"
    assert fault.detail.startswith("3 of 4 rows: 'start' is not between 1970 and 2200")
