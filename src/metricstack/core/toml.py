"""TOML with line numbers: read a file, and say on which line a key stands.

The standard library reads TOML but forgets where things stood; a fault that is reported with its
line is found at once.
"""

import re
import tomllib
from functools import lru_cache
from pathlib import Path
from typing import Any

from metricstack.core.errors import UnreadableFile

__all__ = ["line_of", "read_toml"]

_HEADER = re.compile(r"^\s*\[{1,2}\s*(?P<path>[^\]#]+?)\s*\]{1,2}")
_KEY = re.compile(r"""^\s*(?P<key>(?:"[^"]*"|'[^']*'|[\w.-])+)\s*=""")
_AT = re.compile(r"\(at line (\d+), column (\d+)\)")


def read_toml(path: Path) -> tuple[dict[str, Any], str]:
    """Read a TOML file into its values and its text.

    Raises:
        UnreadableFile: it is not there, not UTF-8, or not TOML; with line and column where known.
    """
    try:
        text = path.read_text(encoding="utf-8").removeprefix("\ufeff")  # a mark at its begin is no part of it
        return tomllib.loads(text), text
    except OSError as error:
        raise UnreadableFile(path, error.strerror or str(error)) from error
    except UnicodeDecodeError as error:
        raise UnreadableFile(path, f"not UTF-8 text (byte {error.start})") from error
    except tomllib.TOMLDecodeError as error:
        place = _AT.search(str(error))
        line, column = (int(place[1]), int(place[2])) if place else (None, None)
        raise UnreadableFile(path, _AT.sub("", str(error)).strip(), line=line, column=column) from error
    except RecursionError as error:
        raise UnreadableFile(path, "its lists or tables are nested too deeply to be read") from error
    except ValueError as error:
        raise UnreadableFile(path, f"a value cannot be read: {str(error).partition(';')[0]}") from error


def _parts(dotted: str) -> tuple[str, ...]:
    found = re.findall(r"\"([^\"]*)\"|'([^']*)'|([\w-]+)", dotted)
    return tuple(next(part for part in group if part) for group in found if any(group))


def line_of(text: str, *path: str) -> int:
    """Return the line (from 1) where a key stands, or the nearest table above it that is written out.

    Example:
        >>> line_of('[workspace]\\nzone = "Mars"\\n', "workspace", "zone")
        2
        >>> line_of('[workspace]\\nzone = "Mars"\\n', "workspace", "currency")
        1
    """
    best, best_depth = 1, 0
    for number, here in _places(text):
        if here == path[: len(here)] and len(here) > best_depth:
            best, best_depth = number, len(here)
    return best


@lru_cache(maxsize=32)
def _places(text: str) -> tuple[tuple[int, tuple[str, ...]], ...]:
    """The lines on which a table or a key is written, each with its path."""
    table: tuple[str, ...] = ()
    found = []
    for number, line in enumerate(text.splitlines(), start=1):
        if header := _HEADER.match(line):
            table = _parts(header["path"])
            found.append((number, table))
        elif entry := _KEY.match(line):
            found.append((number, (*table, *_parts(entry["key"]))))
    return tuple(found)
