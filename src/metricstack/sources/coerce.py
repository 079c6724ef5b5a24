"""Turn a column of any type into the contract's type; what cannot be turned is named, not guessed.

Works on whole columns. NaN and the empty text become null: both mean "not known".
"""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc

from metricstack.core.errors import InvalidInput
from metricstack.sources.base import Reading
from metricstack.telemetry.contract import Column, Kind

__all__ = ["INSTANT", "arrow_type", "coerce", "join_reasons"]

INSTANT = pa.timestamp("us", tz="UTC")
_TYPES = {
    Kind.TEXT: pa.string(),
    Kind.INTEGER: pa.int64(),
    Kind.FLOAT: pa.float64(),
    Kind.FLAG: pa.bool_(),
    Kind.INSTANT: INSTANT,
}
_WORDS = {
    Kind.TEXT: "a text",
    Kind.INTEGER: "a whole number",
    Kind.FLOAT: "a number",
    Kind.FLAG: "true or false",
    Kind.INSTANT: "a time",
}
_UNKNOWN = pa.array(["", "nan", "null", "none", "na", "n/a", "<na>", "nat"])
_TRUE, _FALSE = pa.array(["true", "t", "yes", "y", "1", "1.0"]), pa.array(["false", "f", "no", "n", "0", "0.0"])
_NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
_OFFSET = r":\d{2}(\.\d+)?(Z|[+-]\d{2}(:?\d{2})?)$"
_TIME = r"^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?(Z|[+-]\d{2}(:?\d{2})?)?)?$"
_EPOCHS = {"epoch_s": 1_000_000, "epoch_ms": 1_000, "epoch_us": 1, "epoch_ns": 0.001}
_MICRO = {"s": 1e6, "ms": 1e3, "us": 1.0, "ns": 1e-3}
_FIRST, _LAST = -62_135_596_800_000_000, 253_402_300_799_999_999
"""Microseconds from 1970 to the begin of year 1 and to the end of year 9999: all that a calendar here can name."""
_SHOWN = 24
"""A value in a reason is cut after so many characters."""
_NOBODY = r"^[0-9 .:,+TZ_-]*$"
"""What a reason may show: a broken number or time. Any other text may be a name, or a message, in the wrong column."""

Array = Any
"""A `pyarrow.Array`, shape (n,); pyarrow brings no types of its own."""


def arrow_type(column: Column) -> Any:
    """Return the Arrow type in which a column is stored: times in microseconds, UTC."""
    return _TYPES[column.kind]


def join_reasons(*reasons: Array | None) -> Array | None:
    """Join several columns of reasons, shape (n,) each, null where there is none."""
    found = [column for column in reasons if column is not None]
    joined = None
    for column in found:
        # Not by `null_handling="skip"`: pyarrow 26 then leaves rows out that are null in all columns.
        joined = column if joined is None else pc.coalesce(
            pc.binary_join_element_wise(joined, column, "; "), joined, column
        )  # fmt: skip
    return joined


def coerce(column: Column, values: Array, reading: Reading) -> tuple[Array, Array | None]:
    """Turn values into the column's type.

    Args:
        column: The contract's column.
        values: Values of any type, shape (n,).
        reading: Zone, format, scale and words that the source needs.

    Returns:
        The values in the contract's type, shape (n,), null where unknown or not readable; and the
        reasons, shape (n,), null where the value could be read; None where all could.

    Raises:
        InvalidInput: times that name no zone, where nobody stated one; or numbers for times
            without a stated format.
    """
    if isinstance(values, pa.ChunkedArray):
        values = values.combine_chunks()
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    if pa.types.is_large_string(values.type) or pa.types.is_string_view(values.type):
        values = values.cast(pa.string())
    if pa.types.is_null(values.type):
        return pa.nulls(len(values), arrow_type(column)), None
    if reading.values:
        values = _translate(values, reading.values)
    turned = _TURN[column.kind](column, values, reading)
    if reading.scale != 1.0 and column.kind is Kind.FLOAT:
        turned = pc.multiply(turned, reading.scale)
    lost = pc.and_(pc.is_null(turned), pc.invert(_unknown(values)))
    if not pc.any(lost).as_py():
        return turned, None
    return turned, _reason(column, values, lost)


