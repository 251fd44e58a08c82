"""Apps prepare modules by the contract alone, which imports nothing heavy."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from loupe.contract.runtime.errors import ModelRefused
from loupe.contract.runtime.prepare import open_artefact, prepare


def test_a_module_is_prepared_and_opened_by_the_contract(tmp_path: Path) -> None:
    module = torch.nn.Linear(4, 2)
    artefact = prepare(module, torch.randn(1, 4), folder=tmp_path / "new", facts={"app": "mine"})
    assert artefact.manifest["app"] == "mine"
    given = np.ones((3, 4), np.float32)
    with open_artefact(artefact.folder) as runtime, torch.no_grad():
        np.testing.assert_allclose(
            runtime({"input0": given})["output0"], module(torch.ones(3, 4)).numpy(), rtol=1e-5
        )


def test_refusals_are_the_contracts_own(tmp_path: Path) -> None:
    with pytest.raises(ModelRefused, match="cannot be read") as refused:
        open_artefact(tmp_path)
    assert refused.value.code == "artefact_refused"


def test_naming_it_imports_no_framework() -> None:
    code = (
        "import sys, loupe.contract.runtime.prepare;"
        "print({'torch', 'numpy', 'onnxruntime', 'core_kernels'} & set(sys.modules))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert "torch" not in answer.stdout
    assert "core_kernels" not in answer.stdout
