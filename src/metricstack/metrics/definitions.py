"""The catalogue: every definition that a workspace has, found by id or alias."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from metricstack.core.errors import InvalidInput, UnknownName
from metricstack.metrics.language.formula import walk
from metricstack.metrics.language.hashing import definition_hash, measures_in
from metricstack.metrics.language.load import CATALOGUE, load
from metricstack.metrics.language.resolve import degree, inline, tables_of
from metricstack.metrics.model import Definition, Levels
from metricstack.metrics.query.joins import dimensions, tables_joined
from metricstack.telemetry.measures import Given, given

if TYPE_CHECKING:
    from metricstack.telemetry.config import WorkspaceConfig
    from metricstack.telemetry.workspace import Workspace

__all__ = ["Catalogue", "catalogue"]


@dataclass(frozen=True)
class Catalogue:
    """Definitions by id, with the workspace's owners, levels and parameters where there is one.

    Args:
        definitions: Metric id → definition.
        given: What is bound into measures.
        config: The workspace's configuration, None for the catalogue as shipped.
    """

    definitions: Mapping[str, Definition]
    given: Given = field(default_factory=Given)
    config: "WorkspaceConfig | None" = None

    def __iter__(self) -> Iterator[Definition]:
        return iter(self.definitions.values())

    def __len__(self) -> int:
        return len(self.definitions)

    def __contains__(self, name: object) -> bool:
        return name in self.definitions

    def __getitem__(self, name: str) -> Definition:
        return self.get(name)

    @property
    def ids(self) -> tuple[str, ...]:
        """Every metric's id, in the catalogue's order."""
        return tuple(self.definitions)

    def get(self, name: str) -> Definition:
        """Return a definition by its id or an alias.

        Raises:
            UnknownName: there is none; names the nearest.
        """
        if not isinstance(name, str):
            raise InvalidInput(f"A metric is named by its id, a text, not {name!r}.")
        if name in self.definitions:
            return self.definitions[name]
        for definition in self:
            if name in definition.aliases:
                return definition
        aliases = [alias for definition in self for alias in definition.aliases]
        raise UnknownName(
            "metric", name, [*self.definitions, *aliases], remedy="List them with `metricstack metrics list`."
        )

    def hash(self, name: str) -> str:
        """Return the hash of what a metric computes, with this workspace's parameters."""
        return definition_hash(self.get(name), self.definitions, self.given)

    def levels(self, name: str) -> Levels:
        """Return a metric's levels: the workspace's policy where it states them, else the definition's."""
        definition = self.get(name)
        policy = self.config.policies.get(definition.id) if self.config else None
        if policy is None:
            return definition.levels
        stated = {key: getattr(policy, key) for key in ("target", "warn", "breach") if getattr(policy, key) is not None}
        return replace(definition.levels, **stated)

    def owner(self, name: str) -> str:
        """Return who answers for a metric: the workspace's owner where it states one, else the default."""
        definition = self.get(name)
        policy = self.config.policies.get(definition.id) if self.config else None
        return (policy.owner if policy else "") or definition.owner

    def tables(self, name: str) -> tuple[str, ...]:
        """Return the tables that a metric needs: those whose rows it takes, then those that its measures join."""
        definition = self.get(name)
        measures = measures_in(definition, self.definitions)
        joins = ((measure.table, join) for measure in measures for join in measure.joins)
        joined = (other for owner, join in joins for other in tables_joined(owner, join))
        names = tuple(dict.fromkeys([*tables_of(definition, self.definitions), *joined]))
        whole = inline(definition, self.definitions)
        assumed = any(getattr(node, "function", "") == "assumed" for node in walk(whole))
        drifts = any(getattr(node, "function", "") == "drift_slope" for node in walk(whole))
        return tuple(
            dict.fromkeys([*names, *(["assumptions"] if assumed else []), *(["quality_checks"] if drifts else [])])
        )

    def is_total(self, name: str) -> bool:
        """Tell whether a metric grows with the time that it covers, as a sum does and a rate does not."""
        return degree(inline(self.get(name), self.definitions)) >= 1

    def dimensions(self, name: str) -> tuple[str, ...]:
        """Return the dimensions by which a metric may be asked; see `metrics.joins.dimensions`."""
        definition = self.get(name)
        own = [set(dimensions(table)) for table in tables_of(definition, self.definitions)]
        shared = set.intersection(*own) if own else set()
        if "assumptions" in self.tables(name):
            shared &= {"use_case"}
        return tuple(sorted(shared | {column for column, _ in definition.by}))

    def describe(self, name: str) -> dict[str, Any]:
        """Return a metric's card as plain JSON values: meaning, formula, owner, levels, lineage, hash."""
        definition = self.get(name)
        levels = self.levels(name)
        measures = measures_in(definition, self.definitions)
        return definition.to_dict() | {
            "owner": self.owner(name),
            "levels": {"target": levels.target, "warn": levels.warn, "breach": levels.breach},
            "hash": self.hash(name),
            "origin": definition.origin,
            "tables": list(self.tables(name)),
            "dimensions": list(self.dimensions(name)),
            "measures": [
                {
                    "table": measure.table, "name": measure.name, "about": measure.about,
                    "unit": measure.unit or "flag", "bound": dict(self.given.bound(measure)),
                }
                for measure in measures
            ],
        }  # fmt: skip


@cache
def _shipped() -> dict[str, Definition]:
    return load(CATALOGUE)


def _definitions(own: Path) -> dict[str, Definition]:
    """What is shipped, with a workspace's own; read again only where one of its files has changed."""
    try:
        files = tuple((path, path.stat().st_mtime_ns, path.stat().st_size) for path in own.glob("*.toml"))
    except OSError:
        return load(own, _shipped())  # says what is wrong with the file
    return _with_own(own, files) if files else _shipped()


@lru_cache(maxsize=16)
def _with_own(own: Path, _: tuple[tuple[Path, int, int], ...]) -> dict[str, Definition]:
    return load(own, _shipped())


def catalogue(ws: "Workspace | None" = None) -> Catalogue:
    """Return the catalogue: what metricstack ships and, with a workspace, its own ``metrics/*.toml``.

    Raises:
        ConfigurationError: a definition is wrong; every fault with file and line.
        UnknownName: the workspace's ``[policies]`` or ``[parameters]`` name what does not exist.
    """
    if ws is None:
        return Catalogue(_shipped())
    definitions = _definitions(ws.root / "metrics")
    for name in ws.config.policies:
        if name not in definitions:
            raise UnknownName("metric", name, definitions, remedy="Mend it under [policies] in the metricstack.toml.")
    return Catalogue(definitions, given(ws.config), ws.config)
