"""The names of the wild: which canonical column another vocabulary's name means, and what is message content.

The names stand in `aliases.toml` beside this module, one section per vocabulary, with one version.
"""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from metricstack.core.toml import read_toml
from metricstack.telemetry.contract import Table

__all__ = ["Alias", "alias_version", "all_aliases", "find_alias", "fold", "is_content", "stand_in"]

_FILE = Path(__file__).with_name("aliases.toml")
_SECTIONS_ABOUT_MORE = ("version", "content", "stand_in")
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


@dataclass(frozen=True, slots=True)
class Alias:
    """What one name of the wild means.

    Args:
        name: The name as its vocabulary writes it.
        vocabulary: The section that lists it.
        columns: Canonical columns, the first that a table has is meant.
        scale: What the number is multiplied by to reach the contract's unit.
        less: Canonical columns whose numbers are included in this one and must be taken off.
    """

    name: str
    vocabulary: str
    columns: tuple[str, ...]
    scale: float = 1.0
    less: tuple[str, ...] = ()

    def column_of(self, table: Table) -> str | None:
        """Return the column of this table that is meant, None where it has none of them."""
        return next((column for column in self.columns if column in table), None)


def fold(name: str) -> str:
    """Strip case and punctuation off a name, so that its ways of writing are one.

    Example:
        >>> fold("gen_ai.usage.input_tokens") == fold("GenAI Usage InputTokens")
        True
    """
    return re.sub(r"[^0-9a-z]", "", name.casefold())


@cache
def _content() -> dict[str, Any]:
    return read_toml(_FILE)[0]


def alias_version() -> int:
    """Return the version of the alias file, part of what a load is remembered by."""
    return int(_content()["version"])


@cache
def all_aliases() -> dict[str, Alias]:
    """Return every alias by its folded name; a later vocabulary does not redefine an earlier one."""
    found: dict[str, Alias] = {}
    for vocabulary, names in _content().items():
        if vocabulary in _SECTIONS_ABOUT_MORE:
            continue
        for name, meaning in names.items():
            found.setdefault(fold(name), _alias(name, vocabulary, meaning))
    return found


def _alias(name: str, vocabulary: str, meaning: Any) -> Alias:
    if isinstance(meaning, dict):
        return Alias(
            name, vocabulary, (meaning["column"],), float(meaning.get("scale", 1.0)), tuple(meaning.get("less", ()))
        )
    return Alias(name, vocabulary, (meaning,) if isinstance(meaning, str) else tuple(meaning))


def find_alias(table: Table, header: str) -> Alias | None:
    """Say which column of a table a header means: its own canonical name, or one of the wild.

    Returns:
        An alias whose first column is the one that is meant; None where the header is not known.

    Example:
        >>> from metricstack.telemetry import table
        >>> find_alias(table("llm_calls"), "gen_ai.response.model").columns
        ('model',)
        >>> find_alias(table("llm_calls"), "Time to first token").columns
        ('time_to_first_token',)
    """
    folded = fold(header)
    for own in table.names:
        if fold(own) == folded:
            return Alias(header, "canonical", (own,))
    alias = all_aliases().get(folded)
    column = alias.column_of(table) if alias else None
    if alias is None or column is None:
        return None
    return Alias(alias.name, alias.vocabulary, (column,), alias.scale, alias.less)


def stand_in(table: str, column: str) -> str | None:
    """Return the column whose values may stand in for a missing one: the trace for the run."""
    found: dict[str, str] = _content()["stand_in"]
    return found.get(f"{table}.{column}")


def is_content(name: str) -> bool:
    """Tell whether a name is that of message content, which is never stored.

    Example:
        >>> is_content("gen_ai.input.messages"), is_content("prompt"), is_content("prompt_version")
        (True, True, False)
    """
    words = {word.casefold() for word in _WORD.findall(name)}
    rules = _content()["content"]
    return bool(words & set(rules["words"])) and not words & set(rules["measures"])
