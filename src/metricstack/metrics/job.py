"""One metric to evaluate, resolved: which definition answers, over what, from which tables."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from metricstack.core.errors import InvalidInput
from metricstack.core.windows import Window
from metricstack.metrics.definitions import Catalogue
from metricstack.metrics.language.formula import Call, Name, Node, walk
from metricstack.metrics.language.resolve import degree, inline, per_of, quantile_of, special_of, tables_of
from metricstack.metrics.model import Definition, Population
from metricstack.metrics.query.joins import path_to
from metricstack.telemetry.tables import table

if TYPE_CHECKING:
    from metricstack.telemetry.workspace import Workspace

__all__ = ["Job", "Request"]


@dataclass(frozen=True)
class Request:
    """What was asked, resolved."""

    ws: "Workspace"
    catalogue: Catalogue
    window: Window
    periods: tuple[Window, ...]
    by: tuple[str, ...]
    where: Mapping[str, str]
    grain: str | None
    level: float

    def siblings(self) -> Iterator[tuple[Definition, str]]:
        """Every definition with each table that it reads."""
        for other in self.catalogue:
            yield from ((other, name) for name in tables_of(other, self.catalogue.definitions))


@dataclass(frozen=True)
class Job:
    """One metric to evaluate: the definition that answers, and what it needs.

    Args:
        name: The metric asked for.
        definition: The one that answers: itself, or its sibling for a dimension (``Definition.by``).
        tree: Its formula, with every metric's own tree in place of its name.
        tables: The tables whose rows it aggregates.
        over: Dimensions over which it adds (``total``) that were not asked by.
        population: What its interval is about.
        quantile: Table, call and scale where it is one quantile, minimum or maximum.
        special: Table, call and scale where it is one function of `formula.SPECIAL`.
        per: Columns within whose values its rows are added first, empty where they are taken as they are.
    """

    name: str
    definition: Definition
    tree: Node
    tables: tuple[str, ...]
    over: tuple[str, ...]
    population: Population
    quantile: tuple[str, Call, float] | None
    special: tuple[str, Call, float] | None = None
    per: tuple[str, ...] = ()

    @classmethod
    def of(cls, request: Request, name: str) -> "Job":
        """Resolve a metric, and refuse dimensions that it cannot be asked by.

        Raises:
            InvalidInput: a dimension names a person, would multiply rows, or would repeat assumed inputs.
            UnknownName: no table within reach has a dimension.
        """
        others = request.catalogue.definitions
        definition = others[name]
        asked = (*request.by, *request.where)
        for column, sibling in definition.by:
            if column in asked:
                definition = others[sibling]
        tree = inline(definition, others)
        tables = tables_of(definition, others)
        nodes = list(walk(tree))
        if any(isinstance(node, Call) and node.function == "assumed" for node in nodes):
            _check_assumed(name, asked)
        for table_name in tables:
            for column in asked:
                path_to(table_name, column, name, request.siblings())
        over = tuple(
            dict.fromkeys(
                node.arguments[0].name
                for node in nodes
                if isinstance(node, Call) and node.function == "total" and isinstance(node.arguments[0], Name)
            )
        )
        return cls(
            name, definition, tree, tables, tuple(column for column in over if column not in request.by),
            _population(definition, tree, tables), quantile_of(definition, others), special_of(definition, others),
            per_of(definition, others),
        )  # fmt: skip


def _check_assumed(name: str, asked: Iterable[str]) -> None:
    for column in asked:
        if column != "use_case":
            raise InvalidInput(
                f"Metric {name!r} cannot be asked by {column!r}: its inputs are stated per use case, and giving each "
                f"{column} the whole of them would count them several times. Ask by 'use_case', or without."
            )


def _population(definition: Definition, tree: Node, tables: Sequence[str]) -> Population:
    if definition.population is not None:
        return definition.population
    registers = bool(tables) and all(table(name).state_of for name in tables)
    return Population.WINDOW if registers or degree(tree) >= 1 else Population.PROCESS
