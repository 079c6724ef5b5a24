"""When what was declared: a register beside the declarations, only ever added to, each line bound to the one before.

A seal after the last line says how many there are and what the last one is, so that it is bound, too. A register is as
good as whoever may write it: chain and seal show that a line was edited, taken out or cut off, not that the whole was
written anew, or an older copy put back. Where that matters, keep the last line's hash elsewhere (`Registered.line`).
"""

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from metricstack.core.errors import ConfigurationError
from metricstack.experiments.declaration import Declaration, content_hash
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
        is_new: It was added just now, not before.
    """

    experiment: str
    hash: str
    content: dict[str, Any]
    at: datetime
    line: str
    is_new: bool = False

    @property
    def start(self) -> datetime:
        """When the experiment starts, as it was declared."""
        return datetime.fromisoformat(self.content["start"])


@dataclass(frozen=True, slots=True)
class Register:
    """A register as it was read.

    Args:
        lines: Its lines, oldest first; none where it proves nothing.
        broken: What was done to it, so that it proves nothing; empty where nothing was.
        withheld: Why a register that is whole claims nothing here; empty where it may.
    """

    lines: tuple[Registered, ...] = ()
    broken: str = ""
    withheld: str = ""

    def of(self, experiment: str) -> list[Registered]:
        """Return the lines of one experiment."""
        return [one for one in self.lines if one.experiment == experiment]


def registered(ws: "Workspace") -> Register:
    """Read a workspace's register; one that cannot have been written here proves nothing.

    A workspace that is read-only never claims that something was registered: what its table `experiments` says is
    all that it can show.
    """
    try:
        found = _read(ws.root / FOLDER / _FILE)
    except OSError as error:
        return Register((), f"{FOLDER}/{_FILE} cannot be read: {error.strerror or error}")
    if found.lines and not os.access(ws.root / FOLDER, os.W_OK):
        return Register((), "", "the workspace is read-only")
    return found


def _read(path: Path) -> Register:
    try:
        text = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return Register()
    found: list[Registered] = []
    *lines, seal = text.splitlines(keepends=True) or [b""]
    for number, line in enumerate(lines, start=1):
        one = _line(line)
        last = found[-1] if found else None
        if one is None or one[1] != (last.line if last else "") or (last and one[0].at < last.at):
            return Register((), f"{FOLDER}/{_FILE} was changed at line {number}")
        found.append(one[0])
    if seal != _seal(found):
        return Register((), f"{FOLDER}/{_FILE} was changed or cut off at line {len(lines) + 1}")
    return Register(tuple(found))


def _line(line: bytes) -> tuple[Registered, str] | None:
    """A line of the register, and the one before as it says; None where it was not written so."""
    try:
        told = json.loads(line)
        key, content, at = told["experiment"], told["content"], datetime.fromisoformat(told["at"])
        known, before = told["hash"], told["before"]
        start = datetime.fromisoformat(content["start"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    texts = all(isinstance(one, str) for one in (key, known, before))
    if not texts or set(told) != _FIELDS or at.tzinfo is None or start.tzinfo is None or content_hash(content) != known:
        return None
    return Registered(key, known, content, at, _digest(line)), before


def _seal(lines: Sequence[Registered]) -> bytes:
    """The end of the register, which says what must stand before it."""
    return _written({"lines": len(lines), "last": lines[-1].line if lines else ""})


def _written(told: Mapping[str, Any]) -> bytes:
    return json.dumps(told, ensure_ascii=True, sort_keys=True).encode() + b"\n"


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
            known = _read(path)
            if known.broken:
                raise ConfigurationError(
                    "The register of experiments",
                    [f"{known.broken}: it proves nothing any more. Restore it, or move it away to begin a new one."],
                )
            text = b"".join(path.read_bytes().splitlines(keepends=True)[:-1]) if known.lines else b""
            lines = list(known.lines)
            found = {}
            for one in declared:
                last = next((line for line in reversed(lines) if line.experiment == one.key), None)
                if last is None or last.hash != one.hash:
                    # A clock that was set back must not date a line before the one above it.
                    at = max([datetime.now(UTC), *(line.at for line in lines[-1:])])
                    told = {
                        "experiment": one.key, "hash": one.hash, "content": one.content, "at": at.isoformat(),
                        "before": lines[-1].line if lines else "",
                    }  # fmt: skip
                    text += (written := _written(told))
                    last = Registered(one.key, one.hash, one.content, at, _digest(written), is_new=True)
                    lines.append(last)
                found[one.key] = last
            if len(lines) > len(known.lines):
                with write_atomic(path) as stream:
                    stream.write(text + _seal(lines))
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
