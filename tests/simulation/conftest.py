"""One small company on disk and one in memory, made once for all tests of the simulation."""

from pathlib import Path

import pyarrow as pa
import pytest

from metricstack.simulation import Dirt, Settings, Truth, World, sample, simulate

SMALL = {"requests": 6000, "days": 92, "seed": 11}


@pytest.fixture(scope="session")
def company(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Truth]:
    """A workspace with realistic dirt, and its truth."""
    folder = tmp_path_factory.mktemp("simulated") / "company"
    return folder, simulate(folder, **SMALL, workers=1)


@pytest.fixture(scope="session")
def clean() -> dict[str, pa.Table]:
    """Every table of a company whose telemetry lost nothing."""
    return sample(requests=20_000, days=92, seed=5)


@pytest.fixture(scope="session")
def world() -> World:
    """A company of 60,000 requests in five quarters, before anybody asks it anything."""
    return World.of(Settings(requests=60_000, days=458, seed=3, dirt=Dirt.none()))


@pytest.fixture
def rough_truth(monkeypatch: pytest.MonkeyPatch) -> None:
    """Find the truth roughly, for tests that are about files and not about effects."""
    for name in ("_EDGE_REQUESTS", "_TEST_REQUESTS", "_ROLLOUT_REQUESTS"):
        monkeypatch.setattr(f"metricstack.simulation.intervene.{name}", 200)
