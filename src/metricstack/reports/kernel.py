"""The kernel that a report runs in: this interpreter, its own connection, nothing of the user's profile."""

import asyncio
import logging
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

__all__ = ["apart", "kernel_manager", "kill", "quiet_logger"]

T = TypeVar("T")

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
        # -P: a folder named like a package, where the report is run, must not stand before the package.
        # By path, not by module: the packages above the launcher would be imported before it acts.
        argv=[sys.executable, "-P", str(Path(__file__).with_name("launcher.py")), "-f", "{connection_file}"],
        display_name="metricstack",
        language="python",
        env={"IPYTHONDIR": str(folder / "ipython"), "PYTHONHASHSEED": "0", "PYDEVD_DISABLE_FILE_VALIDATION": "1"},
    )
    try:
        yield manager
    finally:
        manager.cleanup_connection_file()
        shutil.rmtree(folder, ignore_errors=True)


def kill(manager: Any) -> None:
    """End the kernel's process at once, if it has one."""
    process = getattr(manager.provisioner, "process", None)
    if process is not None:
        with suppress(ProcessLookupError):
            os.kill(process.pid, getattr(signal, "SIGKILL", signal.SIGTERM))


def apart(work: Callable[[], T], stop: Callable[[], None]) -> T:
    """Do work in a thread with an event loop of its own, so that it may also be asked for inside a running one.

    Args:
        work: What to do; it waits for a kernel.
        stop: Makes ``work`` end soon; called until it has when the caller is interrupted.

    Raises:
        KeyboardInterrupt: the caller was interrupted; the work has ended by then.
    """
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="report") as pool:
        future = pool.submit(_with_loop, work)
        try:
            return future.result()
        except KeyboardInterrupt:
            while not future.done():
                stop()
                wait([future], timeout=0.2)
            raise


def _with_loop(work: Callable[[], T]) -> T:
    from jupyter_core.utils import ensure_event_loop

    try:
        return work()
    finally:
        loop = ensure_event_loop()
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()
        asyncio.set_event_loop(None)


def _transport(folder: Path) -> dict[str, str]:
    socket = folder / "s"
    if os.name == "posix" and len(str(socket)) < _LONGEST_SOCKET:
        return {"transport": "ipc", "ip": str(socket)}
    return {"transport": "tcp"}
