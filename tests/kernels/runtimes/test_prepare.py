"""`prepare` writes what gives the module's own answers here and elsewhere, or says why not."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from core_kernels.errors import ArgumentRefused, ArtefactRefused, RuntimeMissing
from core_kernels.runtimes import architectures
from core_kernels.runtimes.artefact import MANIFEST, Artefact, write_manifest
from core_kernels.runtimes.compiler import why_not_compiled
from core_kernels.runtimes.measuring import measure
from core_kernels.runtimes.opening import open_artefact
from core_kernels.runtimes.prepare import prepare
from tests.kernels.runtimes.networks import ONNX_RUNTIMES, Branching, TwoInTwoOut

ROOT = Path(__file__).resolve().parents[3]


def test_the_manifest_keeps_hashes_ports_versions_parity_and_timings(
    prepared: tuple[nn.Module, Artefact],
) -> None:
    manifest = json.loads((prepared[1].folder / MANIFEST).read_text())
    assert set(manifest["files"]) == {"model.onnx", "model.safetensors", "probe.safetensors"}
    assert manifest["inputs"] == [
        {"name": "input0", "shape": [None, 3, 16, 16], "dtype": "float32"}
    ]
    assert manifest["versions"]["torch"] == torch.__version__.partition("+")[0]
    measured = {one["name"]: one for one in manifest["measured"]}
    assert {"torch", *ONNX_RUNTIMES} <= set(measured)
    for one in measured.values():
        if one["objection"]:
            continue
        assert one["parity"]["held"]
        assert one["parity"]["error"] < 1e-3
        assert one["milliseconds"] > 0
    times = {
        name: one["milliseconds"]
        for name, one in measured.items()
        if one["milliseconds"] is not None
    }
    assert manifest["runtime"] == min(times, key=times.__getitem__)


def test_the_module_is_left_as_it_was(folder: Path) -> None:
    module = nn.Sequential(nn.Linear(4, 2), nn.Dropout()).train()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    prepare(module, torch.randn(1, 4), folder=folder)
    assert module.training
    for name, value in module.state_dict().items():
        torch.testing.assert_close(value, before[name], rtol=0, atol=0)


def test_an_artefact_opens_in_another_process_without_torch(
    prepared: tuple[nn.Module, Artefact], tmp_path: Path
) -> None:
    """Copied elsewhere, it is proved by its probe and runs without torch being imported."""
    copied = tmp_path / "elsewhere"
    shutil.copytree(prepared[1].folder, copied)
    code = (
        "import sys; from pathlib import Path; from core_kernels.runtimes.opening import "
        "open_artefact, example_inputs; from core_kernels.runtimes.artefact import Artefact\n"
        "held = Artefact.open(Path(sys.argv[1]))\n"
        "for name in sys.argv[2:]:\n"
        "    print(open_artefact(held, runtime=name)(example_inputs(held, 2))['output0'].shape)\n"
        "print('torch' in sys.modules)"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code, str(copied), *ONNX_RUNTIMES],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert answer.stdout.splitlines() == ["(2, 3)"] * len(ONNX_RUNTIMES) + ["False"]


def rows(*values: float) -> np.ndarray:
    """Three rows of these."""
    return np.array([values] * 3, np.float32)


def test_several_inputs_and_named_outputs_keep_their_names_and_types(folder: Path) -> None:
    example = {"left": torch.randn(1, 4), "right": torch.randn(1, 4)}
    artefact = prepare(TwoInTwoOut(), example, folder=folder)
    assert [port.name for port in artefact.outputs] == ["sum", "larger", "best"]
    left, right = rows(1, 5, 2, 0), rows(2, 3, 4, 9)
    with open_artefact(artefact, runtime="onnxruntime") as runtime:
        found = runtime({"left": left, "right": right})
    np.testing.assert_array_equal(found["sum"], left + right)
    np.testing.assert_array_equal(found["best"], [1, 1, 1])
    assert found["best"].dtype == np.int64


def test_a_branch_that_tracing_freezes_is_found_out_and_not_shipped(folder: Path) -> None:
    architectures.register("tests/branching", Branching)
    try:
        artefact = prepare(
            Branching(),
            torch.ones(1, 4),
            folder=folder,
            architecture=("tests/branching", {}),
            candidates=("torch", *ONNX_RUNTIMES),
        )
        assert "onnx" not in artefact.formats
        assert "a branch on values was frozen" in artefact.manifest["notes"]["onnx"]
        assert artefact.manifest["runtime"].startswith("torch")
        with open_artefact(artefact) as runtime:
            plus = runtime({"input0": np.ones((1, 4), np.float32)})["output0"]
            minus = runtime({"input0": -np.ones((1, 4), np.float32)})["output0"]
        assert np.abs(minus).min() > 10 > np.abs(plus).max()
    finally:
        architectures.unregister("tests/branching")


def test_a_module_that_no_runtime_repeats_is_refused_and_nothing_is_left(folder: Path) -> None:
    with pytest.raises(RuntimeMissing, match="No runtime gives the module's own answers"):
        prepare(Branching(), torch.ones(1, 4), folder=folder)
    assert not folder.exists()


def test_a_folder_in_use_is_refused(folder: Path) -> None:
    folder.mkdir()
    (folder / "mine").write_text("kept")
    with pytest.raises(ArgumentRefused, match="is not empty"):
        prepare(nn.Linear(4, 2), torch.ones(1, 4), folder=folder)
    assert (folder / "mine").read_text() == "kept"


def test_a_changed_file_is_refused(prepared: tuple[nn.Module, Artefact], folder: Path) -> None:
    shutil.copytree(prepared[1].folder, folder)
    with (folder / "model.onnx").open("ab") as file:
        file.write(b"\0")
    with pytest.raises(ArtefactRefused, match="sha-256"):
        open_artefact(folder)


def test_a_machine_that_answers_otherwise_is_told(
    prepared: tuple[nn.Module, Artefact], folder: Path
) -> None:
    """Weights of another network, with all hashes right: only running it tells."""
    shutil.copytree(prepared[1].folder, folder)
    other = prepare(nn.Sequential(nn.Flatten(), nn.Linear(768, 3)), torch.randn(1, 3, 16, 16),
                    folder=folder.with_name("other"))  # fmt: skip
    shutil.copy(other.folder / "model.onnx", folder / "model.onnx")
    wrong = write_manifest(folder, prepared[1].manifest)
    with pytest.raises(ArtefactRefused, match=r"answers the probe of .* with an error"):
        open_artefact(wrong, runtime="onnxruntime")


def test_a_manifest_cannot_name_code(prepared: tuple[nn.Module, Artefact], folder: Path) -> None:
    shutil.copytree(prepared[1].folder, folder)
    said = {**prepared[1].manifest, "architecture": {"name": "os:system", "arguments": {}}}
    with pytest.raises(ArtefactRefused, match="'os:system' is unknown here"):
        open_artefact(write_manifest(folder, said), runtime="torch")


def test_the_shipped_choice_is_used_and_an_impossible_one_is_measured_anew(
    prepared: tuple[nn.Module, Artefact], folder: Path
) -> None:
    shutil.copytree(prepared[1].folder, folder)
    (folder / "model.safetensors").unlink()
    chosen = write_manifest(
        folder, {**prepared[1].manifest, "choice": {"cpu-fp32": ONNX_RUNTIMES[-1]}}
    )
    with open_artefact(chosen) as runtime:
        assert runtime.name == ONNX_RUNTIMES[-1]
    gone = write_manifest(folder, {**prepared[1].manifest, "choice": {"cpu-fp32": "npu-9"}})
    with open_artefact(gone) as runtime:
        assert runtime.name in ONNX_RUNTIMES


def test_a_runtime_that_cannot_is_refused_with_every_choice(
    prepared: tuple[nn.Module, Artefact],
) -> None:
    with pytest.raises(RuntimeMissing, match=r"torch-graphs \(it is for cuda\).*openvino"):
        open_artefact(prepared[1], runtime="torch-graphs")
    with pytest.raises(RuntimeMissing, match="no onnx-int8 file"):
        open_artefact(prepared[1], runtime="openvino", precision="int8")


def test_facts_of_the_caller_stand_in_the_manifest(folder: Path) -> None:
    facts = {"app": "mine", "runner": "mine.code:Runner"}
    artefact = prepare(nn.Linear(4, 2), torch.randn(1, 4), folder=folder, facts=facts)
    assert {key: artefact.manifest[key] for key in facts} == facts


def test_a_purpose_that_is_unknown_is_refused() -> None:
    with pytest.raises(ArgumentRefused, match="choose 'inference' or 'training'"):
        prepare(nn.Linear(1, 1), torch.ones(1, 1), "guessing")  # type: ignore[call-overload]


@pytest.mark.slow
def test_compiled_code_is_a_candidate_where_there_is_a_compiler(
    prepared: tuple[nn.Module, Artefact], device: torch.device
) -> None:
    if reason := why_not_compiled(str(device)):
        pytest.skip(reason)
    measured = measure(
        prepared[1], [prepared[1].probe()], device=str(device), candidates=("torch-compiled",)
    )
    assert [one.name for one in measured] == ["torch-compiled"]
    assert measured[0].parity is not None
    assert measured[0].parity.held
    assert measured[0].milliseconds is not None
