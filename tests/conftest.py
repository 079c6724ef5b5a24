"""A small simulated company, made once and shared by every test process."""

import tempfile
from pathlib import Path

import pytest
from filelock import FileLock

from metricstack import simulation


@pytest.fixture(scope="session")
def company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The workspace of a company with 12,000 requests over five quarters; not to be changed."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if base.name.startswith("popen-") else base
    folder = shared / "company"
    with FileLock(shared / "company.lock"):
        if not (folder / "truth.json").is_file():
            simulation.simulate(folder, requests=12_000, days=458, seed=7)
    return folder


def let_others_in(folder: Path) -> None:
    """Let a user who is not the test's reach a temporary folder: pytest closes the folders above it."""
    for parent in (folder, *folder.parents):
        if parent == Path(tempfile.gettempdir()):
            break
        parent.chmod(0o755)
