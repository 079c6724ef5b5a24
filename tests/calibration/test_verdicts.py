"""Verdicts of simulated companies against their truth: what `benchmarks/verdicts.py` counts, over a few of them.

No rate is above what is promised of it, by more than chance gives once in a thousand runs; and as many verdicts are
those of the truth as it expects of readings of that size.
"""

import importlib.util
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytestmark = pytest.mark.calibration

_LOG = logging.getLogger("metricstack.calibration")
SCRIPT = Path(__file__).parents[2] / "benchmarks" / "verdicts.py"


@pytest.fixture(scope="module")
def verdicts() -> Any:
    spec = importlib.util.spec_from_file_location("verdicts", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_no_verdict_is_wrong_more_often_than_promised(verdicts: Any, tmp_path: Path) -> None:
    # Six companies of 66 experiments: enough to see a rate of 2.5 % of 160 grow threefold.
    rows = [
        row
        for seed in range(1001, 1007)
        for row in verdicts.read_company(tmp_path / str(seed), seed, verdicts.REQUESTS, verdicts.DAYS)
    ]
    rates = verdicts.rates_of(rows)
    _LOG.info("%s", verdicts.table_of(rates))
    assert [rate.what for found in rates.values() for rate in found if rate.exceeded] == []
    # Events of known chances: 3.3 standard errors once in a thousand; and a tenth more, for chances are approximate.
    deserved = np.array([row["chances"].get(row["deserves"], 0.0) for row in rows])
    wrong = np.array([verdicts.expected_wrong(row) for row in rows])
    for due, seen in (
        (deserved, sum(row["verdict"] == row["deserves"] for row in rows)),
        (wrong, sum(row["verdict"] not in row["right"] for row in rows)),
    ):
        assert seen == pytest.approx(due.sum(), abs=3.3 * np.sqrt((due * (1 - due)).sum()) + 0.1 * due.sum())
    broken = [row for row in rows if row["story"] == "broken_split"]
    assert sum(row["verdict"] == "invalid" for row in broken) >= len(broken) / 2


def test_a_rate_above_its_promise_is_seen(verdicts: Any) -> None:
    # 1 of 40 is due at 2.5 %; 8 are more than chance gives once in a thousand runs (binomial: 5), and 3 are not.
    assert verdicts.Rate("shipped", [True] * 8 + [False] * 32, 0.025).exceeded
    assert not verdicts.Rate("shipped", [True] * 3 + [False] * 37, 0.025).exceeded
