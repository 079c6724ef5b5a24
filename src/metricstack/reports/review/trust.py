"""Can these numbers be believed, and where do they come from."""

from collections.abc import Sequence

from metricstack.core.units import write
from metricstack.core.values import Estimate
from metricstack.metrics import catalogue
from metricstack.narrative.caveats import say_missing, say_refusals
from metricstack.narrative.words import count, listed
from metricstack.reports.components import note, provenance, table
from metricstack.reports.html import Html, element, fragment
from metricstack.reports.review.board import Board
from metricstack.reports.review.plan import SECTIONS
from metricstack.reports.review.sections import cut_rows, measured_section
from metricstack.telemetry import TABLES, Workspace
from metricstack.telemetry.completeness import TableCompleteness

__all__ = ["origin_section", "trust_section"]


def trust_section(board: Board, freshness: Board, tables: Sequence[TableCompleteness], present: Sequence[str]) -> Html:
    """Write what is stale, missing, sampled, late, delivered twice or refused."""
    layer = SECTIONS["data"]
    rows = [*cut_rows(freshness, "data_freshness"), *board.moved(layer.metrics)]
    missing = [name for name in TABLES if name not in present]
    return fragment(
        [
            measured_section(board, layer, rows),
            *(note(words) for words in (say_missing(missing), say_refusals(board.now.findings)) if words),
            _dirty(tables),
        ]
    )


def _dirty(tables: Sequence[TableCompleteness]) -> Html | None:
    filled = [entry for entry in tables if entry.rows or entry.duplicates]
    told = [entry for entry in filled if _has_fault(entry)]
    clean = [entry.table.replace("_", " ") for entry in filled if not _has_fault(entry)]
    quiet = f"Nothing to report of {listed(clean)}." if clean else ""
    if not told:
        return note(quiet) if quiet else None
    heads = (
        "Table",
        "Rows",
        "Sampled",
        "Sampling unknown",
        "Late",
        "Delivered twice",
        "Most often unknown",
        "Lost links",
    )
    rows = (
        (
            entry.table.replace("_", " "),
            count(entry.rows),
            _share(entry.sampled),
            _share(entry.unknown_sampling),
            _share(entry.late),
            count(entry.duplicates) if entry.duplicates else "none",
            _worst(entry.nulls),
            _worst(entry.dangling),
        )
        for entry in told
    )
    twice = "Rows delivered twice are left out of every number; sampled rows stand for those that were not kept."
    words = f"{quiet} {twice}".lstrip()
    return fragment([table(heads, rows, caption="What the rows of the quarter say of themselves"), note(words)])


def _has_fault(entry: TableCompleteness) -> bool:
    shares = [entry.late, entry.sampled, entry.unknown_sampling, *dict(entry.nulls).values()]
    return bool(entry.duplicates) or any(shares) or any(dict(entry.dangling).values())


def _share(part: float) -> str:
    return write(part, "fraction") if part else "none"


def _worst(shares: Sequence[tuple[str, float]]) -> str:
    worst = sorted((pair for pair in shares if pair[1] > 0), key=lambda pair: -pair[1])[:2]
    return ", ".join(f"{name.replace('_', ' ')} {write(part, 'fraction')}" for name, part in worst) or "none"


def origin_section(board: Board, workspace: Workspace) -> Html:
    """Write how every metric of the page is defined, and which data and code made it."""
    answered = {finding.subject for finding in board.now.findings if isinstance(finding.answer, Estimate)}
    known = catalogue(workspace)
    hashes = {finding.subject: finding.provenance.definition for finding in board.now.findings}
    rows = (
        (
            definition.title,
            definition.about,
            element("code", definition.formula),
            known.owner(name),
            element("code", hashes[name][:12]),
        )
        for name, definition in board.now.definitions.items()
        if name in answered
    )
    prints = dict(pair for finding in board.now.findings for pair in finding.provenance.tables)
    data = {name.replace("_", " "): element("code", mark) for name, mark in sorted(prints.items()) if mark}
    return fragment(
        [
            table(("Metric", "Meaning", "Formula", "Owner", "Definition"), rows, caption="Definitions"),
            element("h3", "Data"),
            note("A fingerprint changes whenever a row of its table does."),
            provenance(data),
        ]
    )
