"""Names that declarations use and nobody knows: metrics, dimensions of units, and arms, each with the nearest."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from metricstack.core.errors import Fault, MetricstackError, UnknownName, nearest
from metricstack.core.toml import line_of
from metricstack.core.values import Refusal
from metricstack.experiments.declaration import Declaration
from metricstack.experiments.registry import FOLDER

if TYPE_CHECKING:
    from metricstack.metrics.definitions import Catalogue
    from metricstack.telemetry.workspace import Workspace

__all__ = ["unknown_names"]

_TABLE = "experiments"


def unknown_names(ws: "Workspace", found: Mapping[str, Declaration]) -> dict[str, tuple[str, ...]]:
    """Find the names that nobody knows.

    A metric must be in the workspace's catalogue, a segment a dimension of what can be read by the unit, and an arm
    one that units were assigned to, as soon as some were assigned to another that was not declared.

    Args:
        ws: The workspace.
        found: Key → declaration.

    Returns:
        Key → what is wrong, each with its file and line or the table's row; only of those where something is.
    """
    if not found:
        return {}
    from metricstack.metrics.definitions import catalogue

    try:
        known = catalogue(ws)
    except MetricstackError as error:
        text = Fault(f"No metric of an experiment can be checked: {' '.join(str(error).split())}")
        return dict.fromkeys(found, (text,))
    assigned = _assigned(ws, found)
    told = {
        key: tuple(
            Fault(f"{_place(ws, one, field, name)}: {text}")
            for field, name, text in [*_metrics(one, known), *_segments(one, known), *_arms(one, assigned)]
        )
        for key, one in found.items()
    }
    return {key: faults for key, faults in told.items() if faults}


def _metrics(one: Declaration, known: "Catalogue") -> Iterator[tuple[str, str, str]]:
    named = {
        "primary": (one.primary,), "guardrails": tuple(guard.metric for guard in one.guardrails),
        "secondary": one.secondary, "covariates": one.covariates,
    }  # fmt: skip
    for field, names in named.items():
        for name in names:
            try:
                known.get(name)
            except UnknownName as error:
                yield field, name, f"{field}: {error}"


def _segments(one: Declaration, known: "Catalogue") -> Iterator[tuple[str, str, str]]:
    """A dimension is looked up where an experiment's metrics are, and in requests and sessions."""
    from metricstack.metrics.query.joins import dimensions, unit_path

    if not one.segments:
        return
    tables = [table for name in one.metrics if name in known for table in known.tables(name)]
    nearby = [table for table in dict.fromkeys([*tables, "requests", "sessions"]) if unit_path(table, one.unit)]
    allowed = {label for table in nearby for label in dimensions(table)}
    for name in one.segments:
        if name not in allowed:
            yield "segments", name, f"segments: {UnknownName('dimension of units', name, allowed)}"


def _arms(one: Declaration, assigned: Mapping[str, set[str]]) -> Iterator[tuple[str, str, str]]:
    """An arm without units may yet come; beside units of an arm that was not declared it was misspelt."""
    others = assigned.get(one.key, set()) - set(one.arms)
    for arm in one.arms if others else ():
        if arm not in assigned[one.key]:
            guess = nearest(arm, others)
            hint = f"Did you mean {guess!r}?" if guess else f"Not declared, and assigned: {', '.join(sorted(others))}."
            yield "arms", arm, f"arms: no unit was assigned to {arm!r}. {hint}"


def _assigned(ws: "Workspace", found: Mapping[str, Declaration]) -> dict[str, set[str]]:
    """The arms that units were assigned to, by experiment; none where the table cannot be read, as its check says."""
    try:
        rows = ws.table("assignments", columns=["experiment", "variant", "env"])
    except MetricstackError:
        return {}
    if isinstance(rows, Refusal):
        return {}
    here = rows.env.isnull() | (rows.env == ws.config.environment)
    rows = rows.filter(here, rows.variant.notnull(), rows.experiment.isin(list(found)))
    told: dict[str, set[str]] = {}
    for row in rows.select("experiment", "variant").distinct().to_pyarrow().to_pylist():
        told.setdefault(row["experiment"], set()).add(row["variant"])
    return told


def _place(ws: "Workspace", one: Declaration, field: str, name: str) -> str:
    """Where a field stands: file and line, with a guardrail's own; or the table's row."""
    file, _, line = one.origin.rpartition(":")
    if not line.isdigit():
        return f"table {_TABLE!r}, {one.key!r}"
    text = (ws.root / FOLDER / file).read_text(encoding="utf-8")
    return f"{file}:{line_of(text, _TABLE, one.key, field, name)}: experiment {one.key!r}"
