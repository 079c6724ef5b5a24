"""`ingest`: read a source into a workspace."""

import os
from pathlib import Path

from metricstack.core.errors import ConfigurationError, InvalidInput, UnknownName
from metricstack.sources.base import Reader
from metricstack.sources.devlake import read_devlake
from metricstack.sources.langfuse import read_langfuse
from metricstack.sources.load import Progress, load
from metricstack.sources.mapping import read_map
from metricstack.sources.sql import read_sql
from metricstack.sources.summary import IngestSummary
from metricstack.sources.tabular import read_tables
from metricstack.telemetry.tables import table as table_named

__all__ = ["READERS", "ingest"]

READERS: dict[str, Reader] = {
    "devlake": read_devlake,
    "langfuse": read_langfuse,
    "sql": read_sql,
    "table": read_tables,
}
"""The menu: kind of source → its reader. A new source is a module and a line here."""


def ingest(
    path: str | os.PathLike[str],
    *,
    source: str,
    workspace: str | os.PathLike[str],
    mapping: str | os.PathLike[str] | None = None,
    table: str | None = None,
    progress: Progress | None = None,
    wait: float = 60.0,
) -> IngestSummary:
    """Read a source into a workspace: twice is the same as once, and a crash leaves it as before or as after.

    Each file is one atomic step. Personal identifiers become keyed hashes as they are read, message
    content is left out, a row that breaks the contract goes to ``quarantine/`` with its reason.

    Args:
        path: A file, a folder, or the URL of an engine (``sql``).
        source: One of `READERS`: ``"devlake"``, ``"langfuse"``, ``"sql"``, ``"table"``.
        workspace: The workspace's folder; made, with a new privacy key, where there is none.
        mapping: A TOML file that says what headers mean (`sources.mapping`), for ``table`` and ``sql``.
        table: The table that the files hold, where neither their names nor a map say it.
        progress: Called with how much is done, how much there is, and what is being read.
        wait: Seconds to wait for another run that writes to the workspace.

    Returns:
        What was read, loaded, known already, set aside, and left out.

    Raises:
        UnknownName: there is no such source or table.
        UnreadableFile: the file cannot be read, with line and column where there are any.
        InvalidInput: it can, but not as one of our tables; the message says what would help.
        IngestIncomplete: some of several files cannot be read; the others are loaded.
        ConfigurationError: the map or the `metricstack.toml` has faults; all are listed.
        WorkspaceError: the workspace cannot be written, or another run holds it.
    """
    if source not in READERS:
        raise UnknownName("source", source, READERS)
    if table is not None:
        table_named(table)
    read = read_map(Path(mapping)) if mapping is not None else None
    if read is not None and table is not None and set(read.tables) - {"", table}:
        named = ", ".join(sorted(set(read.tables) - {""}))
        raise ConfigurationError(str(mapping), [f"the map is about {named}, but table {table!r} was asked for."])
    units = READERS[source](os.fspath(path), mapping=read, table=table)
    if not units:
        raise InvalidInput(f"There is nothing in {os.fspath(path)} that the source {source!r} reads.")
    return load(units, source=source, root=Path(workspace).expanduser().resolve(), progress=progress, wait=wait)
