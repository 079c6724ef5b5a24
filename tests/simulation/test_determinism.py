"""Equal settings give equal bytes: whatever the number of workers, and whichever tables are asked for."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from metricstack.simulation import Dirt, Settings, Truth, World, sample, simulate
from metricstack.simulation.identifiers import hexes, mix
from metricstack.simulation.stretches import stretches
from metricstack.telemetry import TABLES
from tests.simulation.conftest import SMALL

pytestmark = pytest.mark.slow


def digests(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_the_mixing_function_is_the_published_splitmix64() -> None:
    # The first five outputs of SplitMix64 from seed 1234567, as its author's C code prints them.
    published = [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
        4593380528125082431,
        16408922859458223821,
    ]
    assert mix(np.arange(1, 6, dtype=np.uint64), 1234567).tolist() == published


def test_identifiers_are_the_sixteen_hex_digits_of_the_number_and_null_where_unknown() -> None:
    values = np.array([0, 255, 2**64 - 1], dtype=np.uint64)
    assert hexes(values, np.array([True, True, False])).to_pylist() == ["0" * 16, "0" * 14 + "ff", None]


def test_two_runs_with_different_numbers_of_workers_give_the_same_bytes(
    company: tuple[Path, Truth], tmp_path: Path
) -> None:
    simulate(tmp_path / "again", **SMALL, workers=3)
    assert digests(tmp_path / "again") == digests(company[0])


@pytest.mark.usefixtures("rough_truth")
def test_several_stretches_come_out_in_order_whoever_finishes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("metricstack.simulation.stretches._SIZE", 500)
    settings = {"requests": 4000, "days": 10, "seed": 2}
    assert len(stretches(World.of(Settings(**settings)))) == 8
    for workers in (1, 3):
        steps: list[int] = []
        simulate(
            tmp_path / str(workers),
            **settings,
            workers=workers,
            progress=lambda done, _, steps=steps: steps.append(done),
        )
        assert steps == sorted(steps)
        assert steps[-1] == 4000
    assert digests(tmp_path / "1") == digests(tmp_path / "3")


def test_another_seed_gives_another_company() -> None:
    one, other = (sample(requests=200, days=7, seed=seed, tables=("requests",))["requests"] for seed in (1, 2))
    assert not set(one["run"].to_pylist()) & set(other["run"].to_pylist())


def test_a_table_in_memory_is_the_table_on_disk(company: tuple[Path, Truth]) -> None:
    names = ("requests", "spans", "feedback", "assignments", "incidents", "business_kpis")
    drawn = sample(**SMALL, dirt=Dirt.realistic(), tables=names)
    for name in names:
        stored = pq.read_table(company[0] / "data" / name)
        plain = pa.table(
            {column: drawn[name][column].cast(stored.schema.field(column).type) for column in drawn[name].column_names}
        )
        assert plain.equals(stored), name


def test_a_table_does_not_depend_on_which_others_are_asked_for() -> None:
    alone = sample(requests=300, days=30, seed=4, tables=("feedback",))
    every = sample(requests=300, days=30, seed=4)
    assert list(every) == list(TABLES)
    assert alone["feedback"].equals(every["feedback"])


def test_the_truth_on_disk_is_the_truth_returned(company: tuple[Path, Truth]) -> None:
    folder, truth = company
    assert json.loads((folder / "truth.json").read_text(encoding="utf-8")) == truth.to_dict()
