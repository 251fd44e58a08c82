"""Every runtime gives the module's own answers through one interface."""

import copy
import weakref
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from core_kernels.errors import ArgumentRefused, RuntimeClosed
from core_kernels.runtimes.artefact import Artefact
from core_kernels.runtimes.base import Runtime
from core_kernels.runtimes.opening import open_artefact
from core_kernels.runtimes.torch_compiled import TorchCompiled
from core_kernels.runtimes.torch_eager import TorchEager
from core_kernels.runtimes.torch_graphs import TorchGraphs
from core_kernels.runtimes.torch_module import filled
from tests.kernels.runtimes.networks import ONNX_RUNTIMES

NAMES = ["torch", "torch-compiled", "torch-graphs", *ONNX_RUNTIMES]


def opened(name: str, artefact: Artefact, device: torch.device) -> Runtime:
    """The runtime where it can run: torch's on the GPU where there is one."""
    ports = (artefact.inputs, artefact.outputs)
    on: Any = {"device": str(device), "precision": "fp32"}
    if name == "torch-compiled":
        backend = "inductor" if device.type == "cuda" else "aot_eager"
        return TorchCompiled(filled(artefact), *ports, **on, backend=backend)
    if name == "torch-graphs":
        return TorchGraphs(filled(artefact), *ports, **on)
    if name == "torch":
        return TorchEager(filled(artefact), *ports, **on)
    return open_artefact(artefact, runtime=name)


@pytest.fixture(params=NAMES, scope="module")
def runtime(
    request: pytest.FixtureRequest, prepared: tuple[nn.Module, Artefact]
) -> Iterator[Runtime]:
    """Each runtime, opened once for all tests."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    with opened(request.param, prepared[1], device) as runtime:
        yield runtime


def pictures(count: int) -> np.ndarray:
    return np.random.default_rng(count).standard_normal((count, 3, 16, 16)).astype(np.float32)


@pytest.mark.parametrize("count", [1, 3, 64, 67])
def test_any_batch_gets_the_modules_own_answers(
    runtime: Runtime, prepared: tuple[nn.Module, Artefact], count: int
) -> None:
    given = pictures(count)
    with torch.no_grad():
        expected = prepared[0](torch.from_numpy(given)).numpy()
    found = runtime({"input0": given})["output0"]
    np.testing.assert_allclose(
        found, expected, rtol=2e-3, atol=2e-3 if runtime.device != "cpu" else 1e-5
    )


def test_tensors_are_answered_with_tensors(
    runtime: Runtime, prepared: tuple[nn.Module, Artefact]
) -> None:
    given = pictures(2)
    found = runtime({"input0": torch.from_numpy(given)})["output0"]
    assert isinstance(found, torch.Tensor)
    np.testing.assert_array_equal(found.cpu().numpy(), runtime({"input0": given})["output0"])


def test_answers_belong_to_the_caller(runtime: Runtime) -> None:
    first = runtime({"input0": pictures(2)})["output0"]
    kept = first.copy()
    runtime({"input0": pictures(2) * 5})
    np.testing.assert_array_equal(first, kept)


def test_what_does_not_fit_is_refused_by_name(runtime: Runtime) -> None:
    with pytest.raises(ArgumentRefused, match="'input0' is float64"):
        runtime({"input0": pictures(1).astype(np.float64)})
    with pytest.raises(ArgumentRefused, match=r"give float32 \[any, 3, 16, 16\]"):
        runtime({"input0": pictures(1)[..., :8]})
    with pytest.raises(ArgumentRefused, match="this network takes 'input0'"):
        runtime({"picture": pictures(1)})


def test_it_says_what_it_takes_and_holds(runtime: Runtime) -> None:
    assert [port.name for port in runtime.inputs] == ["input0"]
    assert [port.shape for port in runtime.outputs] == [(None, 3)]
    assert runtime.nbytes > 0


def test_a_closed_runtime_refuses_and_closing_twice_is_harmless(
    prepared: tuple[nn.Module, Artefact], device: torch.device
) -> None:
    for name in NAMES:
        runtime = opened(name, prepared[1], device)
        runtime.close()
        runtime.close()
        with pytest.raises(RuntimeClosed, match="was closed"):
            runtime({"input0": pictures(1)})


@pytest.mark.parametrize("name", ["torch", "torch-compiled", "torch-graphs"])
def test_closing_lets_go_of_the_weights(
    name: str, prepared: tuple[nn.Module, Artefact], device: torch.device
) -> None:
    runtime = opened(name, prepared[1], device)
    assert isinstance(runtime, TorchEager | TorchCompiled | TorchGraphs)
    runtime({"input0": pictures(3)})
    weights = weakref.ref(next(iter(runtime._module.parameters())))
    runtime.close()
    assert weights() is None


def test_graphs_are_recorded_when_a_bucket_is_first_used_and_only_then(
    prepared: tuple[nn.Module, Artefact], device: torch.device
) -> None:
    with TorchGraphs(
        filled(prepared[1]), prepared[1].inputs, prepared[1].outputs, device=str(device),
        precision="fp32",
    ) as runtime:  # fmt: skip
        assert not runtime.recorded
        before = runtime.nbytes
        for count in (3, 4, 1, 64, 65):
            runtime({"input0": pictures(count)})
        assert runtime.recorded == (1, 4, 64)
        fixed = (1 + 4 + 64) * 4 * (3 * 16 * 16 + 3)
        assert runtime.nbytes - before == fixed


def test_padding_does_not_reach_the_rows_that_were_asked_for(
    prepared: tuple[nn.Module, Artefact], device: torch.device
) -> None:
    ports = prepared[1].inputs, prepared[1].outputs
    with TorchGraphs(filled(prepared[1]), *ports, device=str(device), precision="fp32") as runtime:
        runtime({"input0": np.full((4, 3, 16, 16), 1e6, np.float32)})
        alone = runtime({"input0": pictures(3)[:1]})["output0"]
        padded = runtime({"input0": pictures(3)})["output0"]
    np.testing.assert_allclose(padded[:1], alone, rtol=1e-4, atol=1e-4)


def test_a_module_is_not_changed_by_being_run_in_half_precision(
    prepared: tuple[nn.Module, Artefact],
) -> None:
    ports = prepared[1].inputs, prepared[1].outputs
    with TorchEager(copy.deepcopy(prepared[0]), *ports, precision="bf16") as runtime:
        found = runtime({"input0": pictures(2)})["output0"]
    assert found.dtype == np.float32
    assert next(prepared[0].parameters()).dtype == torch.float32
