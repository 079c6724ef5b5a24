"""What sums over a table of units promise on every engine: the moments of the samples, and the same histograms."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from metricstack.core.streams import stream
from metricstack.core.values import Moments
from metricstack.experiments import arms, binned_arms
from metricstack.metrics.query.joint import joint
from metricstack.telemetry.engines import connect, disconnect, read_files
from tests.conformance import engine_cases as cases
from tests.conftest import absent

pytestmark = [pytest.mark.engine, pytest.mark.slow]
VALUES = ("y", "clicks", "big", "good")


def units() -> dict[str, np.ndarray[Any, Any]]:
    """Units whose values lie near 0, near 1e9 and, but for the first ones, at 1e6; drawn once."""
    rng = stream(7, "unit tables")
    n = 5000
    y = rng.gamma(0.5, 2.0, n)
    return {
        "unit": np.array([f"u{i // 3}" for i in range(n)]),
        "arm": rng.choice(["a", "b"], n),
        "country": rng.choice(["de", "fr"], n),
        "y": 1e9 + rng.normal(0, 1, n) + y,
        "clicks": rng.poisson(y).astype(np.int64),
        "big": (np.where(np.arange(n) < 3000, 0, 10**6) + rng.integers(0, 5, n)).astype(np.int64),
        "good": rng.random(n) < 0.2,
        "latency": np.round(np.exp(rng.normal(0, 1, n)), 6),
    }


@pytest.fixture(scope="module", params=["duckdb", "postgres", "spark"])
def table(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The units as a table of an engine."""
    if request.param == "postgres":
        connection = connect("duckdb", filled(request.getfixturevalue("postgres")))
        yield connection.table("units")
        disconnect(connection)
        return
    if request.param == "spark" and cases.JAVA is None:
        absent("Java is not installed, which Spark needs: `make system` installs it")
    path: Path = tmp_path_factory.mktemp("units") / "units.parquet"
    pq.write_table(pa.table(units()), path)
    connection = connect("spark:local[2]" if request.param == "spark" else "duckdb", "data")
    yield read_files(connection, "units", [str(path)])
    disconnect(connection)


def filled(url: str) -> str:
    """Copy the units into a new database; return its URL."""
    import psycopg

    plain = url.replace("postgres://", "postgresql://")
    with psycopg.connect(plain, autocommit=True) as connection:
        connection.execute("CREATE DATABASE units")
    own = f"{url.rpartition('/')[0]}/units"
    rows = units()
    with psycopg.connect(own.replace("postgres://", "postgresql://")) as connection:
        connection.execute(
            "CREATE TABLE units (unit text, arm text, country text, y double precision, clicks bigint, big bigint, "
            "good boolean, latency double precision)"
        )
        with connection.cursor().copy(f"COPY units ({', '.join(rows)}) FROM STDIN") as copy:
            for row in zip(*(column.tolist() for column in rows.values()), strict=True):
                copy.write_row(row)
    return own


def test_moments_are_those_of_the_samples(table: Any) -> None:
    rows = units()
    found = joint(table, ["arm"], VALUES)
    for (arm,), one in found.items():
        # Near 1e9 a double is rounded to 1e-7, and `big` leads astray, so that the engine's own variances are taken.
        peer = Moments.of_samples(**{name: rows[name][rows["arm"] == arm].astype(float) for name in VALUES})
        assert one.n == peer.n
        assert one.moments().means == pytest.approx(peer.means, rel=1e-12)
        size = np.sqrt(np.outer(np.diag(peer.cross), np.diag(peer.cross)))
        assert (np.abs(one.moments().cross - peer.cross) / size).max() < 1e-6


def test_a_segment_and_a_metric_at_a_time_are_too(table: Any) -> None:
    rows = units()
    found = arms(table, arm="arm", values={"clicks": "clicks", "rate": ("good", "clicks")}, by="country")
    assert len(found) == 4
    for (arm, country), one in found.items():
        held = (rows["arm"] == arm) & (rows["country"] == country)
        peer = Moments.of_samples(good=rows["good"][held].astype(float), clicks=rows["clicks"][held].astype(float))
        # Small whole numbers: nothing but the last division is rounded.
        assert one["rate"].means == pytest.approx(peer.means, rel=1e-13)
        assert one["rate"].cross == pytest.approx(peer.cross, rel=1e-11)
        assert one["clicks"].variance == pytest.approx(peer.covariance("clicks", "clicks"), rel=1e-11)


def test_histograms_are_the_same_to_the_row(table: Any) -> None:
    rows = units()
    bins = np.ceil(np.log(rows["latency"]) / np.log(1.0202)).astype(int)
    for arm, one in binned_arms(table, arm="arm", value="latency", unit="unit").items():
        held, counts = np.unique(bins[rows["arm"] == arm], return_counts=True)
        entries = np.asarray(one.bins)
        assert np.unique(entries).tolist() == held.tolist()
        weights = np.asarray(one.weights)
        assert [weights[entries == bin].sum() for bin in held] == counts.tolist()
        assert len(np.unique(np.asarray(one.buckets))) == 64  # of 1,667 units, none is likely to be empty
