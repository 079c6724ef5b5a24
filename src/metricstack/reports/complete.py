"""Is an executed notebook whole? Only then may it be published.

An exit code does not tell: after `sys.exit(0)`, a dead kernel or a time-out Papermill marks cells that never
ran as completed. What does tell is every cell: it ran, it shows no error, and findings came out.
"""

import re
from typing import Any

from metricstack.reports.emit import collect

__all__ = ["cell_number", "first_fault", "last_started"]

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def first_fault(notebook: Any) -> str | None:
    """Say what keeps an executed notebook from being published, None where nothing does.

    The message names the cell, counted from 1 over all cells as they stand in the source notebook, and the
    last line of its error.
    """
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            if output["output_type"] == "error":
                return f"cell {cell_number(notebook, cell)} stopped with {_last_line(output)}"
    for cell in notebook.cells:
        if cell.cell_type == "code" and cell.source.strip() and not cell.get("execution_count"):
            return f"cell {cell_number(notebook, cell)} did not run"
    if not collect(notebook):
        return "it handed over no findings; let its last cell be `ms.reports.emit(...)`"
    return None


def last_started(notebook: Any) -> int | None:
    """Return the number of the last code cell that was started, by Papermill's own record; None where none was."""
    codes = [cell for cell in notebook.cells if cell.cell_type == "code"]
    started = [cell for cell in codes if cell.metadata.get("papermill", {}).get("start_time")]
    return cell_number(notebook, started[-1]) if started else None


def cell_number(notebook: Any, cell: Any) -> int:
    """Count a cell's place from 1, leaving out the one that Papermill injected (it takes its neighbour's)."""
    number = 0
    for other in notebook.cells:
        number += "injected-parameters" not in other.metadata.get("tags", ())
        if other is cell:
            break
    return max(number, 1)


def _last_line(output: Any) -> str:
    value = _COLOUR.sub("", str(output.get("evalue", ""))).strip()
    text = f"{output.get('ename', 'an error')}: {value}" if value else str(output.get("ename", "an error"))
    return text.rstrip(".")
