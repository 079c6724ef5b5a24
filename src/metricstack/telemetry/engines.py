"""Engines: DuckDB in this process, a database reached by URL, or Apache Spark, chosen in `metricstack.toml`.

[workspace]
warehouse = "data"                          # DuckDB over a folder of Parquet: the default
warehouse = "postgres://user@host/database" # PostgreSQL, or another database that Ibis connects to

engine = "spark"                            # Spark over the same folder: the session at hand, else on this machine
engine = "spark:local[4]"                   # any master that Spark knows
engine = "spark://host:7077"                # a standalone cluster; the folder must be one that its workers see
warehouse = "catalog:lake.telemetry"        # with Spark: tables of its catalogue instead of a folder
"""

import os
import re
import shutil
import socket
import tempfile
import warnings
from collections.abc import Sequence
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

from metricstack.core.errors import WorkspaceError, nearest
from metricstack.telemetry.addresses import masked, why_unreachable
from metricstack.telemetry.dialects import DIALECTS, compiler

__all__ = [
    "CATALOG",
    "connect",
    "dialect_of",
    "disconnect",
    "engine_fault",
    "find_table",
    "is_file_error",
    "is_remote",
    "list_tables",
    "never_null",
    "read_files",
    "spill_folder",
]

CATALOG = "catalog:"
"""How a warehouse begins that is a schema of Spark's catalogue."""
_SPARK = re.compile(r"spark(:\S+)?")
_MASTER = re.compile(r"local(\[(\*|\d+)(,\d+)?\])?|local-cluster\[.+\]|yarn|//.+|spark://.+|k8s://.+|mesos://.+")
"""What Spark takes for a master; it answers anything else with a page of its own code."""
_NUMBERS = count(1)
"""One for each embedded engine of this process."""


def is_remote(warehouse: str) -> bool:
    """True where the tables live in an engine (a URL, a catalogue), not in a folder of Parquet."""
    return "://" in warehouse or warehouse.startswith(CATALOG)


def engine_fault(engine: str, warehouse: str) -> str | None:
    """Say what is wrong with a choice of engine and warehouse, None where nothing is.

    Example:
        >>> engine_fault("duckdb", "data"), engine_fault("spark://10.0.0.1:7077", "data")
        (None, None)
        >>> engine_fault("sparc", "data").partition(" Allowed")[0]
        "no such engine 'sparc'. Did you mean 'spark'?"
    """
    allowed = "Allowed: 'duckdb', 'spark', 'spark:MASTER' such as 'spark:local[4]', 'spark://HOST:PORT'."
    if engine.partition(":")[0].casefold() in ("postgres", "postgresql"):
        return (
            f'no such engine {engine!r}. PostgreSQL is chosen by its address: warehouse = "postgres://USER@HOST/NAME".'
        )
    if engine != "duckdb" and not _SPARK.fullmatch(engine):
        guess = nearest(engine.partition(":")[0], ("duckdb", "spark"))
        return f"no such engine {engine!r}. {f'Did you mean {guess!r}? ' if guess else ''}{allowed}"
    if engine.startswith("spark:") and not _MASTER.fullmatch(engine.removeprefix("spark:")):
        return f"no such master {engine.removeprefix('spark:')!r} of Spark. {allowed}"
    if engine.startswith("spark") and "://" in warehouse:
        return f"engine {engine!r} reads a folder of Parquet or 'catalog:SCHEMA', not a URL. Leave one of the two out."
    if engine == "duckdb" and warehouse.startswith(CATALOG):
        return f'warehouse {warehouse!r} is a schema of Spark\'s catalogue: say engine = "spark" beside it.'
    return None


def dialect_of(engine: str, warehouse: str) -> str:
    """Return the dialect of SQL that a workspace's engine reads.

    Example:
        >>> dialect_of("duckdb", "postgres://host/x"), dialect_of("spark", "data")
        ('postgres', 'pyspark')
    """
    if engine.startswith("spark"):
        return "pyspark"
    scheme = warehouse.partition("://")[0] if "://" in warehouse else "duckdb"
    return {"postgresql": "postgres"}.get(scheme, scheme)


