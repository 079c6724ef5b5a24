"""Langfuse exports: a trace with its observations as JSON, read into requests, spans, calls, actions, feedback.

What real exports taught, and what is done about it:

- the unit of `latency` differs between exports, so every duration is computed as end − start;
- usage is repeated on parents, so only the innermost observations with usage are inferences;
- an observation's level is not the outcome of the run: the outcome stays unknown;
- the environment ``default`` is Langfuse's word for "none was set" and is read as ``production``;
- an export does not say whether traces were sampled, so the sample probability stays unknown;
- input, output, metadata, status messages, and comments are message content and are not read on.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from metricstack.core.errors import InvalidInput, UnreadableFile
from metricstack.sources.base import BATCH_ROWS, Batch, FileUnit, Reading
from metricstack.sources.langfuse_json import parse_json
from metricstack.sources.langfuse_rows import TABLES_FILLED, TraceRows
from metricstack.sources.mapping import SourceMap
from metricstack.telemetry.contract import Kind
from metricstack.telemetry.tables import table as table_named

__all__ = ["LangfuseFile", "read_langfuse"]

_SUFFIXES = (".json", ".jsonl", ".ndjson")
_VERSION = "2"
"""Raised whenever the same file would be read differently, so that it is read again."""
_TOO_DEEP = "nested too deeply to be read"


def read_langfuse(path: str, *, mapping: SourceMap | None, table: str | None) -> list[Any]:
    """Find the JSON exports in a path.

    Understood are ``{"trace": …, "observations": […]}``, a trace of the public API (with its
    observations inside), a list of either, the API's pages (``{"data": […]}``), and one per line
    (``.jsonl``).

    Raises:
        UnreadableFile: there is no such path.
        InvalidInput: a map or a table was named, which this source has no use for.
    """
    if mapping is not None or table is not None:
        raise InvalidInput("The source 'langfuse' knows its own names: leave the map and the table out.")
    root = Path(path).expanduser()
    if not root.exists():
        raise UnreadableFile(root, "there is no such file or folder")
    if root.is_file():
        return [LangfuseFile(root, root.parent)]
    files = sorted(
        file
        for file in root.rglob("*")
        if file.suffix.lower() in _SUFFIXES
        and file.is_file()
        and not any(part.startswith(".") for part in file.relative_to(root).parts)
    )
    return [LangfuseFile(file, root) for file in files]


class LangfuseFile(FileUnit):
    """One JSON file of one or more traces."""

    def digest(self) -> str:
        """Return a SHA-256 of the file's bytes and of how they are read."""
        return hashlib.sha256(f"langfuse {_VERSION}\n{super().digest()}".encode()).hexdigest()

    def batches(self) -> Iterator[Batch]:
        """Yield the rows of all tables that the traces fill."""
        traces = list(_traces(self.path))
        waiting: dict[str, list[dict[str, Any]]] = {name: [] for name in TABLES_FILLED}
        numbers: Counter[str] = Counter()
        for place, (trace, observations) in enumerate(traces, start=1):
            try:
                tables = TraceRows(trace, observations, self.unmapped).tables()
            except RecursionError as error:
                raise UnreadableFile(self.path, _TOO_DEEP) from error
            for name, found in tables.items():
                waiting[name] += found
            if sum(map(len, waiting.values())) >= BATCH_ROWS:
                yield from _flush(waiting, numbers, place / len(traces))
        yield from _flush(waiting, numbers, 1.0)


def _flush(waiting: dict[str, list[dict[str, Any]]], numbers: Counter[str], done: float) -> Iterator[Batch]:
    for name, rows in waiting.items():
        if not rows:
            continue
        start = numbers[name] + 1
        numbers[name] += len(rows)
        yield _batch(name, rows, start, done)
        rows.clear()


