"""From an executed notebook to one HTML file that stands alone: no code, no requests, nothing that runs."""

import base64
import json
from functools import cache
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Any

from metricstack import __version__
from metricstack.core.errors import UnreadableFile
from metricstack.reports.emit import collect
from metricstack.reports.page import lay_out

__all__ = ["POLICY", "export", "findings_json", "style"]

POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:; base-uri 'none'; form-action 'none'"
)
_FONT = "inter-latin-wght-normal.woff2"


def export(notebook: Any) -> str:
    """Write an executed notebook as one self-contained HTML page, the same bytes for the same notebook.

    Args:
        notebook: An executed ``nbformat`` notebook, or the path of one (``run.ipynb``).

    Returns:
        The page. Its policy forbids every request and every script, should one ever get in.

    Raises:
        UnreadableFile: a path that is no notebook.
    """
    node = _read(Path(notebook)) if isinstance(notebook, str | Path) else notebook
    page = lay_out(node)
    origin = node.metadata.get("metricstack", {})
    text, _ = _exporter().from_notebook_node(
        node,
        resources={
            "page": page,
            "policy": POLICY,
            "style": style(),
            "report": str(origin.get("report", "")).replace("-", " "),
            "parameters": [
                (name.replace("_", " "), str(value))
                for name, value in origin.get("parameters", {}).items()
                if value not in ("", None) and name != "workspace"
            ],
            "version": __version__,
        },
    )
    return str(text)


def findings_json(notebook: Any) -> str:
    """Write the findings of an executed notebook as JSON: sorted keys, each finding once, in the report's order."""
    origin = notebook.metadata.get("metricstack", {})
    content = {
        "version": 1,
        "report": origin.get("report", ""),
        "run": origin.get("run", ""),
        "findings": collect(notebook),
    }
    return json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"


@cache
def style() -> str:
    """Return the style sheet, with its font as data."""
    folder = files("metricstack.reports") / "template"
    font = base64.b64encode((folder / _FONT).read_bytes()).decode()
    sheet = "\n".join((folder / name).read_text(encoding="utf-8") for name in ("report.css", "review.css"))
    return sheet.replace("url(inter.woff2)", f"url(data:font/woff2;base64,{font})")


@cache
def _exporter() -> Any:
    from nbconvert.exporters.templateexporter import TemplateExporter

    folder = Path(str(files("metricstack.reports") / "template"))
    return TemplateExporter(  # type: ignore[no-untyped-call]
        template_paths=[str(folder)],
        template_file="report.html.j2",
        filters={"text": lambda value: escape(str(value), quote=True)},
    )


def _read(path: Path) -> Any:
    import nbformat

    try:
        return nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    except OSError as error:
        raise UnreadableFile(path, (error.strerror or str(error)).lower()) from error
    except (ValueError, nbformat.reader.NotJSONError) as error:
        raise UnreadableFile(path, "not a notebook") from error
