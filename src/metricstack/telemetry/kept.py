"""What a workspace has read before: arrays on disk, found again by all that decides them.

Nothing here is data of its own. What is kept can be read again, so that a file that is gone, damaged or of other data
is passed over in silence, and a workspace that cannot be written keeps nothing. A name is a hash of the question, the
tables' files, the configuration, its own metrics, the engine and the code: what has changed is never found.
"""

import hashlib
import io
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from metricstack.telemetry.warehouse import code_digest, joint_digest, write_atomic

if TYPE_CHECKING:
    from metricstack.telemetry.workspace import Workspace

__all__ = ["FOLDER", "Arrays", "kept"]

Arrays = Mapping[str, NDArray[Any]]

FOLDER = "cache"
"""The folder of a workspace that holds them; deleting it loses nothing but time."""
_SAYS = {
    "CACHEDIR.TAG": "Signature: 8a477f597d28d172789f06886806bc55\n# Kept by metricstack; may be deleted.\n",
    ".gitignore": "*\n",
}
"""What tells backups and git to pass the folder over."""
_MOST = 64
"""Files that are kept; the oldest go first."""
_PROOF = hashlib.sha256().digest_size
"""Bytes at the end of a file that prove the others."""


def kept(ws: "Workspace", question: object, read: Callable[[], Arrays]) -> Arrays:
    """Return what was read before of the same data, else read it and keep it.

    Tables of a database are read each time: their rows may change in place.

    Args:
        ws: The workspace.
        question: All that decides the answer besides data, configuration, metrics and code; its ``repr`` must say it.
        read: Reads it: names to arrays of numbers, flags or text, of any shape.

    Source:
        Cache Directory Tagging Specification 0.6, https://bford.info/cachedir, for the tag that backups look for.
    """
    if ws.is_remote:
        return read()
    folder = ws.root / FOLDER
    path = folder / f"{_stamp(ws, question)}.npz"
    found = _load(path)
    if found is None:
        found = read()
        _store(path, found)
    return found


def _stamp(ws: "Workspace", question: object) -> str:
    engine = ws.connection
    parts = [
        code_digest(), joint_digest((ws.root / "metrics").glob("*.toml")), ws.config,
        np.__version__, engine.name, engine.version, ws.is_reproducible,
        [(name, ws.fingerprint(name)) for name in ws.tables], question,
    ]  # fmt: skip
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:32]


def _load(path: Path) -> Arrays | None:
    try:
        whole = path.read_bytes()
    except OSError:
        return None
    content, digest = whole[:-_PROOF], whole[-_PROOF:]
    if _proof(path, content) != digest:  # an archive may be damaged and still be read, in part; or be of another name
        return None
    with np.load(io.BytesIO(content), allow_pickle=False) as found:
        arrays = {name: found[name] for name in found.files}
    with suppress(OSError):  # of a read-only folder
        path.touch()  # the oldest are those that nothing asked for
    return arrays


def _proof(path: Path, content: bytes) -> bytes:
    return hashlib.sha256(path.stem.encode() + content).digest()


def _store(path: Path, arrays: Arrays) -> None:
    try:
        path.parent.mkdir(exist_ok=True)
        for name, text in _SAYS.items():
            if not (path.parent / name).exists():
                (path.parent / name).write_text(text, encoding="utf-8")
        archive = io.BytesIO()
        np.savez_compressed(archive, allow_pickle=False, **arrays)
        content = archive.getvalue()
        with write_atomic(path) as stream:
            stream.write(content + _proof(path, content))
        there = sorted(path.parent.glob("*.npz"), key=lambda one: one.stat().st_mtime)
        for one in there[:-_MOST]:
            one.unlink(missing_ok=True)
    except OSError:  # read-only or full: it is read again the next time
        return
