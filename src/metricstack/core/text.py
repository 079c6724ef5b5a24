"""Text from telemetry, made fit to be looked at: nothing in it may act, and nothing may hide."""

__all__ = ["seen"]

_UNSEEN = (
    {code: 0x2400 + code for code in range(32) if chr(code) not in "\n\t"}
    | {0x7F: 0x2421}
    | dict.fromkeys([*range(0x80, 0xA0), 0x2028, 0x2029, *range(0x202A, 0x202F), *range(0x2066, 0x206A)], 0xFFFD)
)


def seen(text: str) -> str:
    """Make visible what acts unseen: control characters, and marks that turn the direction of writing.

    A terminal obeys the first (they move the cursor, recolour, ring); the second let one name look like another.
    Line ends and tabs stay: who lays text out knows them.

    Example:
        >>> seen("a" + chr(27) + "[31mb")
        'a␛[31mb'
    """
    return text.translate(_UNSEEN)
