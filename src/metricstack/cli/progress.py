"""A progress bar on a terminal, and silence elsewhere."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["bar"]


@contextmanager
def bar(label: str) -> Iterator[Callable[..., None]]:
    """Show how far a long job is; yields a function of (done, total) and an optional label."""
    from tqdm import tqdm

    with tqdm(desc=label, unit="", leave=False, file=sys.stderr, disable=not sys.stderr.isatty()) as line:

        def progress(done: int, total: int, detail: str = "") -> None:
            line.total = total
            line.set_postfix_str(detail, refresh=False)
            line.update(done - line.n)

        yield progress