def connect(engine: str, warehouse: str) -> Any:
    """Connect to a workspace's engine.

    Raises:
        WorkspaceError: it cannot be reached, or what it needs is not installed; no password is repeated.
    """
    import ibis

    if engine.startswith("spark"):
        return _spark(engine.removeprefix("spark").removeprefix(":"))
    if is_remote(warehouse):
        try:
            connection = ibis.connect(warehouse)
        except Exception as error:  # noqa: BLE001  every driver has its own tree of errors
            said = f"The warehouse {masked(warehouse)} cannot be reached: {why_unreachable(warehouse, error)}"
            raise WorkspaceError(said) from None
        if connection.name in DIALECTS:
            connection.compiler = compiler(connection.name)
        return connection
    connection = ibis.duckdb.connect(
        ":memory:",
        preserve_insertion_order=False,
        temp_directory=str(spill_folder()),
    )
    connection.compiler = compiler("duckdb")
    connection.raw_sql("SET TimeZone = 'UTC'")
    return connection


def spill_folder() -> Path:
    """Name a folder for what one embedded engine cannot keep in memory; the engine makes it, and takes it away.

    Engines that share one write over each other's rows there, and read them.
    """
    return Path(tempfile.gettempdir()) / f"metricstack-{os.getpid()}-{next(_NUMBERS)}"


def disconnect(connection: Any) -> None:
    """End a connection; a Spark session that this process had before is left to whoever started it."""
    if connection.name == "pyspark":
        connection.forget()
    else:
        connection.disconnect()


def _schema(warehouse: str) -> str | None:
    return warehouse.removeprefix(CATALOG) if warehouse.startswith(CATALOG) else None


def list_tables(connection: Any, warehouse: str) -> list[str]:
    """Return the names of the tables of an engine."""
    found: list[str] = connection.list_tables(database=_schema(warehouse))
    return found


def find_table(connection: Any, warehouse: str, name: str) -> Any:
    """Return a table of an engine as an Ibis expression."""
    return connection.table(name, database=_schema(warehouse))


def is_file_error(error: Exception) -> bool:
    """True where a file, not the code, is at fault."""
    import duckdb
    import pyarrow as pa

    return isinstance(error, duckdb.Error | pa.ArrowException | OSError)


def read_files(connection: Any, name: str, paths: Sequence[str]) -> Any:
    """Register Parquet files as one table: columns by name, null where a file lacks one.

    Args:
        connection: DuckDB or Spark.
        name: The table's name there.
        paths: The files.
    """
    if connection.name != "pyspark":
        return connection.read_parquet([_plain(path, "[*?") for path in paths], table_name=name, union_by_name=True)
    import pyarrow as pa
    import pyarrow.parquet as pq
    from pyspark.sql.pandas.types import from_arrow_schema

    # The files' own schemas, read here, spare Spark a job per table.
    schema = pa.unify_schemas([pq.read_schema(path) for path in paths], promote_options="permissive")
    reader = connection._session.read.schema(from_arrow_schema(schema, prefer_timestamp_ntz=True))
    reader.parquet(*(_plain(path, "[*?{") for path in paths)).createOrReplaceTempView(name)
    return connection.table(name)


def never_null(connection: Any, paths: Sequence[str]) -> frozenset[str]:
    """Return the columns of Parquet files whose statistics count no null in any part of any file.

    Args:
        connection: DuckDB.
        paths: The files.
    """
    found = connection.con.cursor().execute(
        """
        with parts as (from parquet_metadata($paths))
        select path_in_schema from parts group by path_in_schema
        having bool_and(coalesce(stats_null_count, 1) = 0)
            and count(*) = (select count(distinct (file_name, row_group_id)) from parts)
        """,
        {"paths": [_plain(path, "[*?") for path in paths]},
    )
    return frozenset(name for (name,) in found.fetchall())


def _plain(path: str, signs: str) -> str:
    """Escape what an engine reads as a pattern in a path: a class of one character stands for itself."""
    return "".join(f"[{sign}]" if sign in signs else sign for sign in path)


