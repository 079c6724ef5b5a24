"""What the place of a load promises: made whole, never overwritten, swept only of what a crash left."""

from pathlib import Path

import pytest

import metricstack as ms
from metricstack.core import ConfigurationError, WorkspaceError
from metricstack.sources import IngestSummary, TableCounts, ingest
from metricstack.sources.place import prepare, storage_errors, sweep
from metricstack.telemetry import Warehouse, read_config


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


def test_data_without_their_manifest_are_damage_and_nothing_is_deleted(tmp_path: Path) -> None:
    root = tmp_path / "ws"
    bad = tmp_path / "in" / "requests-2.csv"
    ingest(csv(tmp_path / "in"), source="table", workspace=root)
    bad.write_text("run,user,start\n,ada,2026-07-01T10:00:00Z\n")
    assert ingest(bad, source="table", workspace=root).quarantine
    (root / "data" / "manifest.json").unlink()
    before = sorted(path for path in root.rglob("*") if path.is_file())
    assert len([path for path in before if path.suffix == ".parquet"]) == 2
    for _ in range(2):
        with pytest.raises(WorkspaceError, match=r"no manifest\.json.*Put it back"):
            ingest(csv(tmp_path / "in", "b"), source="table", workspace=root)
        assert sorted(path for path in root.rglob("*") if path.is_file()) == before


def test_without_a_manifest_a_sweep_takes_drafts_alone(tmp_path: Path) -> None:
    data = [tmp_path / "data" / "requests" / "load-0123456789abcdef.parquet"]
    data.append(tmp_path / "quarantine" / "requests-0123456789abcdef.parquet")
    drafts = [
        tmp_path / "data" / ".manifest.json.abc",
        tmp_path / ".metricstack.toml.abc",
        tmp_path / ".privacy.key.abc",
    ]
    for path in (*data, *drafts):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    sweep(tmp_path, Warehouse(tmp_path / "data"))
    assert all(path.exists() for path in data)
    assert not any(path.exists() for path in drafts)


def test_a_new_warehouse_has_its_manifest_before_its_first_data_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[bool] = []

    def killed(path: Path, batches: object) -> int:
        seen.append((tmp_path / "ws" / "data" / "manifest.json").is_file())
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("half a file")
        raise SystemExit

    monkeypatch.setattr("metricstack.sources.load._write", killed)
    monkeypatch.setattr(Path, "unlink", lambda *_, **__: None)  # a killed run does not clean up after itself
    with pytest.raises(SystemExit):
        ingest(csv(tmp_path / "in"), source="table", workspace=tmp_path / "ws")
    monkeypatch.undo()
    assert seen == [True]
    assert ingest(csv(tmp_path / "in"), source="table", workspace=tmp_path / "ws").count("requests").loaded == 1


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
    assert "\n0 rows read." not in str(summary)
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
