"""What `bench memory` measures and how it judges."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from loupe.plugins import running
from loupe.supervisor.benchmarks.memory import DECODED_SHARE, LIMIT_BYTES, MIB, enlarged, judge
from loupe.supervisor.benchmarks.resident import children, descendants, peak, resident


def test_the_benchmark_is_listed() -> None:
    assert running.benchmarks()["memory"].run.endswith("memory:main")


def test_what_was_held_once_stays_in_the_peak() -> None:
    before = resident(os.getpid())
    block = bytearray(os.urandom(1) * (64 * MIB))
    held = resident(os.getpid())
    del block
    assert held >= before + 48 * MIB
    assert peak(os.getpid()) >= held


def test_children_are_those_directly_below() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        assert child.pid in children(os.getpid())
        child.kill()
    assert child.pid not in children(os.getpid())


def test_the_sample_is_enlarged_to_the_size_asked_for(tmp_path: Path) -> None:
    small = tmp_path / "small.png"
    Image.new("L", (40, 20), 100).save(small)
    sample = enlarged(small, tmp_path, 0.5)
    with Image.open(sample.path) as image:
        assert (image.format, image.size) == ("JPEG", (1000, 500))
    assert sample.decoded == 1000 * 500 * 3


def test_a_module_is_found_below_other_processes() -> None:
    inner = "import subprocess, sys; subprocess.run([sys.executable, '-m', 'timeit', '-n', '1', "
    code = inner + "'input()'], stdout=subprocess.DEVNULL)"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE) as parent:
        while not (found := descendants(os.getpid(), "timeit")):
            assert parent.poll() is None
        assert parent.pid not in found
        assert parent.stdin is not None
        parent.stdin.close()


DECODED = 100 * MIB
MOST = int(LIMIT_BYTES + DECODED_SHARE * DECODED)


@pytest.mark.parametrize(
    ("name", "idle", "highest", "within"),
    [
        ("web", LIMIT_BYTES, MOST, True),
        ("web", LIMIT_BYTES + 1, MOST, False),
        ("worker child 1", LIMIT_BYTES, MOST + 1, False),
        ("web", None, MOST, False),
        ("sandbox of worker 1", LIMIT_BYTES + 1, MOST, True),
        ("sandbox of worker 1", None, MOST, True),
        ("sandbox of engine 1", 0, MOST + 1, False),
    ],
)
def test_limits_are_200_mib_idle_and_two_and_a_half_images_more_at_most(
    name: str, idle: int | None, highest: int, within: bool
) -> None:
    line = judge(name, idle, highest, DECODED)
    assert line["within"] is within
    assert line["peak_limit_mib"] == 450
