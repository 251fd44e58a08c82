"""Third parties bring runtimes and architectures without touching a file."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from torch import nn

from core_kernels.errors import ArgumentRefused
from core_kernels.runtimes.artefact import Artefact
from core_kernels.runtimes.registry import RuntimeKind, able, register, runtimes
from tests.kernels.runtimes.networks import ONNX_RUNTIMES

ROOT = Path(__file__).resolve().parents[3]
CODE = '''
from core_kernels.runtimes.base import Runtime
from core_kernels.runtimes.registry import RuntimeKind, register


class Npu(Runtime):
    """Answers with noughts."""

    name = "maker-npu"
    nbytes = 7

    def _run(self, values):
        import numpy as np
        return [np.zeros((len(values[0]), 3), np.float32)]

    def _free(self):
        pass


def opened(artefact, *, device, precision, threads):
    return Npu(artefact.inputs, artefact.outputs, device=device, precision=precision)


def register_all():
    register(RuntimeKind(name="maker-npu", open="maker_npu:opened", reads={"fp32": "onnx"},
                         devices=frozenset({"npu"})))
'''


def test_an_installed_distribution_brings_a_runtime_for_its_own_device(
    prepared: tuple[nn.Module, Artefact], tmp_path: Path
) -> None:
    """A real distribution beside this one, found by its entry point in a fresh process."""
    (tmp_path / "maker_npu.py").write_text(CODE)
    told = tmp_path / "maker_npu-1.0.dist-info"
    told.mkdir()
    (told / "METADATA").write_text("Metadata-Version: 2.1\nName: maker-npu\nVersion: 1.0\n")
    (told / "entry_points.txt").write_text(
        "[core_kernels.runtimes]\nmaker = maker_npu:register_all\n"
    )
    code = (
        "import sys; from pathlib import Path\n"
        "from core_kernels.runtimes.opening import open_artefact, example_inputs\n"
        "from core_kernels.runtimes.artefact import Artefact\n"
        "held = Artefact.open(Path(sys.argv[1]))\n"
        "runtime = open_artefact(held, runtime='maker-npu', device='npu:0', prove=False)\n"
        "print(runtime.name, runtime(example_inputs(held, 2))['output0'].sum())\n"
        "open_artefact(held, runtime='maker-npu', device='npu:0')"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code, str(prepared[1].folder)], cwd=ROOT, capture_output=True,
        text=True, check=False, env={"PYTHONPATH": f"{ROOT}:{tmp_path}", "PATH": ""},
    )  # fmt: skip
    assert answer.stdout.split() == ["maker-npu", "0.0"], answer.stderr
    assert "maker-npu on npu:0 answers the probe" in answer.stderr


def test_a_name_is_given_once() -> None:
    taken = runtimes()[0]
    with pytest.raises(ArgumentRefused, match="already"):
        register(RuntimeKind(name=taken.name, open="x:y", reads={"fp32": "onnx"},
                             devices=frozenset({"cpu"})))  # fmt: skip


def test_precisions_are_those_that_are_known() -> None:
    with pytest.raises(ArgumentRefused, match="allowed are fp32"):
        register(RuntimeKind(name="odd", open="x:y", reads={"fp4": "onnx"},
                             devices=frozenset({"cpu"})))  # fmt: skip


def test_who_can_run_what_is_told_by_device_precision_and_files() -> None:
    def names(formats: set[str], device: str, precision: str) -> list[str]:
        plain = [kind for kind in runtimes() if not kind.name.startswith("torch-")]
        return [kind.name for kind in able(formats, device, precision, plain)]

    everything = {"onnx", "onnx-int8", "safetensors"}
    assert names(everything, "cpu", "fp32") == ["torch", *ONNX_RUNTIMES]
    assert names(everything, "cpu", "int8") == [*ONNX_RUNTIMES]
    assert names(everything, "cpu", "bf16") == ["torch"]
    assert names({"onnx"}, "cpu", "fp32") == [*ONNX_RUNTIMES]
    assert names({"onnx"}, "cpu", "int8") == []


def test_int8_files_run_on_both_runtimes(
    prepared: tuple[nn.Module, Artefact], tmp_path: Path
) -> None:
    """A network with quantised weights, made by ONNX Runtime itself, answers nearly alike."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    from core_kernels.runtimes.artefact import write_manifest
    from core_kernels.runtimes.opening import open_artefact

    quantize_dynamic(
        prepared[1].file("onnx"), tmp_path / "model.int8.onnx", weight_type=QuantType.QUInt8
    )
    artefact: Any = write_manifest(
        tmp_path, {key: prepared[1].manifest[key] for key in ("inputs", "outputs")}
    )
    given = np.random.default_rng(0).standard_normal((2, 3, 16, 16)).astype(np.float32)
    expected = open_artefact(prepared[1], runtime="onnxruntime")({"input0": given})["output0"]
    for name in ONNX_RUNTIMES:
        with open_artefact(artefact, runtime=name, precision="int8", prove=False) as runtime:
            found = runtime({"input0": given})["output0"]
        assert not np.array_equal(found, expected)
        np.testing.assert_allclose(found, expected, atol=0.15)
