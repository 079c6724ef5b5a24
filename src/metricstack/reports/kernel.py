"""The kernel that a report runs in: this interpreter, its own connection, nothing of the user's profile."""

import logging
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

__all__ = ["kernel_manager", "quiet_logger"]

# The longest path of a Unix socket is 103 characters on the systems that we know; the manager adds "-5".
_LONGEST_SOCKET = 95


def quiet_logger() -> logging.Logger:
    """Return a logger that says nothing: what a kernel complains of is in the error that is raised."""
    logger = logging.getLogger("metricstack.reports.kernel")
    logger.addHandler(logging.NullHandler())
    logger.propagate = False
    return logger


@contextmanager
def kernel_manager() -> Iterator[Any]:
    """Provide a kernel manager for one run, and take everything it wrote away afterwards.

    It runs this interpreter, installed kernelspecs or not; speaks over sockets in a folder of its own, so
    that two runs at once never meet; and reads no start-up files, so that a report depends on none.
    """
    from jupyter_client.kernelspec import KernelSpec
    from jupyter_client.manager import AsyncKernelManager

    folder = Path(tempfile.mkdtemp(prefix="metricstack-"))
    manager = AsyncKernelManager(
        connection_file=str(folder / "kernel.json"),
        shutdown_wait_time=3.0,
        log=quiet_logger(),
        **_transport(folder),
    )
    manager._kernel_spec = KernelSpec(
        # -P: a folder named like a package, where the report is run, must not stand before the package
        argv=[sys.executable, "-P", "-m", "metricstack.reports.launcher", "-f", "{connection_file}"],
        display_name="metricstack",
        language="python",
        env={"IPYTHONDIR": str(folder / "ipython"), "PYTHONHASHSEED": "0", "PYDEVD_DISABLE_FILE_VALIDATION": "1"},
    )
    try:
        yield manager
    finally:
        manager.cleanup_connection_file()
        shutil.rmtree(folder, ignore_errors=True)


def _transport(folder: Path) -> dict[str, str]:
    socket = folder / "s"
    if os.name == "posix" and len(str(socket)) < _LONGEST_SOCKET:
        return {"transport": "ipc", "ip": str(socket)}
    return {"transport": "tcp"}
