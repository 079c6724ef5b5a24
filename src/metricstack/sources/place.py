"""The workspace that a load goes to: made where there is none, locked while written, swept of what a crash left."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from metricstack.core.errors import WorkspaceError
from metricstack.governance.privacy import PrivacyKey
from metricstack.telemetry.config import FILE_NAME, WorkspaceConfig, read_config
from metricstack.telemetry.warehouse import MANIFEST, Warehouse, write_atomic

__all__ = ["LOAD_PREFIX", "begin", "lock", "prepare", "storage_errors", "sweep", "sync_folder"]

LOAD_PREFIX = "load-"
"""Files of a load are called after it, so that a load which never ended can be told from data."""

_LOCK = ".metricstack.lock"
_KEY_FILE = "privacy.key"
_NEW = """\
# Made by `metricstack ingest`. What else may stand here: the documentation of metricstack.toml.
[workspace]
name = "{name}"
warehouse = "data"
zone = "UTC"
currency = "USD"
environment = "production"
privacy_key = {{ file = "privacy.key" }}
"""
_MEANINGS = {
    errno.ENOSPC: "no space is left on the device. Make room and run it again",
    errno.EDQUOT: "the disk quota is used up. Make room and run it again",
    errno.EFBIG: "a file would be larger than this system allows. Raise the limit and run it again",
    errno.EROFS: "the file system is read-only. Choose a workspace that can be written",
    errno.EACCES: "there is no permission to write. Choose a workspace that you may write, or change its permissions",
    errno.EPERM: "there is no permission to write. Choose a workspace that you may write, or change its permissions",
}


@contextmanager
def storage_errors(root: Path, doing: str) -> Iterator[None]:
    """Turn what goes wrong while the workspace is written into an error that says what to do."""
    import duckdb

    try:
        yield
    except OSError as error:
        meaning = _MEANINGS.get(error.errno or 0, error.strerror or str(error))
        raise WorkspaceError(f"{doing} {root}: {meaning}. What was loaded before still stands.") from error
    except (duckdb.OutOfMemoryException, duckdb.IOException) as error:
        text = str(error).splitlines()[0]
        raise WorkspaceError(f"{doing} {root}: {text}. What was loaded before still stands.") from error


@contextmanager
def lock(root: Path, wait: float) -> Iterator[None]:
    """Hold the workspace for writing; others wait.

    Args:
        root: The workspace's folder.
        wait: Seconds to wait for another run.

    Raises:
        WorkspaceError: another run still holds it, or the folder cannot be written.
    """
    from filelock import FileLock, Timeout

    with storage_errors(root, "Cannot write to the workspace"):
        root.mkdir(parents=True, exist_ok=True)
        held = FileLock(root / _LOCK)
        try:
            held.acquire(timeout=wait, poll_interval=0.05)
        except Timeout as error:
            raise WorkspaceError(
                f"Another run is writing to the workspace {root} and has not ended in {wait:g} s. "
                "Wait for it to end, then run this again; nothing was changed."
            ) from error
    try:
        yield
    finally:
        held.release()


def prepare(root: Path) -> tuple[WorkspaceConfig, PrivacyKey]:
    """Read the configuration and key of a workspace; make both where there is none. Hold the lock.

    Raises:
        WorkspaceError: the warehouse is an engine, which we do not write to, or the key is missing.
        ConfigurationError: the `metricstack.toml` has faults, or names no key.
    """
    path = root / FILE_NAME
    if not path.exists():
        with storage_errors(root, "Cannot make the workspace"):
            PrivacyKey.create(root / _KEY_FILE)
            name = "".join(sign for sign in root.name if sign.isprintable() and sign not in '"\\') or "workspace"
            with write_atomic(path) as stream:
                stream.write(_NEW.format(name=name).encode())
    config = read_config(path)
    if "://" in config.warehouse:
        raise WorkspaceError(
            f"The workspace {root} reads its tables from an engine; they are loaded there, not here. "
            'To load files, use a workspace whose `warehouse` is a folder, such as "data".'
        )
    return config, PrivacyKey.read(config.privacy_key, root)


def begin(warehouse: Warehouse) -> None:
    """Give a new warehouse its manifest before its first data file: without one, data files are damage. Hold the lock.

    Raises:
        OSError: it cannot be written.
    """
    if not (warehouse.root / MANIFEST).exists():
        warehouse.commit(())


def sweep(root: Path, warehouse: Warehouse) -> None:
    """Remove what a run that never ended left behind. Hold the lock.

    Only files named after a load that the manifest does not know are touched; without a manifest
    nothing says which those are, and no row is.
    """
    for folder, pattern in ((root, f".{FILE_NAME}.*"), (root, f".{_KEY_FILE}.*"), (warehouse.root, f".{MANIFEST}.*")):
        for path in folder.glob(pattern):
            path.unlink(missing_ok=True)
    if not (warehouse.root / MANIFEST).is_file():
        return
    listed = {file.path for file in warehouse.files}
    known = {load.digest[:16] for load in warehouse.loads}
    for path in warehouse.root.glob(f"*/{LOAD_PREFIX}*.parquet"):
        if path.relative_to(warehouse.root).as_posix() not in listed:
            path.unlink(missing_ok=True)
    for path in (root / "quarantine").glob("*.parquet"):
        digest = path.stem.rpartition("-")[2]
        if len(digest) == 16 and digest not in known:
            path.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Make the names of new files in a folder last through a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
