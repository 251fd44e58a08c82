"""A machine without a network is told what it lacks, in the versions that are tested."""

import re

import pytest

from tests import wheels
from tests.architecture.tree import ROOT


def test_what_is_missing_is_named_with_its_pin() -> None:
    pins = wheels.pinned("# written\nnumpy==2.4.6\nno-such-wheel==1.5.0\n")
    assert wheels.missing(["numpy", "no-such-wheel"], pins) == ["no-such-wheel==1.5.0"]


def test_what_gpu_sh_asks_for_is_pinned_and_here(capsys: pytest.CaptureFixture[str]) -> None:
    script = (ROOT / "tests" / "gpu.sh").read_text()
    asked = re.findall(r"tests/wheels\.py ((?:[^\n]*\\\n)*[^\n]*)", script)
    assert asked
    names = [name for line in asked for name in line.replace("\\\n", " ").split()]
    pins = wheels.pinned(wheels.LOCK.read_text())
    assert {name for name in names if name not in pins} == set()
    assert wheels.main(names) == 0
    assert capsys.readouterr().err == ""
