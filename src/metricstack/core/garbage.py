"""How often Python looks for garbage that holds itself."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["seldom_collected"]

_SELDOM = 200_000
"""Objects made before the youngest are looked through; Python's own choice, 700 to 2,000, is for small programs."""


@contextmanager
def seldom_collected() -> Iterator[None]:
    """Look for garbage seldom, while many queries are written.

    An expression of a query is tens of thousands of small objects that live until it has run. Python looks through
    them, and all modules that are loaded, over and over: a tenth of a map's time. What no one refers to is freed at
    once all the same; only what refers to itself waits.

    Example:
        >>> import gc
        >>> before = gc.get_threshold()
        >>> with seldom_collected():
        ...     during = gc.get_threshold()
        >>> during[0] >= 200_000, gc.get_threshold() == before
        (True, True)
    """
    before = gc.get_threshold()
    if before[0]:  # 0: whoever runs this collects by hand
        gc.set_threshold(max(before[0], _SELDOM), *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
