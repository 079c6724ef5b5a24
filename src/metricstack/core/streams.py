"""Random numbers by name, and the hash split that assigns units to arms.

A stream is a pure function of its seed and names: adding a new stream never moves the numbers of another.
"""

import hashlib

import numpy as np

__all__ = ["hash_fraction", "stream"]


def stream(seed: int, *names: str | int) -> np.random.Generator:
    """Return the random stream of this seed and these names, the same on every machine.

    Example:
        >>> bool(stream(1, "users").random() == stream(1, "users").random())
        True
        >>> bool(stream(1, "users").random() == stream(1, "sessions").random())
        False
    """
    text = "\x1f".join(str(part) for part in (seed, *names))
    digest = hashlib.blake2b(text.encode(), digest_size=16).digest()
    return np.random.Generator(np.random.PCG64DXSM(int.from_bytes(digest, "big")))


def hash_fraction(unit: str, salt: str) -> float:
    """Map a unit to a fixed fraction in [0, 1), independent between salts.

    The first 53 bits of a BLAKE2b digest, so every double in steps of 2**-53 is equally likely.

    Example:
        >>> 0.0 <= hash_fraction("user-1", "retry-policy") < 1.0
        True
    """
    digest = hashlib.blake2b(f"{salt}\x1f{unit}".encode(), digest_size=8).digest()
    return (int.from_bytes(digest, "big") >> 11) * 2.0**-53
