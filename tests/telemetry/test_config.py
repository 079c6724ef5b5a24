"""What `metricstack.toml` promises: every fault at once with its line, and never the key itself."""

from pathlib import Path

import pytest

from metricstack.core import ConfigurationError, UnreadableFile
from metricstack.telemetry import read_config

GOOD = """
[workspace]
name = "Northwind"
zone = "Europe/Berlin"
fiscal_year_start = 4
privacy_key = { env = "NORTHWIND_KEY" }

[parameters]
sla_latency = 8

[policies.latency_p95]
owner = "platform"
target = 4

[use_cases.search]
title = "Search"
acceptable_latency = 2.5
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "metricstack.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_good_file_is_read_whole(tmp_path: Path) -> None:
    config = read_config(write(tmp_path, GOOD))
    assert config.name == "Northwind"
    assert config.calendar.fiscal_year_start == 4
    assert config.parameters == {"sla_latency": 8.0}
    assert config.policies["latency_p95"].target == 4.0
    assert config.use_cases["search"].acceptable_latency == 2.5
    assert config.currency == "USD"


def test_an_empty_file_is_a_workspace_of_defaults(tmp_path: Path) -> None:
    assert read_config(write(tmp_path, "")).zone == "UTC"


def test_all_faults_are_reported_at_once_with_their_lines(tmp_path: Path) -> None:
    text = (
        '[workspace]\nzone = "Europe/Berln"\ncurency = "USD"\nfiscal_year_start = 13\n\n[policies.x]\ntarget = "low"\n'
    )
    with pytest.raises(ConfigurationError) as caught:
        read_config(write(tmp_path, text))
    faults = "\n".join(caught.value.faults)
    assert len(caught.value.faults) == 4
    assert "metricstack.toml:2: no such time zone 'Europe/Berln'. Did you mean 'Europe/Berlin'?" in faults
    assert "metricstack.toml:3: unknown entry 'curency'. Did you mean 'currency'?" in faults
    assert "metricstack.toml:4: 'fiscal_year_start' must be a month" in faults
    assert "metricstack.toml:7: 'target' must be a number, not 'low'." in faults


@pytest.mark.parametrize("entry", ['"secret"', '{ value = "secret" }', '{ env = "A", file = "b" }', "{ env = 1 }"])
def test_a_key_in_the_file_itself_is_refused(tmp_path: Path, entry: str) -> None:
    with pytest.raises(ConfigurationError, match="privacy_key"):
        read_config(write(tmp_path, f"[workspace]\nprivacy_key = {entry}\n"))


def test_true_is_not_a_number(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="must be a number"):
        read_config(write(tmp_path, "[parameters]\nsla_latency = true\n"))


def test_text_that_is_not_toml_is_named_with_line_and_column(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match=r"metricstack\.toml:2:"):
        read_config(write(tmp_path, "[workspace]\nname = \n"))


def test_levels_are_finite_and_in_order_and_promises_not_negative(tmp_path: Path) -> None:
    text = (
        "[policies.a]\ntarget = nan\n[policies.b]\ntarget = 9\nwarn = 4\nbreach = 6\n"
        "[policies.c]\ntarget = 0.9\nwarn = 0.8\nbreach = 0.7\n[use_cases.x]\nacceptable_latency = -1\n"
    )
    with pytest.raises(ConfigurationError) as caught:
        read_config(write(tmp_path, text))
    assert caught.value.faults == (
        "metricstack.toml:2: 'target' must be a finite number, not nan.",
        "metricstack.toml:3: target, warn and breach must rise or fall in this order.",
        "metricstack.toml:12: 'acceptable_latency' must not be negative, but is -1.",
    )


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ('engine = "sparc"', r":2: no such engine 'sparc'\. Did you mean 'spark'\? Allowed: 'duckdb', 'spark'"),
        ('engine = "spark"\nwarehouse = "postgres://db/x"', ":2: engine 'spark' reads a folder of Parquet"),
        ('warehouse = "catalog:lake"', ":2: warehouse 'catalog:lake' is a schema .* say engine = \"spark\""),
    ],
)
def test_an_engine_that_cannot_read_the_warehouse_is_a_fault_with_its_line(
    tmp_path: Path, lines: str, said: str
) -> None:
    with pytest.raises(ConfigurationError, match=said):
        read_config(write(tmp_path, f"[workspace]\n{lines}\n"))


@pytest.mark.parametrize("engine", ["duckdb", "spark", "spark:local[2]", "spark://10.0.0.7:7077"])
def test_an_engine_is_chosen_by_one_line(tmp_path: Path, engine: str) -> None:
    assert read_config(write(tmp_path, f'[workspace]\nengine = "{engine}"\n')).engine == engine
