"""Many replicates of one population at once: each is a region of one workspace, evaluated in one call.

The population is the simulated company's own requests, nested in its users, so that values, group sizes
and their dependence are not chosen to suit a formula. A replicate draws users with replacement and takes
all requests of each; what is true of the population is therefore known exactly.

What is measured is logged: ``pytest tests/calibration -rP --log-level=INFO`` shows it.
"""

import logging
from collections.abc import Callable, Iterable
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

_LOG = logging.getLogger("metricstack.calibration")
START, END = datetime(2026, 7, 1, tzinfo=UTC), datetime(2026, 9, 30, tzinfo=UTC)


COLUMNS = ("outcome", "cost", "latency", "retries", "human_minutes", "tokens_input_uncached", "tokens_cache_read",
           "tokens_cache_write", "tokens_output", "tokens_reasoning")  # fmt: skip


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
    columns = {name: rows.column(name).to_numpy(zero_copy_only=False) for name in COLUMNS}
    _, starts, sizes = np.unique(rows.column("user").to_numpy(), return_index=True, return_counts=True)
    return Population(columns, starts, sizes)


Store = Callable[..., Workspace]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Write a workspace of arrays: table → column → values; with more of its configuration, and metrics of its own."""

    def write(*, config: str = "", metrics: str = "", **tables: dict[str, Any]) -> Workspace:
        text = f'[workspace]\nname = "Replicates"\n{config}'
        (tmp_path / "metricstack.toml").write_text(text, encoding="utf-8")
        if metrics:
            (tmp_path / "metrics").mkdir()
            (tmp_path / "metrics" / "own.toml").write_text(metrics, encoding="utf-8")
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


def covered(findings: Iterable[Finding], truth: float | dict[str, float], *, dimension: str = "region") -> float:
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


def assert_nominal(
    share: float, replicates: int, *, level: float = 0.95, conservative: bool = False, what: str = ""
) -> None:
    """Hold a coverage against its level: outside what chance alone gives once in a thousand runs, it fails."""
    low, high = binom.ppf([0.0005, 0.9995], replicates, level) / replicates
    _LOG.info("%s: %.1f %% of %d at %g %%", what or "covered", 100 * share, replicates, 100 * level)
    assert share >= low, f"{share:.3f} of {replicates} intervals hold the truth; at least {low:.3f} are due {what}"
    if not conservative:
        assert share <= high, f"{share:.3f} of {replicates} intervals hold the truth; at most {high:.3f} are due {what}"


def assert_rare(events: int, chances: int, *, rate: float, what: str = "") -> None:
    """Hold false alarms against the rate promised: more than chance gives once in a thousand runs fail."""
    most = int(binom.ppf(0.999, chances, rate))
    _LOG.info("%s: %d of %d, promised %.2f %%", what or "false alarms", events, chances, 100 * rate)
    assert events <= most, f"{events} of {chances} are false; at most {most} are due at {rate:.2%} {what}"


def assert_near(share: float, replicates: int, *, within: float, level: float = 0.95, what: str = "") -> None:
    """Hold a coverage that is known not to be exact to its level and a stated distance, beyond what chance gives."""
    low, high = (max(level - within, 0.0), min(level + within, 1.0))
    least, most = binom.ppf(0.0005, replicates, low) / replicates, binom.ppf(0.9995, replicates, high) / replicates
    _LOG.info("%s: %.1f %% of %d at %g %% ± %g", what, 100 * share, replicates, 100 * level, 100 * within)
    assert least <= share <= most, f"{share:.3f} of {replicates} hold it; {least:.3f} to {most:.3f} are due {what}"
