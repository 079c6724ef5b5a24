"""What many tests share: a small simulated company, and a database server, each made once."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest
from filelock import FileLock

from metricstack import simulation


@pytest.fixture(scope="session")
def company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The workspace of a company with 12,000 requests over five quarters; not to be changed."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if base.name.startswith("popen-") else base
    folder = shared / "company"
    with FileLock(shared / "company.lock"):
        if not (folder / "truth.json").is_file():
            simulation.simulate(folder, requests=12_000, days=458, seed=7)
    return folder


def let_others_in(folder: Path) -> None:
    """Let a user who is not the test's reach a temporary folder: pytest closes the folders above it."""
    for parent in (folder, *folder.parents):
        if parent == Path(tempfile.gettempdir()):
            break
        parent.chmod(0o755)


def absent(what: str) -> NoReturn:
    """Skip a test whose engine is not on this machine, and say so; under continuous integration it must be."""
    if os.environ.get("CI"):
        pytest.fail(f"{what}; under CI every engine must be there")
    pytest.skip(what)


PASSWORD = "hunter2 & more"  # of a server that lives as long as the tests


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a server of Debian's package on the loopback interface, in a folder of its own, for the tests."""
    homes = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    if not homes:
        absent("PostgreSQL is not installed: `make system` installs it")
    folder = tmp_path_factory.mktemp("postgres")
    who: dict[str, Any] = {}
    if os.getuid() == 0:
        who = {"user": "postgres", "group": "postgres", "extra_groups": []}
        let_others_in(folder)
        shutil.chown(folder, "postgres", "postgres")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (folder / "password").write_text(PASSWORD)
    (folder / "password").chmod(0o644)
    data = folder / "data"
    subprocess.run(
        [homes[-1].with_name("initdb"), "-D", data, "-U", "ada", "-A", "scram-sha-256", "--no-sync",
         f"--pwfile={folder / 'password'}"],
        check=True, capture_output=True, cwd=folder, **who,
    )  # fmt: skip
    server = subprocess.Popen(
        [homes[-1], "-D", data, "-p", str(port), "-k", folder, "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder, **who,
    )  # fmt: skip
    import psycopg

    try:
        until = time.monotonic() + 60
        while True:
            try:
                psycopg.connect(host="127.0.0.1", port=port, user="ada", password=PASSWORD, dbname="postgres").close()
                break
            except psycopg.OperationalError:
                if server.poll() is not None or time.monotonic() > until:
                    raise
                time.sleep(0.1)
        yield f"postgres://ada:hunter2%20%26%20more@127.0.0.1:{port}/postgres"
    finally:
        server.send_signal(2)  # SIGINT: PostgreSQL's fast shutdown
        server.wait(timeout=30)
