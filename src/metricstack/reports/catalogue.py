"""The notebooks that make reports: where they are, what each asks, which parameters it takes."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from metricstack.core.errors import UnknownName, UnreadableFile
from metricstack.reports.parameters import Literal, parse_parameters

__all__ = ["Notebook", "catalogue", "find", "read_notebook"]

_PACKAGE = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Notebook:
    """One notebook: one question, one report.

    Args:
        slug: Its file's name without ``.ipynb``; the folder of its reports.
        path: The file.
        title: Its first heading: the question.
        about: The text below the title.
        parameters: Name → default, from the cell tagged ``parameters``.
    """

    slug: str
    path: Path
    title: str
    about: str = ""
    parameters: dict[str, Literal] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.slug}: {self.title}"


def _folders() -> tuple[Path, ...]:
    """Return where notebooks are looked for: the project's own first, then those of metricstack."""
    carried = _PACKAGE / "notebooks"
    ours = carried if carried.is_dir() else _PACKAGE.parents[1] / "notebooks"
    return tuple(dict.fromkeys((Path.cwd() / "notebooks", ours)))


def catalogue(folder: Path | None = None) -> tuple[Notebook, ...]:
    """List every notebook, by slug.

    Args:
        folder: Only this folder; by default the project's ``notebooks/`` and those of metricstack, where the
            project's stands before one of the same slug.

    Raises:
        UnreadableFile: a file that is no notebook.
        InvalidInput: a parameters cell that is more than literals.
    """
    found: dict[str, Notebook] = {}
    for place in (folder,) if folder is not None else _folders():
        for path in sorted(place.glob("*.ipynb")):
            if path.stem not in found:
                found[path.stem] = read_notebook(path)
    return tuple(found[slug] for slug in sorted(found))


def find(name: str | Path) -> Notebook:
    """Return the notebook of a slug or a path.

    Raises:
        UnknownName: no such slug; with the nearest.
        UnreadableFile: a path that is not a notebook.
    """
    if isinstance(name, Path) or name.endswith(".ipynb"):
        return read_notebook(Path(name))
    for folder in _folders():
        path = folder / f"{name}.ipynb"
        if Path(name).name == name and path.is_file():
            return read_notebook(path)
    known = [path.stem for folder in _folders() for path in folder.glob("*.ipynb")]
    raise UnknownName("report", name, known, remedy="Give a slug or the path of a notebook.")


def read_notebook(path: Path) -> Notebook:
    """Read what a notebook asks and takes, without running it.

    Raises:
        UnreadableFile: it is not there, or not a notebook of format 4.
        InvalidInput: a parameters cell that is more than literals, or more than one of them.
    """
    cells = _cells(path)
    title, about = _heading(cells)
    tagged = [(number, cell) for number, cell in enumerate(cells, start=1) if "parameters" in _tags(cell)]
    if len(tagged) > 1:
        places = ", ".join(str(number) for number, _ in tagged)
        raise UnreadableFile(path, f"{len(tagged)} cells are tagged 'parameters' ({places}); there may be one")
    defaults = {
        name: value
        for number, cell in tagged
        for name, value in parse_parameters(_source(cell), where=f"{path.name}, cell {number}").items()
    }
    return Notebook(path.stem, path, title or path.stem.replace("-", " ").capitalize(), about, defaults)


def _cells(path: Path) -> list[dict[str, Any]]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UnreadableFile(path, (error.strerror or str(error)).lower()) from error
    except UnicodeDecodeError as error:
        raise UnreadableFile(path, f"not UTF-8 text (byte {error.start})") from error
    except json.JSONDecodeError as error:
        raise UnreadableFile(path, f"not a notebook: {error.msg}", line=error.lineno, column=error.colno) from error
    cells = content.get("cells") if isinstance(content, dict) and content.get("nbformat") == 4 else None
    if not isinstance(cells, list) or not all(isinstance(cell, dict) for cell in cells):
        raise UnreadableFile(path, "not a notebook of format 4; open it in JupyterLab and save it")
    return cells


def _source(cell: dict[str, Any]) -> str:
    source = cell.get("source", "")
    return source if isinstance(source, str) else "".join(source)


def _tags(cell: dict[str, Any]) -> list[str]:
    return cell["metadata"].get("tags", []) if isinstance(cell.get("metadata"), dict) else []


def _heading(cells: list[dict[str, Any]]) -> tuple[str, str]:
    for cell in cells:
        if cell.get("cell_type") != "markdown":
            continue
        lines = _source(cell).strip().splitlines()
        for number, line in enumerate(lines):
            if line.startswith("# "):
                return line[2:].strip(), "\n".join(lines[number + 1 :]).strip()
    return "", ""