def _unknown(values: Array) -> Array:
    if pa.types.is_string(values.type):
        return pc.or_kleene(pc.is_null(values), pc.is_in(_plain(values), _UNKNOWN))
    return pc.is_null(values, nan_is_null=pa.types.is_floating(values.type))


def _plain(values: Array) -> Array:
    return pc.utf8_lower(pc.utf8_trim_whitespace(values))


def _reason(column: Column, values: Array, lost: Array) -> Array:
    none = pa.scalar(None, pa.string())
    if pa.types.is_string(values.type):
        quoted = pc.binary_join_element_wise("'", pc.utf8_slice_codeunits(values, 0, _SHOWN), "'", "")
        length = pc.utf8_length(values)
        plural = pc.if_else(pc.equal(length, 1), " character", " characters")
        shape = pc.binary_join_element_wise("a text of ", length.cast(pa.string()), plural, "")
        shown = pc.if_else(pc.match_substring_regex(values, _NOBODY), quoted, shape)
        text = pc.binary_join_element_wise(f"'{column.name}' is ", shown, f", not {_WORDS[column.kind]}", "")
    elif pa.types.is_integer(values.type) or pa.types.is_floating(values.type) or pa.types.is_boolean(values.type):
        shown = values.cast(pa.string())
        text = pc.binary_join_element_wise(f"'{column.name}' is ", shown, f", not {_WORDS[column.kind]}", "")
    elif pa.types.is_temporal(values.type) and column.kind is Kind.INSTANT:
        text = pa.scalar(f"{column.name!r} is outside the years 1 to 9999")
    else:
        text = pa.scalar(f"{column.name!r} is of type {values.type}, not {_WORDS[column.kind]}")
    return pc.if_else(lost, text, none)


def _translate(values: Array, pairs: tuple[tuple[str, str], ...]) -> Array:
    plain = _plain(values.cast(pa.string()))
    words = pa.array([source.strip().casefold() for source, _ in pairs])
    meant = pa.array([target for _, target in pairs]).take(pc.index_in(plain, words))
    return pc.coalesce(meant, values.cast(pa.string()))


def _to_text(_: Column, values: Array, __: Reading) -> Array:
    if pa.types.is_nested(values.type):
        import json

        texts = [
            None if value is None else json.dumps(value, default=str, sort_keys=True) for value in values.to_pylist()
        ]
        return pa.array(texts, pa.string())
    if pa.types.is_floating(values.type):
        values = pc.if_else(pc.is_finite(values), values, pa.scalar(None, values.type))
    if pa.types.is_binary(values.type) or pa.types.is_large_binary(values.type):
        return pa.nulls(len(values), pa.string())
    text = values if pa.types.is_string(values.type) else values.cast(pa.string())
    return pc.if_else(pc.equal(text, ""), pa.scalar(None, pa.string()), text)


def _to_float(_: Column, values: Array, __: Reading) -> Array:
    kind = values.type
    if pa.types.is_string(kind):
        if (found := _cast(values, pa.float64())) is not None:
            return pc.if_else(pc.is_nan(found), pa.scalar(None, pa.float64()), found)
        plain = pc.replace_substring_regex(_plain(values), r"^\+", "")
        wanted = pc.or_(pc.match_substring_regex(plain, _NUMBER), pc.match_substring_regex(plain, r"^-?inf(inity)?$"))
        return pc.if_else(wanted, plain, pa.scalar(None, pa.string())).cast(pa.float64())
    if pa.types.is_floating(kind):
        numbers = values.cast(pa.float64())
        return pc.if_else(pc.is_nan(numbers), pa.scalar(None, pa.float64()), numbers)
    if pa.types.is_integer(kind) or pa.types.is_decimal(kind):
        return values.cast(pa.float64(), safe=False)
    if pa.types.is_duration(kind):
        return pc.divide(values.cast(pa.duration("us"), safe=False).cast(pa.int64()).cast(pa.float64()), 1e6)
    return pa.nulls(len(values), pa.float64())


