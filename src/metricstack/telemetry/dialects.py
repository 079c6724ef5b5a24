"""Dialects: the SQL that each engine reads, as Ibis writes it, with the few words in which Ibis is mended here.

Everything above builds one expression for all engines. Where an engine lacks a function, or Ibis one of its
functions, the gap is closed in this module and nowhere else:

* the hash that gathers units: 64 bits, also of null, on every engine (Ibis writes Spark's hash of 32 bits, none for
  Trino, and PostgreSQL's hash of null is null);
* buckets of that hash on DuckDB, where Ibis goes by way of a string of bits, which costs more than the hash;
* words that are compared to be counted, on DuckDB: it asks a function, not an operator, once for each entry of a
  column's dictionary instead of once for each row (filters keep the operator, which skips parts of files);
* a flag as a number on PostgreSQL, which knows only 32 bits of it;
* microseconds of an instant on Spark, which Ibis does not extract;
* Trino's microseconds, which Ibis cuts to milliseconds.
"""

from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar

from metricstack.core.errors import UnknownName

if TYPE_CHECKING:
    import ibis.expr.types as ir

__all__ = ["DIALECTS", "compiler", "write"]

DIALECTS = ("duckdb", "postgres", "pyspark", "bigquery", "snowflake", "trino")
"""Dialects that metricstack writes; the first three are run by its tests, of the others the SQL is kept."""


@cache
def compiler(dialect: str) -> Any:
    """Return the Ibis compiler of a dialect, mended where it must be.

    Raises:
        UnknownName: no such dialect.
    """
    if dialect not in DIALECTS:
        raise UnknownName("SQL dialect", dialect, DIALECTS)
    mended = {"duckdb": _duckdb, "postgres": _postgres, "pyspark": _spark, "trino": _trino}
    if dialect in mended:
        return mended[dialect]()
    import ibis.backends.sql.compilers as known

    return getattr(known, dialect).compiler


def write(query: "ir.Table", dialect: str) -> str:
    """Write a query in an engine's SQL.

    Args:
        query: An Ibis expression.
        dialect: One of `DIALECTS`.

    Raises:
        UnknownName: no such dialect.
    """
    chosen = compiler(dialect)
    text: str = chosen.to_sqlglot(query.unbind()).sql(dialect=chosen.dialect, pretty=True, copy=False)
    return text


def _duckdb() -> Any:
    import ibis.expr.datatypes as types
    from ibis.backends.sql.compilers.duckdb import DuckDBCompiler
    from ibis.expr import operations
    from sqlglot import expressions

    class FullDuckDBCompiler(DuckDBCompiler):  # type: ignore[misc]
        """Ibis' compiler, with a hash's lowest bits taken before it is a signed number, and words by dictionary."""

        def visit_Cast(self, op: Any, *, arg: Any, to: Any) -> Any:
            if op.arg.dtype.is_boolean() and to.is_integer():
                arg = arg.transform(self._by_dictionary)
            return super().visit_Cast(op, arg=arg, to=to)

        def _by_dictionary(self, node: Any) -> Any:
            column, word = node.args.get("this"), node.args.get("expression")
            if not isinstance(node, expressions.EQ | expressions.NEQ) or not isinstance(column, expressions.Column):
                return node
            if not isinstance(word, expressions.Literal) or not word.is_string:
                return node
            same = self.f.anon.list_contains(expressions.Array(expressions=[word]), column)
            return same if isinstance(node, expressions.EQ) else expressions.Not(this=same)

        def visit_BitwiseAnd(self, op: Any, *, left: Any, right: Any) -> Any:
            written = super().visit_BitwiseAnd
            if (
                isinstance(op.left, operations.Hash)
                and isinstance(op.right, operations.Literal)
                and op.right.value >= 0
            ):
                hashed = left.this.this  # without the two casts around it
                return self.cast(written(op, left=hashed, right=right), types.int64)
            return written(op, left=left, right=right)

    return FullDuckDBCompiler()


def _postgres() -> Any:
    import ibis.expr.datatypes as types
    from ibis.backends.sql.compilers.postgres import PostgresCompiler

    class FullPostgresCompiler(PostgresCompiler):  # type: ignore[misc]
        """Ibis' compiler, with a hash of null and flags as 64-bit numbers."""

        def visit_Hash(self, op: Any, *, arg: Any) -> Any:
            return self.f.coalesce(super().visit_Hash(op, arg=arg), 0)

        def visit_Cast(self, op: Any, *, arg: Any, to: Any) -> Any:
            if op.arg.dtype.is_boolean() and to.is_integer():
                arg = self.cast(arg, types.int32)  # the only whole number that PostgreSQL makes of a flag
            return super().visit_Cast(op, arg=arg, to=to)

    return FullPostgresCompiler()


def _spark() -> Any:
    from ibis.backends.sql.compilers.base import SQLGlotCompiler
    from ibis.backends.sql.compilers.pyspark import PySparkCompiler
    from ibis.expr import operations

    class SparkCompiler(PySparkCompiler):  # type: ignore[misc]
        """Ibis' compiler, with a 64-bit hash and microseconds; writes SQL without PySpark at hand, too."""

        SIMPLE_OPS: ClassVar[dict[Any, str]] = {operations.Hash: "xxhash64"}

        def visit_ExtractMicrosecond(self, _: Any, *, arg: Any) -> Any:
            # pmod, since % keeps the sign of instants before 1970
            return self.f.anon.pmod(self.f.anon.unix_micros(arg), 1_000_000)

        def visit_Field(self, op: Any, *, rel: Any, name: Any) -> Any:
            return SQLGlotCompiler.visit_Field(self, op, rel=rel, name=name)

        def visit_NonNullLiteral(self, op: Any, *, value: Any, dtype: Any) -> Any:
            return None if dtype.is_floating() else super().visit_NonNullLiteral(op, value=value, dtype=dtype)

    return SparkCompiler()


def _trino() -> Any:
    from ibis.backends.sql.compilers.trino import TrinoCompiler

    class FullTrinoCompiler(TrinoCompiler):  # type: ignore[misc]
        """Ibis' compiler, with a hash and microseconds."""

        def visit_Hash(self, _: Any, *, arg: Any) -> Any:
            return self.f.anon.from_big_endian_64(self.f.anon.xxhash64(self.f.anon.to_utf8(arg)))

        def visit_ExtractMicrosecond(self, _: Any, *, arg: Any) -> Any:
            fraction = self.f.anon.to_unixtime(arg) % 1
            return self.cast(self.f.round(fraction * 1_000_000), _integer())

    return FullTrinoCompiler()


def _integer() -> Any:
    import ibis.expr.datatypes as types

    return types.int32
