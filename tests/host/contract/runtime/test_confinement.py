"""A confined process opens what it was given, runs nothing, and cannot take it back."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[4]
PROGRAM = """
import json, os, socket, sys
from pathlib import Path
from loupe.contract.runtime.confinement import confine

read, write, other = (Path(each) for each in sys.argv[1:])
held = confine(read=[read], write=[write])

def tried(what):
    try:
        what()
    except OSError as error:
        return type(error).__name__
    return "done"

print(json.dumps({
    "held": vars(held),
    "reads what it was given": tried(lambda: read.read_bytes()),
    "writes where it may": tried(lambda: (write / "new").write_bytes(b"1")),
    "removes there": tried(lambda: (write / "new").unlink()),
    "imports from the library": tried(lambda: __import__("wave")),
    "writes what it may read": tried(lambda: read.write_bytes(b"")),
    "reads another file": tried(lambda: other.read_bytes()),
    "writes beside its folder": tried(lambda: other.with_name("new").write_bytes(b"")),
    "lists another folder": tried(lambda: os.listdir(other.parent)),
    "links out of its folder": tried(lambda: os.link(read, write / "link")),
    "runs a program": tried(lambda: os.execv(sys.executable, [sys.executable, "-c", ""])),
    "connects": tried(lambda: socket.create_connection(("127.0.0.1", 9), 1)),
    "signals its parent": tried(lambda: os.kill(os.getppid(), 0)),
    "confines itself more widely": tried(
        lambda: confine(read=[other], write=[]) and other.read_bytes()
    ),
}))
"""
ALLOWED = {
    "reads what it was given", "writes where it may", "removes there", "imports from the library",
}  # fmt: skip


@pytest.fixture(scope="module")
def tried(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """What a confined process managed to do."""
    folder = tmp_path_factory.mktemp("confined")
    given, secret, mine = folder / "given", folder / "other" / "secret", folder / "mine"
    mine.mkdir()
    secret.parent.mkdir()
    given.write_bytes(b"bytes")
    secret.write_bytes(b"secret")
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(given), str(mine), str(secret)],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(ROOT / "platform")},
    )
    answer: dict[str, object] = json.loads(done.stdout)
    held = answer["held"]
    if not isinstance(held, dict) or not held["files"]:
        pytest.skip("this kernel has no Landlock")
    return answer


def test_what_was_given_can_be_used(tried: dict[str, object]) -> None:
    assert {name for name, outcome in tried.items() if outcome == "done"} == ALLOWED


def test_everything_else_is_denied_by_the_kernel(tried: dict[str, object]) -> None:
    denied = {name: outcome for name, outcome in tried.items() if name not in {*ALLOWED, "held"}}
    assert set(denied.values()) <= {"PermissionError", "OSError"}  # a link: EXDEV
    assert denied["runs a program"] == denied["reads another file"] == "PermissionError"


def test_no_privilege_is_left(tried: dict[str, object]) -> None:
    held = tried["held"]
    assert isinstance(held, dict)
    assert held["privileges"]