def _to_integer(column: Column, values: Array, reading: Reading) -> Array:
    kind = values.type
    if pa.types.is_integer(kind) and reading.scale == 1.0:
        return values.cast(pa.int64(), safe=False) if not pa.types.is_uint64(kind) else _whole(values)
    if pa.types.is_string(kind) and reading.scale == 1.0 and (found := _cast(values, pa.int64())) is not None:
        hexadecimal = pc.match_substring(values, "x", ignore_case=True)  # Arrow takes 0x1A for 26: a guess
        return pc.if_else(hexadecimal, pa.scalar(None, pa.int64()), found)
    numbers = pc.multiply(_to_float(column, values, reading), reading.scale)
    return _whole(numbers)


def _whole(numbers: Array) -> Array:
    numbers = numbers.cast(pa.float64(), safe=False)
    exact = pc.and_kleene(pc.equal(pc.round(numbers), numbers), pc.less(pc.abs(numbers), 2.0**53))
    return pc.if_else(pc.fill_null(exact, fill_value=False), numbers, pa.scalar(None, pa.float64())).cast(pa.int64())


def _to_flag(_: Column, values: Array, __: Reading) -> Array:
    if pa.types.is_boolean(values.type):
        return values
    if pa.types.is_integer(values.type) or pa.types.is_floating(values.type):
        values = values.cast(pa.string())
    if not pa.types.is_string(values.type):
        return pa.nulls(len(values), pa.bool_())
    plain = _plain(values)
    yes, no = pc.is_in(plain, _TRUE), pc.is_in(plain, _FALSE)
    return pc.if_else(pc.or_(yes, no), yes, pa.scalar(None, pa.bool_()))


def _to_instant(column: Column, values: Array, reading: Reading) -> Array:
    return _in_calendar(_instants(column, values, reading))


def _in_calendar(moments: Array) -> Array:
    """Make null what is outside the years 1 to 9999, which neither Python nor a report can write."""
    micro = moments.cast(pa.int64())
    there = pc.and_(pc.greater_equal(micro, _FIRST), pc.less_equal(micro, _LAST))
    return pc.if_else(there, moments, pa.scalar(None, moments.type))


def _unwrapped(values: Array, counts: Array, micro: float) -> Array:
    """Make null what would overflow, and so come out as another time, when its counts become microseconds."""
    far = pc.greater(pc.abs(pc.multiply(counts.cast(pa.float64(), safe=False), micro)), float(_LAST))
    return pc.if_else(far, pa.scalar(None, values.type), values)


def _instants(column: Column, values: Array, reading: Reading) -> Array:
    kind = values.type
    if reading.format in _EPOCHS:
        return _from_epoch(values, _EPOCHS[reading.format])
    if pa.types.is_timestamp(kind):
        values = _unwrapped(values, values.cast(pa.int64()), _MICRO[kind.unit])
        moments = values.cast(pa.timestamp("us", tz=kind.tz), safe=False)
        return moments.cast(INSTANT) if kind.tz else _place(column, moments, reading)
    if pa.types.is_date(kind):
        days = values.cast(pa.int32()) if pa.types.is_date32(kind) else values.cast(pa.int64())
        values = _unwrapped(values, days, 86_400e6 if pa.types.is_date32(kind) else _MICRO["ms"])
        return _place(column, values.cast(pa.timestamp("us"), safe=False), reading)
    if pa.types.is_string(kind):
        return _from_text(column, values, reading)
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        raise InvalidInput(
            f"{_called(column, reading)} holds numbers where times are expected. State what they count in a map: "
            f'`{column.name} = {{ header = "{reading.header or column.name}", format = "epoch_ms" }}` '
            f"(one of {', '.join(_EPOCHS)})."
        )
    return pa.nulls(len(values), INSTANT)


