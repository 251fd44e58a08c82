"""What a device can do is asked once; another maker says it for theirs."""

from collections.abc import Iterator

import pytest
import torch

from core_kernels.dispatch import capabilities as module
from core_kernels.dispatch.capabilities import Capabilities, capabilities, register_probe


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    """Probes and answers of one test are not the next one's."""
    before = dict(module._probes)
    capabilities.cache_clear()
    yield
    module._probes.clear()
    module._probes.update(before)
    capabilities.cache_clear()


def test_a_probe_is_asked_once_for_each_device() -> None:
    asked: list[torch.device] = []

    def probe(device: torch.device) -> Capabilities:
        asked.append(device)
        return Capabilities(device="xpu", name=f"Maker {device.index}")

    register_probe("xpu", probe)
    for _ in range(3):
        assert capabilities(torch.device("xpu", 0)).name == "Maker 0"
    assert capabilities(torch.device("xpu", 1)).name == "Maker 1"
    assert asked == [torch.device("xpu", 0), torch.device("xpu", 1)]


def test_a_new_probe_replaces_what_was_known() -> None:
    assert capabilities(torch.device("xpu")).name == "xpu"
    register_probe("xpu", lambda device: Capabilities(device="xpu", name="Maker"))
    assert capabilities(torch.device("xpu")).name == "Maker"


@pytest.mark.parametrize(("variable", "there"), [("1", True), ("0", False)])
def test_on_a_cpu_triton_is_there_only_in_the_interpreter(
    variable: str, there: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRITON_INTERPRET", variable)
    found = capabilities(torch.device("cpu"))
    assert (found.triton, found.interpreted, found.compute) == (there, there, None)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_says_its_name_and_compute_capability() -> None:
    found = capabilities(torch.device("cuda", 0))
    assert found.name == torch.cuda.get_device_name(0)
    assert found.compute == torch.cuda.get_device_capability(0)
    assert found.triton
    assert not found.interpreted
