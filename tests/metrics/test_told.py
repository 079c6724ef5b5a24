"""What is told beside rows is the same whether it is looked up in a table or written into the query."""

from datetime import UTC, datetime

import ibis
import pyarrow as pa
import pytest

from metricstack.metrics.query.told import tell

ROWS = {"experiment": ["a", "a", "b", None, "x'); --"], "variant": ["t", "c", "t", "t", "t"], "y": [1, 2, 3, 4, 5]}
START, END = datetime(2026, 7, 1, tzinfo=UTC), datetime(2026, 8, 1, tzinfo=UTC)


@pytest.mark.parametrize("embedded", [True, False])
def test_each_row_gets_what_is_said_of_its_group_and_others_go(*, embedded: bool) -> None:
    said = {("a", "t"): (START, 0.25), ("x'); --", "t"): (END, -1.0)}
    columns = {"_at": "timestamp('UTC', 6)", "_place": "float64"}
    rows = ibis.memtable(pa.table(ROWS))
    found = tell(rows, ["experiment", "variant"], said, columns, embedded=embedded).order_by("y")
    assert found.columns == ("experiment", "variant", "y", "_at", "_place")
    assert found.to_pyarrow().to_pylist() == [
        {"experiment": "a", "variant": "t", "y": 1, "_at": START, "_place": 0.25},
        {"experiment": "x'); --", "variant": "t", "y": 5, "_at": END, "_place": -1.0},
    ]
