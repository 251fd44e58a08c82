"""`manage.py up`, from an empty folder to a finished sample job and back to nothing."""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.processes import Site, free_port

pytestmark = [pytest.mark.serial, pytest.mark.slow]
ROOT = Path(__file__).parents[3]
PARTS = {"broker", "engine", "worker", "attendant", "trainer", "beat", "web", "report_gen-dicom"}


class Up:
    """One `manage.py up` and what it printed."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.output = site.var / "up.txt"
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, str(ROOT / "manage.py"), "up", "--port", str(site.port)],
                env=site.environment,
                stdout=output,
                stderr=output,
            )

    def said(self) -> str:
        return self.output.read_text()

    def until(self, words: str, seconds: float = 400) -> None:
        """Wait until it has printed `words`."""
        deadline = time.monotonic() + seconds
        while words not in self.said():
            assert self.process.poll() is None, self.said() + self.site.last_words()
            assert time.monotonic() < deadline, self.said() + self.site.last_words()
            time.sleep(0.1)

    def pids(self) -> dict[str, int]:
        """The process numbers it told, by name."""
        found = re.findall(r"^([\w-]+): running(?: again)? \(process (\d+)\)", self.said(), re.M)
        return {name: int(pid) for name, pid in found}


def sign_in(said: str) -> str:
    """The line with the demo login."""
    (line,) = re.findall(r"^Sign in as demo with the password \S{8,}$", said, re.M)
    return str(line)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    """An empty folder and a free port; the demo is on and no probe app is installed."""
    with TemporaryDirectory(prefix="loupe-up-", dir="/tmp") as folder:
        yield Site(Path(folder), probes=False, demo=True)


@pytest.fixture(scope="module")
def up(site: Site) -> Iterator[Up]:
    """A first start that has become ready."""
    running = Up(site)
    try:
        running.until("Loupe is ready")
        running.until("Logs:")
        yield running
    finally:
        if running.process.poll() is None:
            running.process.terminate()
            running.process.wait(timeout=180)


def test_a_first_start_tells_of_each_process_and_prints_address_and_login(up: Up) -> None:
    assert set(up.pids()) == PARTS
    assert up.said().count(f"Loupe is ready: http://localhost:{up.site.port}/") == 1
    assert sign_in(up.said())


def test_the_login_is_kept_where_only_its_owner_reads_it(up: Up) -> None:
    file = up.site.var / "demo.json"
    assert file.stat().st_mode & 0o777 == 0o600
    assert json.loads(file.read_text())["password"] in up.said()


def test_sample_inputs_come_out_as_decisions(up: Up) -> None:
    code = (
        "import django, json; django.setup(); from loupe.jobs.models import Job, Decision;"
        "print(json.dumps([[job.state for job in Job.objects.all()], Decision.objects.count()]))"
    )
    deadline = time.monotonic() + 400
    while True:
        states, decisions = json.loads(up.site.python(code))
        if states and set(states) == {"done"}:
            break
        assert time.monotonic() < deadline, (states, up.site.last_words())
        time.sleep(0.5)
    assert decisions >= 3


def test_a_second_start_says_where_the_first_one_answers(up: Up) -> None:
    answer = up.site.manage("up", "--port", str(free_port()))
    assert answer.returncode == 0
    assert f"already running at http://localhost:{up.site.port}/" in answer.stdout
    assert sign_in(up.said()) in answer.stdout


def test_a_process_that_is_killed_is_told_and_started_again(up: Up) -> None:
    before = up.pids()["beat"]
    os.kill(before, signal.SIGKILL)
    up.until("beat: running again", seconds=240)
    assert up.pids()["beat"] != before


@pytest.mark.skipif(shutil.which("curl") is None, reason="the README's first call uses curl")
def test_the_readmes_first_call_answers(up: Up) -> None:
    text = (ROOT / "README.md").read_text().partition("## First REST call")[2]
    call = re.findall(r"^```sh\n(.*?)^```", text, re.S | re.M)[0]
    assert call.count("curl ") == call.count(".venv/bin/python ") == 1
    call = call.replace(".venv/bin/python ", f"{shlex.quote(sys.executable)} ")
    call = call.replace("http://localhost:8000", f"http://localhost:{up.site.port}")
    call = call.replace("curl ", "curl --noproxy '*' -sS -w '\\n%{http_code}' ")
    done = subprocess.run(
        ["bash", "-euc", call],
        cwd=ROOT, env=up.site.environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    body, _, status = done.stdout.rpartition("\n")
    assert (done.returncode, status) == (0, "200"), done.stdout + done.stderr
    assert json.loads(body)["outcome"] in {"pass", "fail", "review"}


def test_pages_answer(up: Up) -> None:
    with urllib.request.urlopen(f"{up.site.url}/accounts/login/") as answer:
        assert answer.status == 200


def test_ctrl_c_ends_everything(up: Up) -> None:
    pids = up.pids()
    up.process.send_signal(signal.SIGINT)
    assert up.process.wait(timeout=180) == 0
    assert {name for name, pid in pids.items() if alive(pid)} == set()
    assert up.said().rstrip().endswith("stopped")


def test_nothing_outlives_a_killed_start_and_the_next_one_works(site: Site) -> None:
    first = Up(site)
    first.until("Loupe is ready")
    pids = first.pids()
    first.until("Logs:")
    first_words = first.said()
    first.process.kill()
    first.process.wait()
    second = Up(site)
    try:
        second.until("Loupe is ready")
        second.until("Logs:")
        assert {name for name, pid in pids.items() if alive(pid)} == set()
        assert "Sample inputs" not in second.said()
        assert sign_in(second.said()) == sign_in(first_words)
    finally:
        second.process.terminate()
        second.process.wait(timeout=180)


def test_a_port_in_use_is_told_in_a_sentence(site: Site) -> None:
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        answer = site.manage("up", "--port", port)
    assert answer.returncode == 1
    assert f"Cannot listen on 127.0.0.1:{port}" in answer.stderr
