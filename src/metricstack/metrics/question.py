"""What a caller may ask with: names, filters and windows, held against their kinds before anything is read."""

from collections.abc import Iterable, Mapping
from typing import Any

from metricstack.core.errors import InvalidInput
from metricstack.core.windows import Window

__all__ = ["as_filter", "as_names", "check_window"]


def as_names(given: Any, what: str) -> tuple[str, ...]:
    """Return one name or several as a tuple.

    Args:
        given: A text, or a list of texts.
        what: What they name, for the message: ``"metrics"``, ``"by"``.

    Raises:
        InvalidInput: something else was given.

    Example:
        >>> as_names("region", "by"), as_names(["region", "model"], "by")
        (('region',), ('region', 'model'))
    """
    names = (given,) if isinstance(given, str) else tuple(given) if isinstance(given, Iterable) else (given,)
    for name in names:
        if not isinstance(name, str):
            raise InvalidInput(f"{what} takes a name or a list of names, not {name!r}.")
    return names


def as_filter(where: Any) -> dict[str, str]:
    """Return a filter, dimension → value, as a dictionary of texts.

    Raises:
        InvalidInput: it is not a mapping of texts.
    """
    if where is None:
        return {}
    if not isinstance(where, Mapping):
        raise InvalidInput(f"where takes dimension → value, as in {{'region': 'emea'}}, not {where!r}.")
    for name, value in where.items():
        if not isinstance(name, str) or not isinstance(value, str):
            raise InvalidInput(f"where takes one text for each dimension, as in {{'region': 'emea'}}, not "
                               f"{{{name!r}: {value!r}}}.")  # fmt: skip
    return dict(where)


def check_window(window: Any) -> Window:
    """Return a window, or raise `InvalidInput` where something else was given."""
    if not isinstance(window, Window):
        raise InvalidInput(f"A window is a quarter's name, as in '2026Q3', or a Window, not {window!r}.")
    return window
