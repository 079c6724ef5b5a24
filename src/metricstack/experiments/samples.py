"""What an experimenter types in, read into arrays; what cannot be meant is named with its value."""

from collections.abc import Collection

import numpy as np
from numpy.typing import ArrayLike, NDArray

from metricstack.core.errors import InvalidInput, UnknownName
from metricstack.core.values import Moments

__all__ = ["as_units", "as_vector", "check_choice", "check_count", "same_length", "two_sums"]

Vector = NDArray[np.float64]
Integers = NDArray[np.int64]


def as_vector(values: ArrayLike, what: str, *, low: float | None = None, high: float | None = None) -> Vector:
    """Return a list of numbers as float64, shape (n,), or raise `InvalidInput` naming what is wrong in it.

    Args:
        values: The numbers.
        what: What they are, for the message: ``"values of control"``.
        low: Smallest allowed, None where there is none.
        high: Largest allowed.

    Example:
        >>> as_vector([1, 2], "values of control")
        array([1., 2.])
    """
    try:
        found = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise InvalidInput(f"The {what} are no numbers; give a list or an array of numbers.") from None
    if found.ndim != 1:
        raise InvalidInput(f"The {what} have {found.ndim} dimensions; give one flat list of numbers.")
    missing = int((~np.isfinite(found)).sum())
    if missing:
        raise InvalidInput(f"The {what} hold {missing} that are not finite. Declare what they mean, or leave them out.")
    if low is not None and len(found) and found.min() < low:
        raise InvalidInput(f"The {what} hold {found.min():g}, below {low:g}, the smallest allowed.")
    if high is not None and len(found) and found.max() > high:
        raise InvalidInput(f"The {what} hold {found.max():g}, above {high:g}, the largest allowed.")
    return found


def as_units(units: ArrayLike, what: str) -> Integers:
    """Number units from 0 by their names, in the names' order; a missing name raises `InvalidInput`.

    Example:
        >>> as_units(["b", "a", "b"], "units")
        array([1, 0, 1])
    """
    names = np.asarray(units)
    if names.ndim != 1:
        raise InvalidInput(f"The {what} have {names.ndim} dimensions; give one name for each value.")
    if names.dtype.kind == "f":
        missing = int(np.isnan(names).sum())
    else:
        missing = sum(name is None for name in names.tolist()) if names.dtype.kind == "O" else 0
    if missing:
        raise InvalidInput(f"The {what} hold {missing} without a name. Leave those rows out, and say so.")
    try:
        return np.unique(names, return_inverse=True)[1].astype(np.int64)
    except TypeError:
        return np.unique(names.astype(str), return_inverse=True)[1].astype(np.int64)


def same_length(**arrays: Vector | Integers) -> int:
    """Return the one length of several arrays, or raise `InvalidInput` with all of them.

    Example:
        >>> same_length(rewards=np.zeros(3), propensities=np.ones(3))
        3
    """
    lengths = {name: len(array) for name, array in arrays.items()}
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{name.replace('_', ' ')} {length}" for name, length in lengths.items())
        raise InvalidInput(f"Lists of unequal length: {told}. Give one entry of each for every row.")
    return next(iter(lengths.values()))


def check_choice(kind: str, name: str, known: Collection[str]) -> str:
    """Return a name of a closed list, or raise `UnknownName` with the nearest."""
    if name not in known:
        raise UnknownName(kind, name, known)
    return name


def check_count(value: float, what: str) -> int:
    """Return a whole number that is not negative, or raise `InvalidInput`.

    Example:
        >>> check_count(3.0, "events of control")
        3
    """
    if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
        raise InvalidInput(f"The {what} are {value!r}; give a whole number.")
    if not (np.isfinite(value) and value >= 0 and float(value).is_integer()):
        raise InvalidInput(f"The {what} are {value:g}; give a whole number that is not negative.")
    return int(value)


def two_sums(moments: Moments, what: str) -> Moments:
    """Return moments of two variables; of one, the second is 1 for every unit, so that a mean is a ratio too.

    Example:
        >>> two_sums(Moments.of(10, 2.0, 1.0), "control").means
        array([2., 1.])
    """
    k = len(moments.names)
    if k > 2:
        raise InvalidInput(f"The moments of {what} have {k} variables; give a sum, or a sum and what it is divided by.")
    if min(np.diag(moments.cross)) < 0:
        raise InvalidInput(f"The moments of {what} have a variance below 0.")
    if k == 2:
        return moments
    cross = np.zeros((2, 2))
    cross[0, 0] = moments.cross[0, 0]
    return Moments(moments.n, np.array([moments.mean, 1.0]), cross, (moments.names[0], "one"))
