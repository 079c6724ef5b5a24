"""Many replicates of one population at once: each is a region of one workspace, evaluated in one call.

The population is the simulated company's own requests, nested in its users, so that values, group sizes
and their dependence are not chosen to suit a formula. A replicate draws users with replacement and takes
all requests of each; what is true of the population is therefore known exactly.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from numpy.typing import NDArray
from scipy.stats import binom

from metricstack.core.streams import stream
from metricstack.core.values import Estimate, Finding
from metricstack.simulation import Dirt, simulate
from metricstack.telemetry import DataFile, Warehouse, Workspace, open_workspace, table

START, END = datetime(2026, 7, 1, tzinfo=UTC), datetime(2026, 9, 30, tzinfo=UTC)


@dataclass(frozen=True)
class Population:
    """Requests of a simulated company: column → values, sorted by user; where each user's rows begin, and how many."""

    columns: dict[str, NDArray[Any]]
    starts: NDArray[np.int64]
    sizes: NDArray[np.int64]

    def draw(self, name: str, *, replicates: int, users: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Draw users with replacement: the row of the population, and the drawn user, of each row of all replicates."""
        chosen = stream(20, name).integers(0, len(self.starts), replicates * users)
        sizes = self.sizes[chosen]
        drawn = np.repeat(np.arange(len(chosen)), sizes)
        within = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        return self.starts[chosen][drawn] + within, drawn


@pytest.fixture(scope="session")
def population(tmp_path_factory: pytest.TempPathFactory) -> Population:
    """The requests of a company without any damage to its telemetry."""
    folder = tmp_path_factory.mktemp("population") / "company"
    simulate(folder, requests=40_000, days=100, seed=31, dirt=Dirt())
    rows = pa.concat_tables(pq.read_table(path) for path in sorted((folder / "data" / "requests").glob("*.parquet")))
    rows = rows.sort_by("user")
    columns = {
        name: rows.column(name).to_numpy(zero_copy_only=False)
        for name in ("outcome", "cost", "latency", "retries", "human_minutes")
    }
    _, starts, sizes = np.unique(rows.column("user").to_numpy(), return_index=True, return_counts=True)
    return Population(columns, starts, sizes)


Store = Callable[..., Workspace]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Write a workspace of arrays: table → column → values."""

    def write(**tables: dict[str, Any]) -> Workspace:
        (tmp_path / "metricstack.toml").write_text('[workspace]\nname = "Replicates"\n', encoding="utf-8")
        warehouse = Warehouse.open(tmp_path / "data")
        for name, columns in tables.items():
            path = tmp_path / "data" / name / "a.parquet"
            path.parent.mkdir(parents=True)
            rows = pa.table({key: pa.array(values, from_pandas=True) for key, values in columns.items()})
            pq.write_table(rows, path)
            times = columns[table(name).event_time]
            file = DataFile.of(warehouse.root, path, name, rows=len(rows), first=min(times), last=max(times))
            warehouse = warehouse.commit([file])
        return open_workspace(tmp_path)

    return write


def instants(count: int) -> list[datetime]:
    """Return instants spread evenly over the third quarter of 2026."""
    step = (END - START) / max(count - 1, 1)
    return [START + step * i for i in range(count)]


def covered(findings: tuple[Finding, ...], truth: float | dict[str, float], *, dimension: str = "region") -> float:
    """Return the share of replicates whose interval holds the truth (each replicate's own, where it is a mapping)."""
    inside = []
    for finding in findings:
        answer = finding.answer
        assert isinstance(answer, Estimate), answer
        assert answer.low is not None
        assert answer.high is not None
        true = truth[dict(finding.where)[dimension]] if isinstance(truth, dict) else truth
        inside.append(answer.low <= true <= answer.high)
    return float(np.mean(inside))


def assert_nominal(share: float, replicates: int, *, level: float = 0.95, conservative: bool = False) -> None:
    """Hold a coverage against its level: outside what chance alone gives once in a thousand runs, it fails."""
    low, high = binom.ppf([0.0005, 0.9995], replicates, level) / replicates
    assert share >= low, f"{share:.3f} of {replicates} intervals hold the truth; at least {low:.3f} are due"
    if not conservative:
        assert share <= high, f"{share:.3f} of {replicates} intervals hold the truth; at most {high:.3f} are due"
