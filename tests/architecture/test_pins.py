"""Why some versions are capped: each test fails when its cap may go, so that no cap outlives its reason."""

import tomllib
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_duckdb_is_capped_because_ibis_calls_methods_that_two_removes() -> None:
    import inspect

    import ibis.backends.duckdb as backend

    # When Ibis no longer calls fetch_arrow_table, try DuckDB 2 and lift the cap.
    assert "fetch_arrow_table" in inspect.getsource(backend)
    assert version("duckdb").startswith("1.")


def test_sqlglot_is_capped_because_ibis_does_not_cap_it() -> None:
    from importlib.metadata import requires

    # When Ibis caps SQLGlot itself, our cap may go.
    lines = [line for line in requires("ibis-framework") or [] if line.startswith("sqlglot")]
    assert lines
    assert all("30.18" not in line and "<31" not in line for line in lines)
    assert tuple(int(part) for part in version("sqlglot").split(".")[:2]) < (30, 18)


def test_pyspark_is_installed_beside_ibis_because_its_extra_caps_it() -> None:
    from importlib.metadata import requires

    # When the extra allows PySpark 4.1, ours may name it instead of PySpark.
    (line,) = (line for line in requires("ibis-framework") or [] if line.startswith("pyspark"))
    assert "<4.1" in line
    assert tuple(int(part) for part in version("pyspark").split(".")[:2]) >= (4, 1)


def test_the_lock_names_hashes_and_no_host() -> None:
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    assert "://" not in lock
    assert "file:" not in lock
    pins = [line for line in lock.splitlines() if line[:1].isalnum()]
    assert len(pins) > 100
    assert all(line.endswith("\\") for line in pins), "every pin is followed by its hashes"


def test_the_lock_holds_every_dependency_that_is_declared() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    locked = {
        line.split("==")[0].split("[")[0].lower()
        for line in (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
        if "==" in line
    }
    extras = project["optional-dependencies"]
    declared = [*project["dependencies"], *extras["dev"], *extras["lab"], *extras["postgres"], *extras["spark"]]
    names = {line.split(">")[0].split("[")[0].strip().lower() for line in declared}
    assert names <= locked
