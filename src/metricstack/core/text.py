"""Text from telemetry, made fit to be looked at: nothing in it may act, and nothing may hide."""

import re

__all__ = ["aside", "seen"]

_RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]")

_UNSEEN = (
    {code: 0x2400 + code for code in range(32) if chr(code) not in "\n\t"}
    | {0x7F: 0x2421}
    | dict.fromkeys([*range(0x80, 0xA0), 0x2028, 0x2029, *range(0x202A, 0x202F), 0x2066, 0x2067], 0xFFFD)
    | dict.fromkeys([*range(0xD800, 0xE000), 0xFFFE, 0xFFFF], 0xFFFD)
)


def seen(text: str) -> str:
    """Make visible what acts unseen: control characters, and marks that turn the direction of writing.

    A terminal obeys the first (they move the cursor, recolour, ring); the second let one name look like another. What
    XML cannot hold, and halves of characters that no file can, go the same way. Line ends and tabs stay: who lays
    text out knows them.

    Example:
        >>> seen("a" + chr(27) + "[31mb")
        'a␛[31mb'
    """
    return text.translate(_UNSEEN)


def aside(name: str) -> str:
    """Set a name that is written from right to left apart, so that it does not turn the number beside it about.

    It stands between two isolating marks (Unicode Standard Annex 9); other names are returned as they are.

    Example:
        >>> aside("eu"), len(aside("\u05e9\u05dc\u05d5\u05dd"))
        ('eu', 6)
    """
    return f"\u2068{name}\u2069" if _RIGHT_TO_LEFT.search(name) else name
