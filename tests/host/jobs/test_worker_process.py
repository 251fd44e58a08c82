"""Promises of a real worker process: it stays small and never loads what the engine is for."""

from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.host.jobs.stack import Stack, running

pytestmark = [pytest.mark.slow, pytest.mark.serial]

MOST_RESIDENT_BYTES = 200 * 2**20
HEAVY = ("libtorch", "/torch/", "/cv2/", "openvino", "onnxruntime", "/transformers/")


@pytest.fixture
def worked(tmp_path: Path) -> Iterator[list[psutil.Process]]:
    """The worker's processes after a job."""
    with running(tmp_path, "broker", "engine", "worker", "beat") as stack:
        assert stack.until(stack.ask("numbers", 300))["done"] == 300
        yield [psutil.Process(stack.processes["worker"].pid), *_pool(stack)]


def _pool(stack: Stack) -> list[psutil.Process]:
    """The children that run tasks."""
    return [child for child in stack.children("worker") if "celery" in " ".join(child.cmdline())]


def test_a_worker_maps_no_numerical_runtime_and_stays_below_200_megabytes(
    worked: list[psutil.Process],
) -> None:
    assert len(worked) == 3
    for process in worked:
        mapped = {region.path for region in process.memory_maps()}
        assert not [path for path in mapped if any(name in path for name in HEAVY)]
        assert process.memory_info().rss < MOST_RESIDENT_BYTES