def _batch(name: str, rows: list[dict[str, Any]], start: int, done: float) -> Batch:
    contract, columns = table_named(name), TABLES_FILLED[name]
    arrays: dict[str, Any] = {}
    for column in columns:
        values = [row.get(column) for row in rows]
        kind = contract[column].kind
        if kind is Kind.INSTANT:
            # Times come as texts or as instants; as texts both keep what is wrong with them.
            values = [value if value is None or isinstance(value, str) else value.isoformat() for value in values]
        types = {Kind.INTEGER: pa.int64(), Kind.FLOAT: pa.float64(), Kind.FLAG: pa.bool_()}
        arrays[column] = pa.array(values, types.get(kind, pa.string()))
    reasons = pa.array([row.get("_reason") for row in rows], pa.string())
    readings = {column: Reading(zone="UTC", hashed=column == "input_hash") for column in columns}
    numbers = pa.array(range(start, start + len(rows)), pa.int64())
    return Batch(name, pa.table(arrays), numbers, readings, reasons, done=done)


def _traces(path: Path) -> Iterator[tuple[dict[str, Any], list[Any]]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        before = path.read_bytes()[: error.start]
        line, column = before.count(b"\n") + 1, error.start - (before.rfind(b"\n") + 1) + 1
        raise UnreadableFile(path, "not UTF-8 text", line=line, column=column) from error
    except OSError as error:
        raise UnreadableFile(path, error.strerror or str(error)) from error
    if path.suffix.lower() in (".jsonl", ".ndjson"):
        for number, line_text in enumerate(text.splitlines(), start=1):
            if line_text.strip():
                yield from _entries(_parse(path, line_text, number), path, number)
    else:
        yield from _entries(_parse(path, text), path, None)


def _parse(path: Path, text: str, line: int | None = None) -> Any:
    try:
        return parse_json(text)
    except json.JSONDecodeError as error:
        at = error.lineno if line is None else line
        raise UnreadableFile(path, f"not JSON: {error.msg}", line=at, column=error.colno) from error
    except ValueError as error:  # Python reads no whole number of more than 4,300 digits
        raise UnreadableFile(path, "a number has too many digits to be read", line=line) from error
    except RecursionError as error:
        raise UnreadableFile(path, _TOO_DEEP, line=line) from error


def _entries(content: Any, path: Path, line: int | None) -> Iterator[tuple[dict[str, Any], list[Any]]]:
    if isinstance(content, dict) and isinstance(content.get("data"), list) and "id" not in content:
        content = content["data"]
    if isinstance(content, list):
        for entry in content:
            yield _entry(entry, path, line)
    else:
        yield _entry(content, path, line)


def _entry(content: Any, path: Path, line: int | None) -> tuple[dict[str, Any], list[Any]]:
    if not isinstance(content, dict):
        kind = {list: "a list", str: "a text", type(None): "null"}.get(type(content), "a number or a flag")
        raise UnreadableFile(path, f"{kind} stands where a Langfuse trace is expected", line=line or 1, column=1)
    if "trace" not in content and "id" in content and "timestamp" in content:
        trace = {name: value for name, value in content.items() if name != "observations"}
        content = {"trace": trace, "observations": content.get("observations") or []}
    kinds: dict[str, type] = {"trace": dict, "observations": list}
    for name, wanted in kinds.items():
        if name not in content:
            there = ", ".join(map(repr, list(content)[:8])) or "nothing"
            raise UnreadableFile(
                path, f"not a Langfuse export: the key {name!r} is missing; there is {there}", line=line or 1, column=1
            )
        if not isinstance(content[name], wanted):
            what = "an object" if wanted is dict else "a list"
            raise UnreadableFile(path, f"not a Langfuse export: {name!r} is not {what}", line=line or 1, column=1)
    observations = [observation for observation in content["observations"] if isinstance(observation, dict)]
    if len(observations) < len(content["observations"]):
        raise UnreadableFile(
            path,
            "'observations' lists ids, not observations. Export traces with their observations",
            line=line or 1,
            column=1,
        )
    return content["trace"], observations
