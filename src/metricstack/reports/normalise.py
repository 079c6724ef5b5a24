"""An executed notebook without what changes from run to run: no times, no random ids, no addresses."""

import re
from collections.abc import Mapping
from typing import Any

__all__ = ["normalise"]

_KERNELSPEC = {"display_name": "Python 3", "language": "python", "name": "python3"}
_ADDRESS = re.compile(r"\bat 0x[0-9a-fA-F]{6,}")
_KERNEL_FILE = re.compile(r"\S*ipykernel_\d+[/\\]\d+\.py")


def normalise(notebook: Any, *, report: str, run: str, parameters: Mapping[str, Any]) -> Any:
    """Strip an executed notebook, in place, of everything that is not its question, code and results.

    Args:
        notebook: An executed ``nbformat`` notebook.
        report: The slug.
        run: The name of the run.
        parameters: Every parameter with the value that it had.

    Returns:
        The same notebook; two runs on the same inputs give the same bytes.
    """
    for number, cell in enumerate(notebook.cells, start=1):
        cell["id"] = f"cell-{number:02d}"
        tags = cell.metadata.get("tags")
        cell["metadata"] = type(cell.metadata)({"tags": tags} if tags else {})
        for output in cell.get("outputs", ()):
            _normalise_output(output)
    notebook["metadata"] = type(notebook.metadata)(
        {
            "kernelspec": dict(_KERNELSPEC),
            "language_info": {"name": "python"},
            "metricstack": {"report": report, "run": run, "parameters": dict(parameters)},
        }
    )
    notebook["nbformat"], notebook["nbformat_minor"] = 4, 5
    return notebook


def _normalise_output(output: Any) -> None:
    if output["output_type"] == "stream":
        output["text"] = _stable(output["text"])
    elif "text/plain" in output.get("data", {}):
        output["data"]["text/plain"] = _stable(output["data"]["text/plain"])


def _stable(text: str) -> str:
    return _KERNEL_FILE.sub("<cell>", _ADDRESS.sub("at 0x…", text))