def _from_epoch(values: Array, factor: float) -> Array:
    numbers = _to_float(Column("", Kind.FLOAT, ""), values, Reading())
    if pa.types.is_integer(values.type) and factor >= 1:
        values = _unwrapped(values, values, factor)
        micro = pc.multiply(values.cast(pa.int64()), int(factor))
    else:
        micro = _whole(pc.floor(pc.multiply(numbers, factor)))
    return micro.cast(pa.timestamp("us")).cast(INSTANT)


def _from_text(column: Column, values: Array, reading: Reading) -> Array:
    if not reading.format and (found := _cast(values, INSTANT)) is not None:
        return found
    text = pc.utf8_trim_whitespace(values)
    if reading.format:
        parsed = pc.strptime(text, format=reading.format, unit="us", error_is_null=True)
        return parsed.cast(INSTANT) if parsed.type.tz else _place(column, parsed, reading)
    for pattern, better in ((r"(\.\d{6})\d+", r"\1"), (r"\s*(UTC|GMT|z)$", "Z"), (r"\s+([+-]\d{2})", r"\1")):
        text = pc.replace_substring_regex(text, pattern, better)
    none = pa.scalar(None, pa.string())
    text = pc.if_else(pc.match_substring_regex(text, _TIME), text, none)
    placed = pc.match_substring_regex(text, _OFFSET)
    zoned, naive = pc.if_else(placed, text, none), pc.if_else(placed, none, text)
    moments = _moments(naive, pa.timestamp("us"))
    found = _moments(zoned, INSTANT)
    return found if moments.null_count == len(moments) else pc.coalesce(found, _place(column, moments, reading))


def _cast(text: Array, kind: Any) -> Array | None:
    """Turn texts that are all well written, the usual case, at once; None where one is not."""
    try:
        return text.cast(kind)
    except pa.ArrowInvalid:
        return None


def _moments(text: Array, kind: Any) -> Array:
    """Parse ISO 8601 texts, all of one kind; a day that does not exist becomes null."""
    try:
        return text.cast(kind)
    except pa.ArrowInvalid:
        return pa.array([_moment(value) for value in text.to_pylist()], kind)


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
        return moment.astimezone(UTC) if moment.tzinfo else moment
    except (ValueError, OverflowError):
        return None


def _place(column: Column, moments: Array, reading: Reading) -> Array:
    """Place times that name no zone in the stated one; an hour that came twice is its first."""
    moments = _in_calendar(moments)
    if moments.null_count == len(moments):
        return pa.nulls(len(moments), INSTANT)
    if not reading.zone:
        example = next(moment for moment in moments.to_pylist() if moment is not None)
        raise InvalidInput(
            f"{_called(column, reading)} holds times that name no zone, such as '{example.isoformat(' ')}'. State it "
            f'in a map (`--map FILE.toml`): `zone = "UTC"`, or for this column alone '
            f'`{column.name} = {{ header = "{reading.header or column.name}", zone = "UTC" }}`.'
        )
    ZoneInfo(reading.zone)
    placed = pc.assume_timezone(moments, reading.zone, ambiguous="earliest", nonexistent="latest")
    return placed.cast(INSTANT)


def _called(column: Column, reading: Reading) -> str:
    if reading.header and reading.header != column.name:
        return f"Header {reading.header!r} (column {column.name!r})"
    return f"Column {column.name!r}"


_TURN = {
    Kind.TEXT: _to_text,
    Kind.INTEGER: _to_integer,
    Kind.FLOAT: _to_float,
    Kind.FLAG: _to_flag,
    Kind.INSTANT: _to_instant,
}
