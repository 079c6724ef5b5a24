"""JSON as exports hold it: every text that comes out of it can be written again."""

import json
import re
from typing import Any

__all__ = ["parse_json"]

_ESCAPED = re.compile(r"\\u[dD][89a-fA-F]")
_SURROGATE = re.compile("[\ud800-\udfff]")


def parse_json(text: str) -> Any:
    """Parse JSON; half of a surrogate pair, which JSON allows and no encoding does, becomes U+FFFD.

    Raises:
        ValueError: it is not JSON (`json.JSONDecodeError`, with the place), or a number has thousands of digits.
        RecursionError: it is nested too deeply.

    Example:
        >>> parse_json('["\\\\ud800x"]') == ["\\ufffdx"]
        True
    """
    content = json.loads(text)
    return _whole(content) if _ESCAPED.search(text) else content


def _whole(value: Any) -> Any:
    if isinstance(value, str):
        return _SURROGATE.sub("\ufffd", value)
    if isinstance(value, dict):
        return {_whole(name): _whole(inner) for name, inner in value.items()}
    return [_whole(inner) for inner in value] if isinstance(value, list) else value
