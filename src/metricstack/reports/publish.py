"""Put a finished report in its place at once: a reader sees the old one or the new one, whole.

The report is written into a folder beside its place and the two are exchanged by one system call; where the
system has none, by two renames that the next run mends if the machine dies between them.
"""

import ctypes
import errno
import os
import re
import secrets
import shutil
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from metricstack.core.errors import ReportError

__all__ = ["FILES", "locked", "publish", "run_name", "staging", "write"]

FILES = frozenset({"report.html", "report.pdf", "findings.json", "manifest.json", "run.ipynb", "failed.ipynb"})
_NOT_RUN = frozenset({"workspace"})
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_LONGEST = 40
_LOCK_SECONDS = 60.0
_STALE_SECONDS = 86_400.0
_AT_FDCWD, _RENAME_EXCHANGE = -100, 2


def run_name(parameters: Mapping[str, Any], defaults: Mapping[str, Any]) -> str:
    """Name a run by its quarter and every other parameter that is not its default; ``workspace`` does not count.

    The name is one plain folder name whatever the values are; where a value had to be changed for that, a hash
    of it keeps two values apart.

    Example:
        >>> run_name({"quarter": "2026Q3", "workspace": "/data"}, {"quarter": "", "segment": "", "workspace": "."})
        '2026Q3'
        >>> run_name({"quarter": "2026Q3", "segment": "enterprise"}, {"quarter": "", "segment": ""})
        '2026Q3--segment-enterprise'
        >>> run_name({"segment": "../../etc"}, {"segment": ""})
        'segment-etc-74ccf3c5'
    """
    quarter = parameters.get("quarter", defaults.get("quarter"))
    parts = [_safe(quarter)] if quarter else []
    changed = {name: value for name, value in parameters.items() if value != defaults.get(name)}
    parts += [f"{_safe(name)}-{_safe(changed[name])}" for name in sorted(changed.keys() - _NOT_RUN - {"quarter"})]
    whole = "--".join(parts) or "default"
    return whole if len(whole) <= 120 else f"{whole[:100]}-{_hash(whole)}"


def _safe(value: Any) -> str:
    text = value if isinstance(value, str) else repr(value)
    plain = _UNSAFE.sub("-", text).strip("-.")[:_LONGEST]
    return plain if plain == text else f"{plain}-{_hash(text)}".lstrip("-")


def _hash(text: str) -> str:
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]


@contextmanager
def staging(place: Path) -> Iterator[Path]:
    """Provide a new folder beside ``place`` to write a report into; it is gone afterwards, published or not.

    Raises:
        ReportError: nothing can be written there.
    """
    with _said(place):
        place.parent.mkdir(parents=True, exist_ok=True)
        with locked(place):
            _recover(place)
            _clear_stale(place)
        folder = place.with_name(f".{place.name}.{secrets.token_hex(6)}.new")
        folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def locked(place: Path) -> Iterator[None]:
    """Hold the one lock of a run's folder, so that of two runs at once each ends whole.

    Raises:
        ReportError: another run holds it for a minute, or nothing can be written there.
    """
    lock = FileLock(place.with_name(f".{place.name}.lock"), timeout=_LOCK_SECONDS)
    with _said(place):
        try:
            lock.acquire()
        except Timeout as error:
            raise ReportError(f"Another run has been writing {place} for {_LOCK_SECONDS:.0f} s. Try again.") from error
    try:
        yield
    finally:
        lock.release()


def write(folder: Path, place: Path, content: Mapping[str, str]) -> None:
    """Write the files of a report into its new folder, and to the disk.

    Raises:
        ReportError: the disk is full, or does not take them; ``place`` still holds what it held.
    """
    with _said(place):
        for name, text in content.items():
            with (folder / name).open("wb") as stream:
                stream.write(text.encode("utf-8", "surrogatepass"))
                stream.flush()
                os.fsync(stream.fileno())


def publish(folder: Path, place: Path) -> None:
    """Exchange the report in ``place`` for the one in ``folder``, in one step for whoever reads.

    What others have put beside the report is kept; the old report's own files go.

    Raises:
        ReportError: the exchange failed; the old report still stands.
    """
    with locked(place), _said(place):
        _recover(place)
        if not place.exists():
            folder.rename(place)
            return
        _keep_foreign(place, folder)
        if not _exchange(folder, place):
            aside = _aside(place)
            place.rename(aside)
            folder.rename(place)
            shutil.rmtree(aside, ignore_errors=True)


def _aside(place: Path) -> Path:
    return place.with_name(f".{place.name}.old")


def _recover(place: Path) -> None:
    """Mend what a crash between two renames left: the old report takes its place again, or goes."""
    aside = _aside(place)
    if aside.is_dir():
        if place.exists():
            shutil.rmtree(aside, ignore_errors=True)
        else:
            aside.rename(place)


def _keep_foreign(place: Path, folder: Path) -> None:
    for entry in place.iterdir():
        if entry.name in FILES or entry.name.startswith("."):
            continue
        if entry.is_dir() and not entry.is_symlink():
            shutil.copytree(entry, folder / entry.name, symlinks=True)
        else:
            shutil.copy2(entry, folder / entry.name, follow_symlinks=False)


def _exchange(one: Path, other: Path) -> bool:
    """Swap two folders by one system call; False where the system or the file system has none."""
    if not sys.platform.startswith("linux"):
        return False
    try:
        call = ctypes.CDLL(None, use_errno=True).renameat2
    except (OSError, AttributeError):
        return False
    done = call(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE)
    if done == 0:
        return True
    number = ctypes.get_errno()
    if number in {errno.ENOSYS, errno.EINVAL, errno.ENOTSUP}:
        return False
    raise OSError(number, os.strerror(number), str(other))


def _clear_stale(place: Path) -> None:
    """Take away what a killed run left a day ago or earlier."""
    for folder in place.parent.glob(f".{place.name}.*.new"):
        with suppress(OSError):
            if time.time() - folder.stat().st_mtime > _STALE_SECONDS:
                shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _said(place: Path) -> Iterator[None]:
    """Turn what the system says into a `ReportError` that names the place."""
    try:
        yield
    except OSError as error:
        raise ReportError(
            f"The report cannot be written to {place}: {(error.strerror or str(error)).lower()}. "
            "What was published before still stands. Make room, or choose another folder with --out."
        ) from error
