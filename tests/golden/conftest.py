"""Golden files: compared as they are; written anew only with ``METRICSTACK_REGENERATE=1``, to be read in review."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent


@pytest.fixture
def golden() -> Callable[[str, str], None]:
    """Compare a text with its golden file."""

    def compare(name: str, text: str) -> None:
        path = FOLDER / name
        if os.environ.get("METRICSTACK_REGENERATE") == "1":
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        assert path.is_file(), f"{path} is missing. Write it with METRICSTACK_REGENERATE=1, and read it."
        assert path.read_text(encoding="utf-8") == text, (
            f"{name} is no longer what it was. If that is meant, run with METRICSTACK_REGENERATE=1 and read the change."
        )

    return compare
