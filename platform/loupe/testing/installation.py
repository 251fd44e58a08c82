"""The running Loupe a benchmark drives: one that it starts for itself, or one given by address."""

import json
import logging
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from socket import socket
from tempfile import TemporaryDirectory

import httpx

ROOT = Path(__file__).resolve().parents[3]
START_SECONDS = 120.0


@dataclass(frozen=True, kw_only=True)
class Loupe:
    """One running installation.

    Attributes:
        http: carries the key.
        project: the slug of the project the key belongs to.
        var: its variable folder; None where only the address is known.
    """

    http: httpx.Client
    project: str
    var: Path | None = None


def given(url: str, key: str, project: str) -> Loupe:
    """A Loupe that runs already."""
    _quiet()
    headers = {"Authorization": f"Bearer {key}"}
    return Loupe(http=httpx.Client(base_url=url, headers=headers, timeout=600), project=project)


@contextmanager
def own() -> Iterator[Loupe]:
    """Start ``manage.py up`` in a folder of its own, wait until it is ready and idle, stop it.

    Raises:
        RuntimeError: it does not get ready; the end of its output is quoted.
    """
    _quiet()
    with TemporaryDirectory(prefix="loupe-bench-", dir="/tmp") as folder, socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
        probe.close()
        environment = {**os.environ, "LOUPE_VAR": folder, "LOUPE_PORT": str(port)}
        environment["DJANGO_SETTINGS_MODULE"] = "loupe.settings.dev"
        log = Path(folder) / "up.log"
        with log.open("wb") as out:
            up = subprocess.Popen(
                [sys.executable, str(ROOT / "manage.py"), "up"],
                cwd=ROOT, env=environment, stdout=out, stderr=out,
            )  # fmt: skip
        try:
            url = f"http://127.0.0.1:{port}"
            _wait(url, up, log)
            made = subprocess.run(
                [sys.executable, str(ROOT / "manage.py"), "createkey", "--project", "demo",
                 "--name", "benchmark", "--scopes", "submit,view,export", "--expires", "1d"],
                cwd=ROOT, env=environment, capture_output=True, text=True, check=False,
            )  # fmt: skip
            if made.returncode:
                raise RuntimeError(f"createkey failed: {made.stderr[-500:]}")
            loupe = replace(given(url, made.stdout.strip(), "demo"), var=Path(folder))
            _wait_until_idle(loupe)
            yield loupe
            loupe.http.close()
        finally:
            up.terminate()
            up.wait(60)


def _quiet() -> None:
    logging.getLogger("httpx").setLevel(logging.WARNING)  # a line a call otherwise


def _wait(url: str, up: "subprocess.Popen[bytes]", log: Path) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and up.poll() is None:
        try:
            if httpx.get(f"{url}/readyz", timeout=5).status_code == 200:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.2)
    raise RuntimeError(f"Loupe did not get ready:\n{log.read_text(errors='replace')[-2000:]}")


def _wait_until_idle(loupe: Loupe) -> None:
    """The sample inputs of a first start are inspected before anything is measured."""
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        jobs = loupe.http.get("/api/v1/jobs", params={"project": loupe.project}).json()["jobs"]
        if jobs and all(job["state"] in ("done", "cancelled") for job in jobs):
            return
        time.sleep(0.3)
    raise RuntimeError(f"The first jobs do not end: {json.dumps(jobs)[:500]}")
