"""Run a notebook with Papermill and publish its report, whole or not at all."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from metricstack.core.errors import ReportError
from metricstack.reports.catalogue import Notebook, find
from metricstack.reports.complete import first_fault, last_started
from metricstack.reports.emit import collect
from metricstack.reports.export import export, findings_json
from metricstack.reports.kernel import apart, kernel_manager, kill, quiet_logger
from metricstack.reports.manifest import describe
from metricstack.reports.normalise import normalise
from metricstack.reports.parameters import check_parameters
from metricstack.reports.publish import locked, publish, run_name, staging, write
from metricstack.telemetry.warehouse import write_atomic

__all__ = ["Report", "run"]


@dataclass(frozen=True, slots=True)
class Report:
    """A report that was published.

    Args:
        slug: The notebook.
        run: The name of the run: the quarter, and any other parameter that is not its default.
        folder: Where its files are.
        answered: How many of its findings are answers.
        refused: How many are refusals.
        seconds: How long it took.
    """

    slug: str
    run: str
    folder: Path
    answered: int
    refused: int
    seconds: float

    @property
    def path(self) -> Path:
        """The page to open."""
        return self.folder / "report.html"

    def __str__(self) -> str:
        return f"{self.path} ({self.answered:,} answers, {self.refused:,} refusals, {self.seconds:.1f} s)"


def run(
    notebook: str | Path,
    parameters: Mapping[str, Any] | None = None,
    *,
    out: Path | str = "reports",
    progress: bool = True,
    timeout: int = 900,
) -> Report:
    """Run a notebook and publish its report into ``out/<slug>/<run>/``.

    The folder then holds ``report.html``, ``findings.json``, ``manifest.json`` and the executed ``run.ipynb``. A run
    that fails leaves the last good report as it is and puts ``failed.ipynb`` beside it.

    Args:
        notebook: A slug of the catalogue, or the path of a notebook.
        parameters: Name → value for the notebook's parameters cell; the rest keep their defaults.
        out: The folder of all reports.
        progress: Show a bar, cell by cell, on the error stream.
        timeout: Seconds that one cell may take.

    Raises:
        UnknownName: no such notebook or parameter; with the nearest.
        InvalidInput: a parameter of the wrong type.
        ReportError: a cell failed, the kernel died or took too long, no findings came out, or the report cannot be
            written. It says which cell and what stands.
    """
    source = find(notebook)
    given = check_parameters(parameters or {}, source.parameters, slug=source.slug)
    name = run_name(given, source.parameters)
    place = Path(out) / source.slug / name
    started, clock = datetime.now(UTC), time.monotonic()
    values = source.parameters | given
    with staging(place) as folder:
        executed = _prepare(source, given)
        try:
            problem = _execute(executed, source.slug, progress=progress, timeout=timeout) or first_fault(executed)
        except KeyboardInterrupt:
            problem = f"it was interrupted while {_place(executed)} ran"
            _keep(place, normalise(executed, report=source.slug, run=name, parameters=values), problem)
            raise
        normalise(executed, report=source.slug, run=name, parameters=values)
        if problem is not None:
            raise ReportError(f"{source.slug} {name} failed: {problem}. {_keep(place, executed, problem)}")
        findings = collect(executed)
        manifest = describe(
            report=source.slug,
            run=name,
            parameters=values,
            findings=findings,
            notebook=source.path.read_bytes(),
            cells=sum(bool(cell.get("execution_count")) for cell in executed.cells),
            started=started,
            finished=datetime.now(UTC),
        )
        write(
            folder,
            place,
            {
                "report.html": export(executed),
                "findings.json": findings_json(executed),
                "manifest.json": json.dumps(manifest, indent=1, sort_keys=True, ensure_ascii=False) + "\n",
                "run.ipynb": _text(executed),
            },
        )
        publish(folder, place)
    refused = manifest["findings"]["refused"]
    return Report(source.slug, name, place, len(findings) - refused, refused, round(time.monotonic() - clock, 1))


def _prepare(source: Notebook, given: Mapping[str, Any]) -> Any:
    """Read a notebook and add the cell that sets the given parameters."""
    from papermill.iorw import load_notebook_node
    from papermill.parameterize import parameterize_notebook

    notebook = load_notebook_node(str(source.path))
    if not given:
        return notebook
    return parameterize_notebook(notebook, dict(given), kernel_name="python3", language="python")


def _execute(notebook: Any, slug: str, *, progress: bool, timeout: int) -> str | None:
    """Execute a notebook in place, as far as it goes; return what stopped the kernel, None where nothing did."""
    from nbclient.exceptions import CellTimeoutError, DeadKernelError
    from papermill.clientwrap import PapermillNotebookClient
    from papermill.engines import NotebookExecutionManager

    manager = NotebookExecutionManager(notebook, progress_bar={"desc": slug} if progress else False)
    manager.notebook_start()
    try:
        with kernel_manager() as kernel:
            client = PapermillNotebookClient(
                manager, km=kernel, timeout=timeout, startup_timeout=120, record_timing=False, log=quiet_logger()
            )
            apart(lambda: client.execute(cleanup_kc=True), stop=lambda: kill(kernel))
    except DeadKernelError:
        return f"the kernel died while {_place(notebook)} ran: it ended itself, was killed, or ran out of memory"
    except CellTimeoutError:
        return f"{_place(notebook)} ran longer than the {timeout} s that a cell may take"
    except OSError as error:
        return f"the kernel could not be started: {(error.strerror or str(error)).lower()}"
    except RuntimeError as error:
        return (
            f"the kernel did not answer ({str(error).strip().splitlines()[0] if str(error).strip() else 'no reason'})"
        )
    finally:
        manager.cleanup_pbar()
    return None


def _place(notebook: Any) -> str:
    number = last_started(notebook)
    return "the kernel's start" if number is None else f"cell {number}"


def _keep(place: Path, executed: Any, problem: str) -> str:
    """Write ``failed.ipynb`` beside the last good report; return where to look and what stands."""
    from nbformat.v4 import new_markdown_cell

    stands = "The last good report still stands." if (place / "report.html").is_file() else ""
    note = new_markdown_cell(f"**This run failed:** {problem}.", id="failure")  # type: ignore[no-untyped-call]
    executed.cells.insert(0, note)
    try:
        place.mkdir(parents=True, exist_ok=True)
        with locked(place), write_atomic(place / "failed.ipynb") as stream:
            stream.write(_text(executed).encode())
    except (OSError, ReportError) as error:
        return f"The notebook as far as it ran could not be kept ({error}). {stands}".rstrip()
    return f"See {place / 'failed.ipynb'}. {stands}".rstrip()


def _text(notebook: Any) -> str:
    import nbformat

    return str(nbformat.writes(notebook)) + "\n"  # type: ignore[no-untyped-call]
