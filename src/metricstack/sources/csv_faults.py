"""Find the place where a CSV file stops being one: line and column, for a person to go to."""

from pathlib import Path

from metricstack.core.errors import UnreadableFile

__all__ = ["locate_fault"]


def locate_fault(path: Path, *, delimiter: str, fields: int | None) -> UnreadableFile | None:
    """Walk through a CSV file until it breaks a rule.

    Args:
        path: The file.
        delimiter: What stands between two fields.
        fields: How many fields every row must have, None where that is not known yet.

    Returns:
        The error that names line and column, both from 1; None where the file keeps the rules. No
        content of the file is in it.
    """
    found, opened_at = 0, None  # fields of the record so far; where its open quote stands
    with path.open("rb") as stream:
        for number, raw in enumerate(stream, start=1):
            try:
                line = raw.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n")
            except UnicodeDecodeError as error:
                detail = f"not UTF-8 text (byte 0x{raw[error.start]:02x}). Save the file as UTF-8"
                return UnreadableFile(path, detail, line=number, column=error.start + 1)
            if opened_at is None and not line:
                continue
            more, opened_at, at = _walk(line, number, delimiter, (fields or 0) - found, opened_at)
            found += more
            if opened_at is not None:
                continue
            if fields is None:
                found = 0
                continue
            if found + 1 > fields:
                detail = f"more fields than the header, which has {fields}"
                return UnreadableFile(path, detail, line=number, column=at)
            if found + 1 < fields:
                detail = f"{found + 1} fields where the header has {fields}"
                return UnreadableFile(path, detail, line=number, column=len(line) + 1)
            found = 0
    if opened_at is not None:
        return UnreadableFile(path, "a quote is opened here and never closed", line=opened_at[0], column=opened_at[1])
    return None


def _walk(
    line: str, number: int, delimiter: str, allowed: int, opened_at: tuple[int, int] | None
) -> tuple[int, tuple[int, int] | None, int]:
    """Count the delimiters of a line outside quotes; return them, the quote that stays open, and the first surplus."""
    if opened_at is None and '"' not in line:
        count = line.count(delimiter)
        surplus = 0
        if count >= allowed:
            surplus = len(delimiter.join(line.split(delimiter)[:allowed])) + 2
        return count, None, surplus
    count, surplus, at_start, position = 0, 0, opened_at is None, 0
    while position < len(line):
        sign = line[position]
        if opened_at is not None:
            if sign == '"' and line[position + 1 : position + 2] == '"':
                position += 1
            elif sign == '"':
                opened_at = None
        elif sign == '"' and at_start:
            opened_at = (number, position + 1)
        elif sign == delimiter:
            count += 1
            if count == allowed:
                surplus = position + 2
        at_start = opened_at is None and sign == delimiter
        position += 1
    return count, opened_at, surplus
