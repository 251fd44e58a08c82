"""The node that benchmarks and tests start never outlives them."""

from contextlib import suppress
from pathlib import Path

import pytest

from apps.report_gen.benchmarks.dicom_node import DicomNode


def test_a_node_that_does_not_start_in_time_is_ended(tmp_path: Path) -> None:
    var = tmp_path / "var"
    node = DicomNode(var, start_seconds=0.5)
    with pytest.raises(RuntimeError, match="The DICOM node did not start"):
        node.start()
    assert node.process is None
    assert running_in(var) == []


def running_in(var: Path) -> list[str]:
    """Ids of the processes that have `var` as their variable folder."""
    found = []
    for environment in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):
            if f"LOUPE_VAR={var}".encode() in environment.read_bytes().split(b"\0"):
                found.append(environment.parent.name)
    return found
