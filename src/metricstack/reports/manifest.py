"""What made a report: parameters, data, definitions, code, packages, times."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import cache
from hashlib import sha256
from importlib import metadata
from pathlib import Path
from platform import python_version
from typing import Any

from metricstack import __version__

__all__ = ["describe", "git_commit"]

_PACKAGES = (
    "altair", "duckdb", "ibis-framework", "ipykernel", "nbclient", "nbconvert", "numpy", "pandas", "papermill",
    "pyarrow", "scipy", "sqlglot", "statsmodels", "vl-convert-python",
)  # fmt: skip


def describe(
    *,
    report: str,
    run: str,
    parameters: Mapping[str, Any],
    findings: Iterable[Mapping[str, Any]],
    notebook: bytes,
    cells: int,
    started: datetime,
    finished: datetime,
) -> dict[str, Any]:
    """Write down where a report came from, as plain JSON values.

    Args:
        report: The slug.
        run: The name of the run.
        parameters: Every parameter with the value that it had.
        findings: What the report found; their provenance names the data and the definitions.
        notebook: The bytes of the source notebook.
        cells: How many code cells ran.
        started: When the run began.
        finished: When it ended.
    """
    findings = list(findings)
    return {
        "report": report,
        "run": run,
        "parameters": dict(parameters),
        "notebook": {"sha256": sha256(notebook).hexdigest(), "code_cells": cells},
        "findings": {
            "answered": sum(finding["answer"]["kind"] == "estimate" for finding in findings),
            "refused": sum(finding["answer"]["kind"] == "refusal" for finding in findings),
        },
        "data": _data(findings),
        "definitions": _definitions(findings),
        "code": {"metricstack": __version__, "commit": git_commit(), "python": python_version()},
        "packages": _packages(),
        "started": started.isoformat(timespec="seconds"),
        "finished": finished.isoformat(timespec="seconds"),
        "seconds": round((finished - started).total_seconds(), 1),
    }


def _data(findings: list[Mapping[str, Any]]) -> dict[str, list[str]]:
    """Gather table → fingerprints of its data; more than one only if a load ended while the report ran."""
    prints: dict[str, set[str]] = {}
    for finding in findings:
        for table, mark in finding["provenance"]["tables"].items():
            prints.setdefault(table, set()).add(mark)
    return {table: sorted(marks) for table, marks in sorted(prints.items())}


def _definitions(findings: list[Mapping[str, Any]]) -> dict[str, list[str]]:
    hashes: dict[str, set[str]] = {}
    for finding in findings:
        if finding["provenance"]["definition"]:
            hashes.setdefault(finding["subject"], set()).add(finding["provenance"]["definition"])
    return {subject: sorted(marks) for subject, marks in sorted(hashes.items())}


@cache
def _packages() -> dict[str, str]:
    versions = {}
    for name in _PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return versions


def git_commit(checkout: Path | None = None) -> str | None:
    """Return the commit that the code was checked out at, None outside a checkout; read, without running git.

    Args:
        checkout: The top folder of the checkout; by default the one that this file is in, as ``src/metricstack``.
    """
    root = checkout or Path(__file__).resolve().parents[3]
    git = root / ".git"
    if checkout is None and not (root / "src" / "metricstack").is_dir():
        return None
    try:
        if git.is_file():  # a linked worktree: "gitdir: PATH"
            git = (root / git.read_text().removeprefix("gitdir:").strip()).resolve()
        head = (git / "HEAD").read_text().strip()
        if not head.startswith("ref:"):
            return head
        name = head.removeprefix("ref:").strip()
        common = git / "commondir"
        shared = (git / common.read_text().strip()).resolve() if common.is_file() else git
        for place in (git / name, shared / name):
            if place.is_file():
                return place.read_text().strip()
        packed = (shared / "packed-refs").read_text().splitlines()
        return next((line.split()[0] for line in packed if line.endswith(f" {name}")), None)
    except (OSError, UnicodeDecodeError, IndexError):
        return None
