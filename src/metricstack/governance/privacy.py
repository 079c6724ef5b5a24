"""Keyed hashing of personal identifiers, and the smallest group that may be shown.

A plain hash of a user's id is undone by hashing every likely id. A keyed one is not, without the
key; and because the key stays the same, one person has one hash in every table and every load.
"""

import hashlib
import os
import secrets
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from metricstack.core.errors import ConfigurationError, InvalidInput, WorkspaceError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["SHORTEST_KEY", "SMALLEST_GROUP", "PrivacyKey"]

SMALLEST_GROUP = 5
"""A group of fewer people than this is withheld."""

SHORTEST_KEY = 16
"""Fewest bytes that a key may have: 128 bits, beyond guessing when they are random."""

_DIGEST_BYTES = 16


class PrivacyKey:
    """The secret with which identifiers are hashed; it never shows itself.

    Args:
        secret: At least `SHORTEST_KEY` bytes, random and kept out of version control.

    Raises:
        InvalidInput: the secret is too short.

    Example:
        >>> key = PrivacyKey(b"an example, never a real key")
        >>> len(key.hash("ada@example.org")), key.hash("ada@example.org") == key.hash("ada@example.org")
        (32, True)
        >>> key
        PrivacyKey(…)
    """

    __slots__ = ("_keyed",)

    def __init__(self, secret: bytes) -> None:
        if len(secret) < SHORTEST_KEY:
            raise InvalidInput(
                f"The privacy key has {len(secret)} bytes; at least {SHORTEST_KEY} are needed. "
                "Make one with `python -c 'import secrets; print(secrets.token_hex(32))'`."
            )
        # BLAKE2b takes keys up to 64 bytes; a longer secret is condensed first.
        condensed = hashlib.blake2b(secret).digest()
        self._keyed = hashlib.blake2b(key=condensed, digest_size=_DIGEST_BYTES)

    def __repr__(self) -> str:
        return "PrivacyKey(…)"

    def __reduce__(self) -> str:
        raise TypeError("A privacy key is not to be written down: read it again where it is needed.")

    @classmethod
    def read(cls, reference: Mapping[str, str], root: Path) -> "PrivacyKey":
        """Read the key that a `metricstack.toml` refers to.

        Args:
            reference: ``{"env": NAME}`` or ``{"file": PATH}``; a relative path starts at ``root``.
            root: The workspace's folder.

        Raises:
            ConfigurationError: there is no reference.
            WorkspaceError: the variable or file is not there, cannot be read, or is empty.
            InvalidInput: the key is too short.
        """
        if name := reference.get("env"):
            text = os.environ.get(name, "").strip()
            if not text:
                raise WorkspaceError(
                    f"The environment variable {name!r}, which holds the privacy key, is not set. Set it to the key "
                    "with which this workspace was filled: another key gives the same people other hashes."
                )
            return cls(text.encode())
        if file := reference.get("file"):
            path = root / file
            try:
                text = path.read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError) as error:
                reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
                raise WorkspaceError(
                    f"The privacy key's file {path} cannot be read: {reason}. Put back the key with which this "
                    "workspace was filled: another key gives the same people other hashes."
                ) from error
            if not text:
                raise WorkspaceError(f"The privacy key's file {path} is empty. Put back the key that it held.")
            return cls(text.encode())
        raise ConfigurationError(
            str(root / "metricstack.toml"),
            ['[workspace] names no privacy key. Add `privacy_key = { file = "privacy.key" }` or `{ env = "NAME" }`.'],
        )

    @classmethod
    def create(cls, path: Path) -> "PrivacyKey":
        """Write a new random key that only its owner can read, and return it.

        A key that is there already is kept and read: replacing it would break every hash made with it.
        Hold the workspace's lock meanwhile.

        Raises:
            OSError: the file cannot be written.
        """
        if not path.exists():
            handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # 0600 from the start
            try:
                with os.fdopen(handle, "wb") as stream:
                    stream.write(secrets.token_hex(32).encode() + b"\n")
                    stream.flush()
                    os.fsync(stream.fileno())
                Path(temporary).replace(path)
            except BaseException:
                Path(temporary).unlink(missing_ok=True)
                raise
        return cls.read({"file": path.name}, path.parent)

    def hash(self, identifier: str) -> str:
        """Return the keyed hash of one identifier: 32 hexadecimal digits, BLAKE2b with the key.

        Any text has one, also half of a surrogate pair, which strict UTF-8 cannot write.
        """
        keyed = self._keyed.copy()
        keyed.update(identifier.encode("utf-8", "surrogatepass"))
        return keyed.hexdigest()

    def hash_array(self, identifiers: "pa.Array | pa.ChunkedArray") -> "pa.Array | pa.ChunkedArray":
        """Hash a column of identifiers, each distinct one once; null stays null.

        Args:
            identifiers: Texts, as an Arrow array or chunked array.

        Returns:
            Texts of 32 hexadecimal digits, in the same order and of the same length.
        """
        import pyarrow as pa

        if isinstance(identifiers, pa.ChunkedArray):
            chunks = [self.hash_array(chunk) for chunk in identifiers.chunks]
            return pa.chunked_array(chunks, type=pa.string())
        encoded = identifiers.dictionary_encode()
        hashed = pa.array([self.hash(value) for value in encoded.dictionary.to_pylist()], pa.string())
        return hashed.take(encoded.indices)
