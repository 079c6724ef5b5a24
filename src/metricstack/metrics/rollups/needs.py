"""What is rolled up: the tables and dimensions that are declared, and the sums that the catalogue asks of them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from metricstack.core.errors import ConfigurationError, Fault, InvalidInput, UnknownName
from metricstack.core.toml import line_of, read_toml
from metricstack.metrics.definitions import Catalogue
from metricstack.metrics.job import Job, Request
from metricstack.metrics.language.formula import Name, walk
from metricstack.metrics.model import Population
from metricstack.metrics.query.joins import dimensions, path_to
from metricstack.metrics.query.rows import Frame, eligible, measures_used, row_value
from metricstack.metrics.query.states import Quantity, Role, State, quantity_of, states_of
from metricstack.telemetry.config import FILE_NAME
from metricstack.telemetry.tables import table

if TYPE_CHECKING:
    from metricstack.telemetry.workspace import Workspace

__all__ = ["Needs", "declared", "needs_of"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def declared(ws: "Workspace") -> dict[str, tuple[str, ...]]:
    """Return the tables to roll up, each with its dimensions: as ``[rollups]`` says, else every fact table by use case.

    Raises:
        ConfigurationError: ``[rollups]`` names what a table cannot be rolled up by; all faults, with their lines.
    """
    if not ws.config.rollups:
        facts = (name for name in ws.tables if not table(name).state_of)
        return {name: tuple(c for c in ("use_case",) if c in ws.columns(name)) for name in facts}
    path = ws.root / FILE_NAME
    faults: list[Fault] = []
    for name, by in ws.config.rollups.items():
        place = f"{path.name}:{line_of(read_toml(path)[1], 'rollups', name, 'by')}"
        faults += [Fault(f"{place}: {message}") for message in _faults(name, by)]
    if faults:
        raise ConfigurationError(str(path), faults)
    return {name: by for name, by in ws.config.rollups.items() if ws.has(name)}


def _faults(name: str, by: Iterable[str]) -> Iterator[str]:
    if table(name).state_of:
        yield f"table {name!r} is a register: its state at a moment is no sum of days, so that it cannot be rolled up."
        return
    own = [column for column in dimensions(name) if column in table(name)]
    for column in by:
        try:
            way = path_to(name, column, f"roll-up of {name}")
        except (InvalidInput, UnknownName) as error:
            yield str(error)
            continue
        if way.through:
            yield (
                f"{column!r} stands in table {way.table!r}, which changes without {name!r}. "
                f"A roll-up is kept by own columns: {', '.join(own)}."
            )


@dataclass(eq=False)
class Needs:
    """What the catalogue asks of one table that sums of days can serve; dictionaries for their order."""

    states: dict[State, None] = field(default_factory=dict)
    spreads: dict[Quantity, None] = field(default_factory=dict)
    quantiles: dict[Quantity, None] = field(default_factory=dict)


def needs_of(known: Catalogue, ws: "Workspace") -> dict[str, Needs]:
    """Return states, quantities of totals with a sampling variance, and quantities of quantiles, by table."""
    found: dict[str, Needs] = {}
    request = Request(ws, known, ws.quarter("2000Q1"), (), (), {}, None, 0.95)
    frame = Frame(ws, known.given, ())
    usable: dict[Quantity, bool] = {}

    def fits(quantity: Quantity) -> bool:
        if quantity not in usable:
            usable[quantity] = _adds_up(quantity, frame)
        return usable[quantity]

    for metric in known.ids:
        job = Job.of(request, metric)
        if job.definition.to_date or job.definition.window is not None or job.special or job.per:
            continue
        if job.quantile is not None:
            name, call, _ = job.quantile
            quantity = quantity_of(call, name)
            if call.function not in ("min", "max") and fits(quantity):
                found.setdefault(name, Needs()).quantiles[quantity] = None
            continue
        for state in states_of(job.tree, job.definition.table):
            if state.role is not Role.DISTINCT and fits(state.quantity):
                needs = found.setdefault(state.quantity.table, Needs())
                needs.states[state] = None
                if job.population is Population.WINDOW and state.role is Role.TOTAL:
                    needs.spreads[state.quantity] = None
    return found


def _adds_up(quantity: Quantity, frame: Frame) -> bool:
    """True where a row's value follows from the row alone, whenever it is asked and whatever is beside it."""
    import ibis
    from ibis.expr.operations import WindowFunction

    if quantity.per or any(measure.joins or measure.across for measure in measures_used(quantity)):
        return False
    parts = [] if quantity.node is None else [node.name for node in walk(quantity.node) if isinstance(node, Name)]
    if any("." in part for part in parts):
        return False
    contract = table(quantity.table)
    rows = ibis.table({column.name: column.kind.value for column in contract.columns}, name=contract.name)
    moments = (None, _EPOCH, _EPOCH + timedelta(days=1))
    asked = [
        (row_value(rows, quantity, given), eligible(rows, quantity, given))
        for given in (replace(frame.given, until=until) for until in moments)
    ]
    for versions in zip(*asked, strict=True):
        first = versions[0]
        for other in versions:
            if (first is None) != (other is None) or (first is not None and not first.equals(other)):
                return False
        if first is not None and first.op().find(WindowFunction):
            return False
    return True
