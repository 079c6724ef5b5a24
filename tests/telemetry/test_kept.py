"""What keeping promises: never an old or damaged number, never an error of its own, and no second read of the same."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

import metricstack as ms
from metricstack.telemetry import Workspace
from metricstack.telemetry import kept as room
from metricstack.telemetry.kept import FOLDER, Arrays, kept
from tests.telemetry.conftest import Writer


class _Reader:
    """Counts how often it is asked."""

    def __init__(self, **arrays: object) -> None:
        self.asked = 0
        self.arrays = {name: np.array(one) for name, one in arrays.items()} or {"x": np.array([1.0, np.nan])}

    def __call__(self) -> Arrays:
        self.asked += 1
        return self.arrays


@pytest.fixture
def opened(tmp_path: Path, write_table: Writer, two_requests: pa.Table) -> Callable[[], Workspace]:
    write_table("requests", two_requests)
    return lambda: ms.open(tmp_path)


def test_what_was_read_is_found_again_bit_for_bit(opened: Callable[[], Workspace]) -> None:
    odd = _Reader(x=[0.1 + 0.2, np.nan, -0.0, 5e-324], n=[2**53 + 1], name=["é", "", "a b"], none=np.zeros((0, 3)))
    first = kept(opened(), "q", odd)
    again = kept(opened(), "q", odd)
    assert odd.asked == 1
    assert set(again) == set(first)
    for name, values in first.items():
        assert again[name].dtype == values.dtype
        assert again[name].shape == values.shape
        assert again[name].tobytes() == values.tobytes()


def test_another_question_is_read(opened: Callable[[], Workspace]) -> None:
    reader = _Reader()
    kept(opened(), ("q", 1), reader)
    kept(opened(), ("q", 2), reader)
    assert reader.asked == 2


def test_what_another_question_left_under_its_name_is_read_anew(opened: Callable[[], Workspace]) -> None:
    ws, reader = opened(), _Reader(y=[1.0])
    kept(ws, "p", _Reader(x=[2.0]))
    (other,) = (ws.root / FOLDER).glob("*.npz")
    kept(ws, "q", reader)
    (mine,) = {*(ws.root / FOLDER).glob("*.npz")} - {other}
    mine.write_bytes(other.read_bytes())
    assert set(kept(ws, "q", reader)) == {"y"}
    assert reader.asked == 2


def test_new_rows_are_read(opened: Callable[[], Workspace], write_table: Writer, two_requests: pa.Table) -> None:
    reader = _Reader()
    kept(opened(), "q", reader)
    write_table("requests", two_requests.set_column(0, "run", pa.array(["c", "d"])), file="b")
    kept(opened(), "q", reader)
    assert reader.asked == 2


def test_another_configuration_order_of_sums_or_code_is_read(
    opened: Callable[[], Workspace], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = _Reader()
    kept(opened(), "q", reader)
    kept(opened().reproducible(), "q", reader)
    assert reader.asked == 2
    file = tmp_path / "metricstack.toml"
    file.write_text(file.read_text() + "\n[parameters]\nsla_latency = 7.0\n")
    kept(opened(), "q", reader)
    assert reader.asked == 3
    monkeypatch.setattr(room, "code_digest", lambda: "another")
    kept(opened(), "q", reader)
    assert reader.asked == 4


def test_another_metric_of_its_own_is_read(opened: Callable[[], Workspace], tmp_path: Path) -> None:
    own, reader = tmp_path / "metrics" / "own.toml", _Reader()
    kept(opened(), "q", reader)
    own.parent.mkdir()
    for asked, needed in ((2, 5), (3, 50), (3, 50)):  # whether few observations are told, which no formula says
        own.write_text(f'[metrics.mine]\ntable = "requests"\nformula = "count()"\nrequires = {{ n = {needed} }}\n')
        kept(opened(), "q", reader)
        assert reader.asked == asked


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "text", "pickle"])
def test_a_damaged_file_is_read_anew(opened: Callable[[], Workspace], tmp_path: Path, damage: str) -> None:
    reader = _Reader(x=np.arange(1000.0))
    kept(opened(), "q", reader)
    (file,) = (tmp_path / FOLDER).glob("*.npz")
    whole = file.read_bytes()
    middle = len(whole) // 2
    if damage == "pickle":  # a file that would run code when it is read
        np.savez(file, x=np.array([{"a": 1}], dtype=object))
    else:
        flipped = whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :]
        file.write_bytes({"cut": whole[:middle], "flipped": flipped, "empty": b"", "text": b"no archive"}[damage])
    assert kept(opened(), "q", reader)["x"].tolist() == list(range(1000))
    assert reader.asked == 2
    kept(opened(), "q", reader)
    assert reader.asked == 2


def test_no_changed_byte_is_an_error_or_another_number(opened: Callable[[], Workspace], tmp_path: Path) -> None:
    reader = _Reader(x=np.arange(300.0) % 7, name=["a", "b"])
    kept(opened(), "q", reader)
    (file,) = (tmp_path / FOLDER).glob("*.npz")
    whole = file.read_bytes()
    for at in range(len(whole)):
        for bit in (1, 32, 128):
            file.write_bytes(whole[:at] + bytes([whole[at] ^ bit]) + whole[at + 1 :])
            found = room._load(file)
            assert found is None or all(np.array_equal(found[name], one) for name, one in reader.arrays.items())


def test_a_folder_that_cannot_be_made_keeps_nothing_and_says_nothing(
    opened: Callable[[], Workspace], tmp_path: Path
) -> None:
    (tmp_path / FOLDER).write_text("in the way")
    reader = _Reader()
    assert np.isnan(kept(opened(), "q", reader)["x"][1])
    kept(opened(), "q", reader)
    assert reader.asked == 2
    assert (tmp_path / FOLDER).read_text() == "in the way"


def test_a_full_disk_leaves_no_half_file(
    opened: Callable[[], Workspace], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    kept(opened(), "q", _Reader())
    assert {path.name for path in (tmp_path / FOLDER).iterdir()} == {"CACHEDIR.TAG", ".gitignore"}


def test_the_oldest_go_first(opened: Callable[[], Workspace], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "_MOST", 2)
    reader = _Reader()
    for i, question in enumerate("abac"):  # b is the one that was not asked for again
        kept(opened(), question, reader)
        for file in (tmp_path / FOLDER).glob("*.npz"):
            age = file.stat().st_mtime - 10 * (4 - i)
            os.utime(file, (age, age))
    assert len(list((tmp_path / FOLDER).glob("*.npz"))) == 2
    assert reader.asked == 3
    kept(opened(), "a", reader)
    assert reader.asked == 3
    kept(opened(), "b", reader)
    assert reader.asked == 4
