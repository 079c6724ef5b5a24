"""How findings leave a notebook: as one output that carries them, which the export collects."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from metricstack.core.errors import InvalidInput
from metricstack.core.values import Finding

__all__ = ["FINDINGS", "Emitted", "collect", "emit"]

FINDINGS = "application/vnd.metricstack.findings+json"


class Emitted:
    """The findings that a notebook hands to its report; one line in the lab, unseen in the report.

    Args:
        findings: What is handed over, in the order of the report.
    """

    def __init__(self, findings: Iterable[Finding]) -> None:
        self.findings = tuple(findings)

    def __repr__(self) -> str:
        refused = sum(finding.answer.to_dict()["kind"] == "refusal" for finding in self.findings)
        n = len(self.findings)
        return f"{n:,} {'finding' if n == 1 else 'findings'}, {refused:,} of them refused"

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        return {FINDINGS: [finding.to_dict() for finding in self.findings], "text/plain": repr(self)}


def emit(*values: Any) -> None:
    """Hand every finding of these values to the report that this notebook makes.

    A notebook without an `emit` makes no report: its numbers could not be compared with the next quarter's.

    Args:
        values: Findings, anything with ``.findings`` (a panel, a review), or iterables of these.

    Raises:
        InvalidInput: a value that holds no findings.
    """
    from IPython.display import display

    display(Emitted(finding for value in values for finding in _findings(value)))  # type: ignore[no-untyped-call]


def _findings(value: Any) -> Iterator[Finding]:
    if isinstance(value, Finding):
        yield value
    elif isinstance(found := getattr(value, "findings", None), Iterable):
        yield from _all(found, value)
    elif isinstance(value, Iterable) and not isinstance(value, str | bytes | Mapping):
        for part in value:
            yield from _findings(part)
    else:
        raise InvalidInput(f"A {type(value).__name__} holds no findings. Emit a Finding, or a result with .findings.")


def _all(found: Iterable[Any], owner: Any) -> Iterator[Finding]:
    for finding in found:
        if not isinstance(finding, Finding):
            raise InvalidInput(f"{type(owner).__name__}.findings holds a {type(finding).__name__}, not a Finding.")
        yield finding


def collect(notebook: Any) -> list[dict[str, Any]]:
    """Gather the findings of an executed notebook, each once, in the order in which they were emitted.

    Args:
        notebook: An executed ``nbformat`` notebook.

    Returns:
        Plain JSON objects, as `Finding.to_dict` writes them.
    """
    seen: dict[str, dict[str, Any]] = {}
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            for finding in output.get("data", {}).get(FINDINGS, ()):
                plain = json.loads(json.dumps(finding, sort_keys=True))
                seen.setdefault(json.dumps(plain, sort_keys=True), plain)
    return list(seen.values())
