"""supervisord under our configuration: restarts what dies, ends with us, logs in one place."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from loupe.supervisor.daemon import ChildState, Daemon
from loupe.supervisor.processes import Process

pytestmark = [pytest.mark.serial, pytest.mark.slow]

SLEEPER = (sys.executable, "-c", "print('up at 100 %', flush=True); import time; time.sleep(600)")


def alive(pid: int) -> bool:
    """Whether the process runs; a zombie does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def eventually(condition: Callable[[], bool], what: str) -> None:
    """Wait until `condition` holds; two minutes are far more than it takes."""
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def child(daemon: Daemon, name: str) -> ChildState | None:
    return next((each for each in daemon.children() or [] if each.name == name), None)


def running(daemon: Daemon, name: str) -> bool:
    state = child(daemon, name)
    return state is not None and state.state == "RUNNING"


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    """A supervisord with one sleeping child, below a folder with a percent sign in its name."""
    var = tmp_path / "100%"
    for name in ("run", "log"):
        (var / name).mkdir(parents=True)
    daemon = Daemon(var)
    daemon.write([Process(name="sleeper", argv=SLEEPER)])
    process = daemon.start()
    try:
        eventually(lambda: running(daemon, "sleeper"), "the child starts")
        yield daemon
    finally:
        process.terminate()
        process.wait()


def supervisord_pid(daemon: Daemon) -> int:
    return int((daemon.var / "run" / "supervisord.pid").read_text())


def test_a_killed_child_is_started_again(daemon: Daemon) -> None:
    before = child(daemon, "sleeper")
    assert before is not None
    os.kill(before.pid, signal.SIGKILL)

    def replaced() -> bool:
        now = child(daemon, "sleeper")
        return now is not None and now.state == "RUNNING" and now.pid != before.pid

    eventually(replaced, "another child runs in its place")


def test_children_end_when_supervisord_is_killed(daemon: Daemon) -> None:
    pid = getattr(child(daemon, "sleeper"), "pid", 0)
    assert alive(pid)
    os.kill(supervisord_pid(daemon), signal.SIGKILL)
    eventually(lambda: not alive(pid), "the child ends with its parent")


def test_what_children_print_is_in_one_folder(daemon: Daemon) -> None:
    eventually(
        lambda: "up at 100 %" in daemon.log_of("sleeper").read_text(), "the output is logged"
    )


def test_supervisord_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    for name in ("run", "log"):
        (tmp_path / name).mkdir()
    code = (
        "import sys, time; from pathlib import Path; from loupe.supervisor.daemon import Daemon;"
        "from loupe.supervisor.processes import Process;"
        "d = Daemon(Path(sys.argv[1]));"
        "d.write([Process(name='sleeper', argv=(sys.executable, '-c', 'import time;"
        "time.sleep(600)'))]); d.start(); time.sleep(600)"
    )
    parent = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)])
    daemon = Daemon(tmp_path)
    try:
        eventually(lambda: running(daemon, "sleeper"), "the child starts")
        pids = [supervisord_pid(daemon), getattr(child(daemon, "sleeper"), "pid", 0)]
    finally:
        parent.kill()
        parent.wait()
    eventually(lambda: not any(alive(pid) for pid in pids), "nothing outlives the parent")
