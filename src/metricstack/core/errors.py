"""The tree of errors: what must change before the question can be answered.

    MetricstackError
    ├── UnknownName        a name that is not in the list; carries the nearest one
    ├── InvalidInput       a value, file or table that breaks its contract
    │   └── UnreadableFile a file that cannot be read, with the place in it
    ├── ConfigurationError a `metricstack.toml` or catalogue that is wrong; all faults at once
    ├── WorkspaceError     a workspace that cannot be opened or written
    └── ReportError        a report that did not finish; the last good one still stands

Right inputs that cannot answer are no error: they are a `Refusal`.
"""

from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path

__all__ = [
    "ConfigurationError",
    "Fault",
    "InvalidInput",
    "MetricstackError",
    "ReportError",
    "UnknownName",
    "UnreadableFile",
    "WorkspaceError",
    "nearest",
]


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Find the known name that the writer most likely meant, or None.

    Example:
        >>> nearest("latency_p59", ["latency_p95", "error_rate"])
        'latency_p95'
        >>> nearest("wibble", ["latency_p95", "error_rate"]) is None
        True
    """
    by_fold = {candidate.casefold(): candidate for candidate in known}
    folded = name.casefold()
    near = get_close_matches(folded, by_fold, n=5, cutoff=0.6)
    # Of words equally far, the one with the same letters: a swap is the commoner slip.
    near.sort(key=lambda other: (_edits(folded, other), sorted(folded) != sorted(other)))
    return by_fold[near[0]] if near else None


def _edits(left: str, right: str) -> int:
    """Count the edits between two words, a swap of neighbours being one: the slips that fingers make."""
    rows = [list(range(len(right) + 1))]
    for i, a in enumerate(left, start=1):
        row = [i]
        for j, b in enumerate(right, start=1):
            best = min(rows[-1][j] + 1, row[-1] + 1, rows[-1][j - 1] + (a != b))
            if i > 1 and j > 1 and (a, left[i - 2]) == (right[j - 2], b):
                best = min(best, rows[-2][j - 2] + 1)
            row.append(best)
        rows.append(row)
    return rows[-1][-1]


class MetricstackError(Exception):
    """Anything wrong that the caller can put right; its text says how."""


class UnknownName(MetricstackError):
    """A name that is not in a closed list.

    Args:
        kind: What was named, in lower case: ``"metric"``, ``"table"``.
        name: The name as given.
        known: Every allowed name.
        remedy: What to do where no near match helps.

    Example:
        >>> print(UnknownName("metric", "latency_p59", ["latency_p95"], remedy="See `metricstack metrics list`."))
        Unknown metric 'latency_p59'. Did you mean 'latency_p95'? See `metricstack metrics list`.
    """

    def __init__(self, kind: str, name: object, known: Iterable[str], *, remedy: str = "") -> None:
        name, known = str(name), sorted(known)
        guess = nearest(name, known)
        if guess is not None:
            hint = f" Did you mean {guess!r}?"
        elif len(known) <= 12:
            hint = f" Known: {', '.join(known) or 'none'}."
        else:
            hint = ""
        super().__init__(f"Unknown {kind} {name!r}.{hint}{' ' if remedy else ''}{remedy}")
        self.kind, self.name, self.guess = kind, name, guess


class InvalidInput(MetricstackError):
    """A value, file or table that breaks its contract."""


class UnreadableFile(InvalidInput):
    """A file that cannot be read, named with the place where reading stopped.

    Example:
        >>> print(UnreadableFile(Path("runs.csv"), "a quote is never closed", line=7, column=12))
        runs.csv:7:12: a quote is never closed
    """

    def __init__(self, path: Path | str, detail: str, *, line: int | None = None, column: int | None = None) -> None:
        place = "".join(f":{part}" for part in (line, column) if part is not None)
        super().__init__(f"{path}{place}: {detail}")
        self.path, self.line, self.column = Path(path), line, column


class Fault(str):
    """One fault of a configuration file, as ``file:line: what is wrong``."""

    __slots__ = ()


class ConfigurationError(MetricstackError):
    """A configuration that is wrong, with every fault that it has, not only the first.

    Example:
        >>> print(ConfigurationError("metricstack.toml", [Fault("metricstack.toml:3: no such zone 'Mars'")]))
        metricstack.toml has 1 fault:
          metricstack.toml:3: no such zone 'Mars'
    """

    def __init__(self, what: str, faults: Iterable[str]) -> None:
        self.faults = tuple(faults)
        plural = "fault" if len(self.faults) == 1 else "faults"
        super().__init__("\n  ".join([f"{what} has {len(self.faults)} {plural}:", *self.faults]))


class WorkspaceError(MetricstackError):
    """A workspace that cannot be opened or written; nothing in it was changed."""


class ReportError(MetricstackError):
    """A report that did not finish; what was published before still stands."""
