"""When what was declared: a register beside the declarations, only ever added to, each line bound to the one before.

A register is as good as whoever may write it: the chain shows that a line was edited, taken out or cut off, not that
the whole was written anew. Where that matters, keep the last line's hash elsewhere (`Registered.line`).
"""

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from metricstack.core.errors import ConfigurationError
from metricstack.experiments.declaration import Declaration
from metricstack.telemetry import write_atomic

if TYPE_CHECKING:
    from metricstack.telemetry.workspace import Workspace

__all__ = ["FOLDER", "Register", "Registered", "register_all", "registered"]

FOLDER = "experiments"
_FILE = "registered.jsonl"
_LOCK = ".registered.lock"
_FIELDS = {"experiment", "hash", "content", "at", "before"}


@dataclass(frozen=True, slots=True)
class Registered:
    """One line of a register.

    Args:
        experiment: Its key.
        hash: Hash of what was declared.
        content: What was declared.
        at: When it was registered.
        line: Hash of the line, and with it of all lines before.
    """

    experiment: str
    hash: str
    content: dict[str, Any]
    at: datetime
    line: str


@dataclass(frozen=True, slots=True)
class Register:
    """A register as it was read.

    Args:
        lines: Its lines, oldest first; none where it proves nothing.
        broken: Why it proves nothing, empty where it does.
    """

    lines: tuple[Registered, ...] = ()
    broken: str = ""

    def of(self, experiment: str) -> list[Registered]:
        """Return the lines of one experiment."""
        return [one for one in self.lines if one.experiment == experiment]


def registered(ws: "Workspace") -> Register:
    """Read a workspace's register; one that cannot have been written here proves nothing.

    A workspace that is read-only never claims that something was registered: what its table `experiments` says is
    all that it can show.
    """
    path = ws.root / FOLDER / _FILE
    if not path.is_file():
        return Register()
    if not os.access(ws.root / FOLDER, os.W_OK):
        return Register((), "the workspace is read-only")
    return _read(path)


def _read(path: Path) -> Register:
    found: list[Registered] = []
    before = ""
    text = path.read_bytes()
    for number, line in enumerate(text.splitlines(keepends=True), start=1):
        try:
            told = json.loads(line)
            at = datetime.fromisoformat(told["at"])
            whole = set(told) == _FIELDS and line.endswith(b"\n") and at.tzinfo is not None
        except (ValueError, KeyError, TypeError):
            whole = False
        if not whole or told["before"] != before:
            return Register((), f"{FOLDER}/{_FILE} was changed at line {number}")
        before = _digest(line)
        found.append(Registered(told["experiment"], told["hash"], told["content"], at, before))
    return Register(tuple(found))


def register_all(ws: "Workspace", declared: Sequence[Declaration]) -> dict[str, Registered]:
    """Register declarations as they stand; one that is registered already keeps its time.

    Args:
        ws: The workspace.
        declared: What to register.

    Returns:
        Key → its line.

    Raises:
        ConfigurationError: the register was changed, or cannot be written; nothing of it is lost.
    """
    folder = ws.root / FOLDER
    try:
        folder.mkdir(exist_ok=True)
        with _locked(folder):
            path = folder / _FILE
            known = _read(path) if path.is_file() else Register()
            if known.broken:
                raise ConfigurationError(
                    "The register of experiments",
                    [f"{known.broken}: it proves nothing any more. Restore it, or move it away to begin a new one."],
                )
            text = path.read_bytes() if path.is_file() else b""
            lines = list(known.lines)
            found = {}
            for one in declared:
                last = next((line for line in reversed(lines) if line.experiment == one.key), None)
                if last is None or last.hash != one.hash:
                    at = datetime.now(UTC)
                    told = {
                        "experiment": one.key, "hash": one.hash, "content": one.content, "at": at.isoformat(),
                        "before": lines[-1].line if lines else "",
                    }  # fmt: skip
                    line = json.dumps(told, ensure_ascii=True, sort_keys=True).encode() + b"\n"
                    last = Registered(one.key, one.hash, one.content, at, _digest(line))
                    text += line
                    lines.append(last)
                found[one.key] = last
            if len(lines) > len(known.lines):
                with write_atomic(path) as stream:
                    stream.write(text)
            return found
    except OSError as error:
        reason = error.strerror or str(error)
        raise ConfigurationError(
            "The register of experiments",
            [f"{folder / _FILE} cannot be written: {reason}. Register in a workspace that may be written to."],
        ) from error


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Let one process at a time add to the register."""
    with (folder / _LOCK).open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _digest(line: bytes) -> str:
    return hashlib.blake2b(line, digest_size=16).hexdigest()
