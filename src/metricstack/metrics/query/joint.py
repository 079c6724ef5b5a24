"""Joint moments of a table with one row per unit, by group, in one query: sums of what is left of a centre.

Engines compute a variance one row after another, with a division in each (Welford's way). Sums of products are
several times cheaper, but of numbers far from 0 they lose what they are asked for: of a mean of 1e9 with a
deviation of 1, all of it. So a variable that lies far from 0 is taken from a centre near its mean, which a few rows
tell. Where those misled, the sums themselves show it, and the engine's own variances are asked for instead.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from metricstack.core.errors import InvalidInput, UnknownName
from metricstack.core.values import Moments
from metricstack.metrics.query.hashed import bucket_of, is_duckdb

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import pyarrow as pa

__all__ = ["Joint", "as_table", "first_rows", "joint"]

Key = tuple[Any, ...]
Pair = tuple[str, str]

_SAMPLE = 2048
"""Rows that tell a centre: the first ones, as many as an engine reads at once."""
_FAR = 10.0
"""Deviations from 0 beyond which a variable gets a centre; nearer, its sums lose two of sixteen digits at most."""
_EXACT = 2**53
"""Whole numbers below are doubles without rounding."""
_PARTS = 8
"""In how many parts DuckDB adds up a group: each sum waits for the one before it, which two groups make felt."""
_LOST = 1e-5
"""Part of a sum of squares that must be left once the mean is taken off; less, and digits of it are only rounding."""


@dataclass(frozen=True, eq=False)
class Joint:
    """What is known of one group's variables together: means, and the cross-products that were asked for.

    Args:
        n: Number of units.
        names: Names of the k variables.
        means: Mean of each, shape (k,), float64.
        cross: Centred cross-products, shape (k, k), float64, symmetric; NaN for a pair that was not asked for.
    """

    n: int
    names: tuple[str, ...]
    means: NDArray[np.float64]
    cross: NDArray[np.float64]

    def moments(self, *names: str) -> Moments:
        """Return the moments of some variables, all by default.

        Args:
            names: The variables, in the order in which they are wanted.

        Raises:
            UnknownName: no such variable.
            InvalidInput: the products of two of them were not asked for.

        Example:
            >>> found = Joint(3, ("x", "y"), np.array([1.0, 2.0]), np.array([[2.0, np.nan], [np.nan, 8.0]]))
            >>> found.moments("y").variance
            4.0
        """
        wanted = names or self.names
        for name in wanted:
            if name not in self.names:
                raise UnknownName("variable", name, self.names)
        at = [self.names.index(name) for name in wanted]
        cross = self.cross[np.ix_(at, at)]
        if np.isnan(cross).any():
            i, j = np.argwhere(np.isnan(cross))[0]
            raise InvalidInput(
                f"The products of {wanted[i]!r} and {wanted[j]!r} were not summed. Ask for that pair, or for all."
            )
        return Moments(self.n, self.means[at], cross, tuple(wanted))


def as_table(data: Any) -> "ir.Table":
    """Return a table as an Ibis expression, whatever it was given as.

    Args:
        data: An Ibis table, or what Arrow takes for one in memory: a frame of pandas or Polars, an Arrow table, a
            dictionary of columns. NaN in a frame of pandas is null.

    Raises:
        InvalidInput: none of these.
    """
    import ibis
    import pyarrow as pa

    if isinstance(data, ibis.Table):
        return data
    try:
        return ibis.memtable(pa.table(data))
    except (TypeError, ValueError, pa.ArrowException) as error:
        raise InvalidInput(
            f"No table can be made of this {type(data).__name__}: {error}. Give an Ibis table, a frame of pandas or "
            "Polars, or an Arrow table."
        ) from error


def first_rows(table: "ir.Table", columns: Sequence[str]) -> "pa.Table":
    """Fetch some columns of a table's first rows: enough to see what it is like.

    Args:
        table: Any table; of one that is itself an aggregate, the first rows cost as much as all.
        columns: The columns.

    Raises:
        UnknownName: a column that the table does not have.

    Example:
        >>> first_rows(as_table({"x": [1, 2], "y": [3, 4]}), ["y"]).column_names
        ['y']
    """
    for name in columns:
        if name not in table.columns:
            raise UnknownName("column", name, table.columns)
    return table.select(*columns).limit(_SAMPLE).to_pyarrow()


def joint(
    table: "ir.Table",
    keys: Sequence[str],
    variables: Sequence[str],
    *,
    pairs: Iterable[Pair] | None = None,
    centre: Mapping[str, float] | None = None,
    sample: "ir.Table | pa.Table | None" = None,
) -> dict[Key, Joint]:
    """Add up a table of units by group: means, squares and products, in one query.

    Args:
        table: One row per unit. Any numbers or flags, without nulls: what a missing value means, only the caller
            knows (``table.y.fill_null(0)`` of what a unit did not do).
        keys: Columns to group by; none gives the one group ``()``.
        variables: Columns to add up.
        pairs: Pairs of variables whose products are needed, in either order; None = all. Squares always are.
        centre: Variable → a number near its mean, 0 for one that is not named; None = estimated from a sample.
            Give it where ``table`` is itself an aggregate, of which the first rows cost as much as all.
        sample: Rows that look like the table's, with the variables as columns; None = its own first ones.

    Returns:
        Values of the keys → joint moments. A group without rows is not there, but that without keys is.

    Raises:
        UnknownName: a column that the table does not have.
        InvalidInput: a variable that is no number, holds nulls, or values that are not finite; a centre that is not.

    Derivation:
        With d = x - c and e = y - c', ``sum((x - mean_x) (y - mean_y)) = sum(d e) - sum(d) sum(e) / n``. The
        rounding of that difference is the larger, the further c is from the mean in deviations; it is measured
        by ``sum(d²)`` over what is left of it.

    Example:
        >>> units = as_table({"arm": ["a", "a", "b"], "x": [1e9, 1e9 + 2, 5.0]})
        >>> found = joint(units, ["arm"], ["x"])
        >>> found["a",].moments().variance, found["b",].n
        (2.0, 1)
    """
    _check(table, keys, variables)
    asked = _Asked(table, tuple(keys), tuple(variables), _pairs(variables, pairs))
    wild = [name for name, near in (centre or {}).items() if not math.isfinite(near)]
    if wild:
        raise InvalidInput(f"The centre of {wild[0]!r} is not finite. Give a number near its mean, or leave it out.")
    if centre is None:
        centre = _centres(first_rows(table, variables) if sample is None else sample, variables)
    found = asked.sums(centre)
    return asked.own() if found is None else found


def _check(table: "ir.Table", keys: Sequence[str], variables: Sequence[str]) -> None:
    for name in (*keys, *variables):
        if name not in table.columns:
            raise UnknownName("column", name, table.columns)
    if not variables or len(set(variables)) < len(variables):
        raise InvalidInput(f"The variables {tuple(variables)} must be named, each once.")
    schema = table.schema()
    for name in variables:
        if not (schema[name].is_numeric() or schema[name].is_boolean()):
            raise InvalidInput(f"Column {name!r} holds {schema[name]}, not numbers. Cast it, or choose another column.")


def _pairs(variables: Sequence[str], pairs: Iterable[Pair] | None) -> list[tuple[int, int]]:
    """The products to add up, as places with the smaller first: the squares, and what was asked for."""
    if pairs is None:
        return list(combinations_with_replacement(range(len(variables)), 2))
    found = {(i, i) for i in range(len(variables))}
    for pair in pairs:
        for name in pair:
            if name not in variables:
                raise UnknownName("variable", name, variables)
        i, j = sorted(variables.index(name) for name in pair)
        found.add((i, j))
    return sorted(found)


def _number(column: "ir.Value") -> "ir.Value":
    if column.type().is_boolean():
        column = column.cast("int32")  # the only number that every engine makes of a flag
    return column.cast("float64")


def _centres(sample: "ir.Table | pa.Table", variables: Sequence[str]) -> dict[str, float]:
    """Return a number near the mean of each variable that lies far from 0; what a sample does not tell is 0."""
    import pyarrow as pa

    rows = sample if isinstance(sample, pa.Table) else sample.select(*variables).to_pyarrow()
    found = {}
    for name in variables:
        x = rows[name].drop_null().cast("float64", safe=False).to_numpy()
        x = x[np.isfinite(x)]
        if len(x):
            with np.errstate(over="ignore"):
                middle, spread = float(x.mean()), float(x.std())
            if abs(middle) > _FAR * spread:
                found[name] = middle
    return found


@dataclass(frozen=True, eq=False)
class _Asked:
    """A table of units, what it is grouped by, its variables and the products that are wanted, by their places."""

    table: "ir.Table"
    keys: tuple[str, ...]
    variables: tuple[str, ...]
    wanted: list[tuple[int, int]]

    def sums(self, centre: Mapping[str, float]) -> dict[Key, Joint] | None:
        """Add up what is left of the centres; None where they were so far off that a variance was lost."""
        exactly = is_duckdb(self.table)
        flat, centres, whole = self._flat(centre, exactly=exactly)
        rows = _fetch(self._add(flat), exactly=exactly)
        if rows is None:  # whole numbers with products beyond 64 bits
            flat, centres, whole = self._flat(centre, exactly=False)
            rows = _fetch(self._add(flat), exactly=False) or []
        groups = self._gather(rows)
        for row in groups.values():
            self._check(row)
        found = {key: self._read(row, centres, whole) for key, row in groups.items()}
        lost = any(one is None for one in found.values())
        return None if lost else {key: one for key, one in found.items() if one is not None}

    def own(self) -> dict[Key, Joint]:
        """Ask for the engine's own variances, which need no centre."""
        flat, _, _ = self._flat({}, exactly=False)
        sums: dict[str, Any] = {"n": flat.count()}
        sums |= {f"s{i}": flat[f"x{i}"].mean() for i in range(len(self.variables))}
        for i, j in self.wanted:
            x = flat[f"x{i}"]
            sums[f"q{i}_{j}"] = x.var(how="pop") if i == j else x.cov(flat[f"x{j}"], how="pop")
        found = {}
        for row in _fetch(self._grouped(flat, sums), exactly=False) or []:
            cross = self._matrix({place: (row[f"q{place[0]}_{place[1]}"] or 0.0) * row["n"] for place in self.wanted})
            means = np.array([float(row[f"s{i}"]) for i in range(len(self.variables))])
            found[self._key(row)] = Joint(int(row["n"]), self.variables, means, cross)
        return found

    def _flat(
        self, centre: Mapping[str, float], *, exactly: bool
    ) -> "tuple[ir.Table, NDArray[np.float64], list[bool]]":
        """Select the keys as ``k0`` and so on, and the variables less their centres as ``x0`` and so on.

        Returns:
            The columns, the centres, and which variables stayed whole numbers.

        Where whole numbers may stay such, DuckDB adds them up exactly, and twice as fast as doubles. PostgreSQL makes
        decimals of them, which are slow, and Spark adds them in 64 bits, which may not be enough.
        """
        import ibis

        columns: dict[str, ir.Value] = {f"k{i}": self.table[name] for i, name in enumerate(self.keys)}
        centres = np.zeros(len(self.variables))
        whole = [exactly and _is_whole(self.table[name].type()) for name in self.variables]
        for i, name in enumerate(self.variables):
            near, column = float(centre.get(name, 0.0)), self.table[name]
            if whole[i]:
                near = float(round(near)) if abs(near) < 2**53 else 0.0
                x, shift = column.cast("int64"), ibis.literal(int(near), "int64")
            else:
                x, shift = _number(column), ibis.literal(near, "float64")
            columns[f"x{i}"] = x - shift if near else x
            centres[i] = near
        return self.table.select(**columns), centres, whole

    def _add(self, flat: "ir.Table") -> "ir.Table":
        sums: dict[str, Any] = {"n": flat.count()}
        for i in range(len(self.variables)):
            sums[f"n{i}"] = flat[f"x{i}"].count()
            sums[f"s{i}"] = flat[f"x{i}"].sum().cast("float64")
        for i, j in self.wanted:
            sums[f"q{i}_{j}"] = (flat[f"x{i}"] * flat[f"x{j}"]).sum().cast("float64")
        return self._grouped(flat, sums, split=len(self.keys) == 1 and is_duckdb(self.table))

    def _grouped(self, flat: "ir.Table", sums: Mapping[str, Any], *, split: bool = False) -> "ir.Table":
        by: list[Any] = [f"k{i}" for i in range(len(self.keys))]
        if split:
            by.append(bucket_of(flat, "x0", _PARTS).name("part"))
        return flat.group_by(by).aggregate(**sums) if by else flat.aggregate(**sums)

    def _key(self, row: Mapping[str, Any]) -> Key:
        return tuple(row[f"k{i}"] for i in range(len(self.keys)))

    def _gather(self, rows: list[dict[str, Any]]) -> dict[Key, dict[str, Any]]:
        """Add up the parts of each group."""
        found: dict[Key, dict[str, Any]] = {}
        for row in rows:
            whole = found.setdefault(self._key(row), row)
            if whole is not row:
                for name in row:
                    if name[0] in "nsq":
                        whole[name] = None if whole[name] is None or row[name] is None else whole[name] + row[name]
        return found

    def _check(self, row: Mapping[str, Any]) -> None:
        n, key = int(row["n"]), self._key(row)
        where = f" of {', '.join(map(repr, key))}" if key else ""
        for i, name in enumerate(self.variables):
            missing = n - int(row[f"n{i}"])
            if missing:
                raise InvalidInput(
                    f"Column {name!r} is null for {missing:,} of {n:,} units{where}. Say what that means: fill it with "
                    "0 where such a unit did nothing, or leave those units out."
                )
            if n and not math.isfinite(row[f"q{i}_{i}"]):
                raise InvalidInput(f"Column {name!r} holds values{where} that are not finite, or too large to square.")

    def _read(self, row: Mapping[str, Any], centres: NDArray[np.float64], whole: Sequence[bool]) -> Joint | None:
        """Read a group's sums; None where the centre was so far from a mean that they have lost a variance."""
        n, k = int(row["n"]), len(self.variables)
        if n == 0:
            return Joint(0, self.variables, np.zeros(k), self._matrix(dict.fromkeys(self.wanted, 0.0)))
        sums = [float(row[f"s{i}"]) for i in range(k)]
        left: dict[tuple[int, int], float] = {}
        for i, j in self.wanted:
            total = float(row[f"q{i}_{j}"])
            if whole[i] and whole[j] and max(abs(total), abs(sums[i]), abs(sums[j])) < _EXACT:
                left[i, j] = (n * int(total) - int(sums[i]) * int(sums[j])) / n
                continue
            left[i, j] = total - sums[i] * (sums[j] / n) if n > 1 else 0.0
            if i == j and n > 1 and left[i, i] < _LOST * total:
                return None
        for i, j in self.wanted:
            if left[i, i] == 0 or left[j, j] == 0:  # what never varies goes with nothing; the rest is rounding
                left[i, j] = 0.0
        return Joint(n, self.variables, centres + np.array(sums) / n, self._matrix(left))

    def _matrix(self, entries: Mapping[tuple[int, int], float]) -> NDArray[np.float64]:
        cross = np.full((len(self.variables), len(self.variables)), np.nan)
        for (i, j), entry in entries.items():
            cross[i, j] = cross[j, i] = entry
        return cross


def _is_whole(kind: Any) -> bool:
    return bool(kind.is_boolean() or (kind.is_integer() and not kind.is_uint64()))


def _fetch(query: "ir.Table", *, exactly: bool) -> list[dict[str, Any]] | None:
    """Run a query; None where whole numbers were too large for it."""
    if not exactly:
        return list(query.to_pyarrow().to_pylist())
    import duckdb

    try:
        return list(query.to_pyarrow().to_pylist())
    except duckdb.OutOfRangeException:
        return None
