"""What the place of a load promises: made whole, never overwritten, swept only of what a crash left."""

from pathlib import Path

import pytest

import metricstack as ms
from metricstack.core import ConfigurationError, WorkspaceError
from metricstack.sources import IngestSummary, TableCounts, ingest
from metricstack.sources.place import prepare, storage_errors
from metricstack.telemetry import read_config


def csv(folder: Path, run: str = "a") -> Path:
    folder.mkdir(exist_ok=True)
    file = folder / "requests.csv"
    file.write_text(f"run,user,start\n{run},ada,2026-07-01T10:00:00Z\n")
    return file


def test_a_new_workspace_is_named_after_its_folder_and_opens(tmp_path: Path) -> None:
    ingest(csv(tmp_path / "in"), source="table", workspace=tmp_path / "north wind")
    assert read_config(tmp_path / "north wind" / "metricstack.toml").name == "north wind"
    assert ms.open(tmp_path / "north wind").tables == ("requests",)


def test_a_workspace_that_is_there_is_written_to_as_it_is(tmp_path: Path) -> None:
    root = tmp_path / "ws"
    root.mkdir()
    text = '[workspace]\nname = "mine"\nwarehouse = "lake"\nprivacy_key = { file = "my.key" }\n'
    (root / "metricstack.toml").write_text(text)
    (root / "my.key").write_text("a key of more than sixteen bytes")
    ingest(csv(tmp_path / "in"), source="table", workspace=root)
    assert (root / "metricstack.toml").read_text() == text
    assert (root / "lake" / "manifest.json").is_file()
    assert not (root / "privacy.key").exists()


@pytest.mark.parametrize(
    ("text", "error", "said"),
    [
        ("[workspace]\n", ConfigurationError, "names no privacy key"),
        ('[workspace]\nprivacy_key = { file = "gone.key" }\n', WorkspaceError, "gone.key cannot be read"),
        ('[workspace]\nwarehouse = "postgres://db/x"\n', WorkspaceError, "reads its tables from an engine"),
        ('[workspace]\nzone = "Mars"\n', ConfigurationError, "no such time zone 'Mars'"),
    ],
)
def test_a_workspace_that_cannot_take_a_load_says_why(
    tmp_path: Path, text: str, error: type[Exception], said: str
) -> None:
    (tmp_path / "metricstack.toml").write_text(text)
    with pytest.raises(error, match=said):
        ingest(csv(tmp_path / "in"), source="table", workspace=tmp_path)
    assert not (tmp_path / "data").exists()


def test_a_key_without_a_configuration_is_kept(tmp_path: Path) -> None:
    # A crash between the two leaves the key alone; the next run must not make another.
    (tmp_path / "privacy.key").write_text("the first key, of thirty-two by.")
    _, key = prepare(tmp_path)
    assert (tmp_path / "privacy.key").read_text() == "the first key, of thirty-two by."
    assert prepare(tmp_path)[1].hash("ada") == key.hash("ada")


def test_only_what_a_crashed_load_left_is_swept(tmp_path: Path) -> None:
    root = tmp_path / "ws"
    ingest(csv(tmp_path / "in"), source="table", workspace=root)
    left = [
        root / "data" / "requests" / "load-0123456789abcdef.parquet",
        root / "quarantine" / "requests-0123456789abcdef.parquet",
    ]
    mine = [
        root / "data" / "requests" / "mine.parquet",
        root / "quarantine" / "notes.parquet",
        root / "data" / "readme.txt",
    ]
    for path in (*left, *mine):
        path.parent.mkdir(exist_ok=True)
        path.write_text("x")
    ingest(csv(tmp_path / "in", "b"), source="table", workspace=root)
    assert not any(path.exists() for path in left)
    assert all(path.exists() for path in mine)
    assert ms.open(root).table("requests").count().to_pyarrow().as_py() == 2  # type: ignore[union-attr]


def test_an_error_of_the_disk_that_has_no_own_words_keeps_the_systems(tmp_path: Path) -> None:
    with (
        pytest.raises(WorkspaceError, match=r"Cannot write .*: Input/output error"),
        storage_errors(tmp_path, "Cannot write"),
    ):
        raise OSError(5, "Input/output error")


def test_a_summary_adds_up_and_says_the_bad_with_the_good() -> None:
    one = TableCounts("requests", 10, 7, 2, 1)
    assert one.plus(TableCounts("requests", 1, 0, 1, 0)) == TableCounts("requests", 11, 7, 3, 1)
    summary = IngestSummary(
        "table", "shop", 2, (one,), ("a.csv",), (("shoe", 10),), ("quarantine/x.parquet",), ("b.csv: no",)
    )
    assert summary.to_dict()["tables"]["requests"] == {"read": 10, "loaded": 7, "duplicates": 2, "quarantined": 1}
    for word in (
        "7 loaded",
        "2 duplicates",
        "1 quarantined",
        "a.csv",
        "shoe (10)",
        "quarantine/x.parquet",
        "b.csv: no",
    ):
        assert word in str(summary)
    assert summary.count("sessions") == TableCounts("sessions")