def _spark(master: str) -> Any:
    """Connect to Spark, quietly: PySpark warns of pandas 3, by way of which no result of ours goes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        return _connect_spark(master)


def _connect_spark(master: str) -> Any:
    """Connect in a session of its own, so that two workspaces' tables never meet."""
    try:
        from pyspark import SparkContext
        from pyspark.errors import PySparkException
        from pyspark.sql import SparkSession
    except ImportError:
        raise WorkspaceError(
            "The engine 'spark' needs PySpark. Install it with `pip install 'metricstack[spark]'`, and Java 17."
        ) from None
    if master.startswith("//"):
        master = f"spark:{master}"
        _check_reachable(master)
    running = SparkContext._active_spark_context
    if running is not None and master and running.master != master:
        raise WorkspaceError(
            f"This process already runs Spark on {running.master}, and cannot run it on {master} too. "
            'Say engine = "spark" to use the session at hand, or stop that one first.'
        )
    if running is None:
        _check_java()
    builder = SparkSession.builder.appName("metricstack")
    if running is None:
        for name, value in _settings(master or _default_master()).items():
            builder = builder.config(name, value)
    try:
        session = builder.getOrCreate()
    except (PySparkException, OSError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise WorkspaceError(f"Spark cannot be started on {master or 'this machine'}: {reason}") from None
    connection = _backend()().connect(session=session.newSession())
    connection.ours = running is None
    return connection


def _check_java() -> None:
    """Fail at once where Java is not where it is looked for: Spark's own script would print its own lines first."""
    home = os.environ.get("JAVA_HOME")
    if home and not os.access(Path(home) / "bin" / "java", os.X_OK):
        raise WorkspaceError(
            f"The engine 'spark' needs Java 17 or newer, and JAVA_HOME = {home!r} holds none. "
            "Set it to the folder of a JRE, or unset it where `java` is on the path."
        )
    if not home and not shutil.which("java"):
        raise WorkspaceError("The engine 'spark' needs Java 17 or newer, and there is none. Install a JRE.")


def _default_master() -> str:
    """Return this machine where nothing else is configured, else nothing: then Spark's own configuration says."""
    configured = ("SPARK_CONF_DIR", "SPARK_HOME", "PYSPARK_SUBMIT_ARGS", "MASTER")
    return "" if any(os.environ.get(name) for name in configured) else "local[*]"


def _settings(master: str) -> dict[str, str]:
    """Return what a session of our own is started with; `spark-defaults.conf` says the rest."""
    here = master.startswith("local") or re.match(r"spark://(127\.0\.0\.1|localhost)\b", master) is not None
    settings = {
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.log.level": "ERROR",
        "spark.sql.session.timeZone": "UTC",
    }
    if master:
        settings["spark.master"] = master
    if here:
        settings |= {
            "spark.driver.host": "127.0.0.1",
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.sql.shuffle.partitions": "8",
        }
    return settings


def _check_reachable(master: str) -> None:
    """Fail at once where no master listens: Spark itself tries for a minute and then kills its session."""
    places = re.findall(r"([^/,:]+|\[[^\]]+\]):(\d+)", master.removeprefix("spark://"))
    reasons = []
    for host, port in places:
        try:
            socket.create_connection((host.strip("[]"), int(port)), timeout=5).close()
        except OSError as error:
            reasons.append(f"{host}:{port}: {error.strerror or error}")
        else:
            return
    raise WorkspaceError(f"Spark cannot be reached at {master}: {'; '.join(reasons) or 'no HOST:PORT in it'}")


@cache
def _backend() -> Any:
    """Ibis' Spark, with our compiler, and with results that stay Arrow (Ibis goes by way of pandas)."""
    from ibis.backends.pyspark import Backend
    from ibis.formats.pyarrow import PyArrowData

    class SparkBackend(Backend):  # type: ignore[misc]
        compiler = compiler("pyspark")
        ours = False

        def forget(self) -> None:
            """Stop Spark where we started it, else only let this session go."""
            if self.ours:
                self._session.stop()

        def to_pyarrow(self, expr: Any, /, *, params: Any = None, limit: Any = None, **options: Any) -> Any:
            asked = expr.as_table()
            found = self.raw_sql(self.compile(asked, params=params, limit=limit, **options)).toArrow()
            return expr.__pyarrow_result__(PyArrowData.convert_table(found, asked.schema()))

    return SparkBackend
