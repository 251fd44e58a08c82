"""What is told of GPUs, by a management library that says what these tests write into it."""

import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from loupe.engine import gpus, metrics

EMPTY: dict[str, Any] = {"calls": {}, "lanes": {}}
LIBRARY = """
class NVMLError(Exception):
    pass

class Figures:
    def __init__(self, **figures):
        vars(self).update(figures)

devices, works = ["GPU-a", "GPU-b", None], True

def nvmlInit():
    if not works:
        raise NVMLError("no driver")

def nvmlDeviceGetCount():
    if not works:
        raise NVMLError("the driver is gone")
    return len(devices)

def nvmlDeviceGetHandleByIndex(index):
    if devices[index] is None:
        raise NVMLError("this one belongs to others")
    return devices[index]

def nvmlDeviceGetUUID(handle):
    return handle

def nvmlDeviceGetMemoryInfo(handle):
    return Figures(used=3 * 2**30, total=80 * 2**30)

def nvmlDeviceGetUtilizationRates(handle):
    return Figures(gpu=25 if handle == "GPU-a" else 100)
"""


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    (tmp_path / "pynvml.py").write_text(LIBRARY)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "pynvml", raising=False)
    gpus._library.cache_clear()
    yield import_module("pynvml")
    sys.modules.pop("pynvml", None)
    gpus._library.cache_clear()


def test_each_gpu_is_told_by_its_uuid_and_one_of_others_is_passed_over(
    library: ModuleType,
) -> None:
    families = list(metrics.families(EMPTY | {"gpus": gpus.figures()}))
    told = {
        (sample.name, sample.labels["gpu_uuid"]): sample.value
        for family in families
        for sample in family.samples
        if family.name.startswith("nv_gpu")
    }
    assert told == {
        ("nv_gpu_utilization", "GPU-a"): 0.25,
        ("nv_gpu_utilization", "GPU-b"): 1.0,
        **{("nv_gpu_memory_used_bytes", one): 3 * 2**30 for one in ("GPU-a", "GPU-b")},
        **{("nv_gpu_memory_total_bytes", one): 80 * 2**30 for one in ("GPU-a", "GPU-b")},
    }
    page = metrics.text(EMPTY | {"gpus": gpus.figures()}).decode()
    names = {family.name for family in text_string_to_metric_families(page)}
    assert "nv_gpu_utilization" in names


def test_without_a_driver_or_after_it_was_lost_no_gpu_is_told_of(
    library: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert len(gpus.figures()) == 2
    monkeypatch.setattr(library, "works", False)
    assert gpus.figures() == []
    gpus._library.cache_clear()
    assert gpus.figures() == []
