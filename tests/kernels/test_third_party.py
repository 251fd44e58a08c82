"""A third party brings a device and an implementation, and no file of this package changes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

RUN = """
import json, logging, torch
from core_kernels.dispatch.add_norm import add_norm
from core_kernels.dispatch.choice import using
from core_kernels.dispatch.registry import implementations
from core_kernels.errors import NoImplementation

before = [one.name for one in implementations("add_norm")]
from made_up_device import DeviceTensor, calls
logging.basicConfig(level="INFO", format="%(name)s %(message)s")
torch.manual_seed(0)
host = [torch.randn(4, 6), torch.randn(4, 6), torch.randn(6), torch.randn(6)]
there = [DeviceTensor(part.numpy()) for part in host]
normed, total = add_norm(*there)
expected = torch.nn.functional.layer_norm(host[0] + host[1], (6,), host[2], host[3])
refused = ""
try:
    with using(add_norm="triton"):
        add_norm(*there)
except NoImplementation as error:
    refused = str(error)
print(json.dumps({
    "before": before,
    "calls": calls,
    "device": str(normed.device),
    "off": float(abs(normed.array - expected.numpy()).max()),
    "refused": refused,
}))
"""


@pytest.mark.skipif(
    not hasattr(torch._C, "_acc") or not hasattr(torch._C._acc, "create_empty_tensor"),
    reason="this torch has no backends written in Python",
)
def test_a_device_of_another_distribution_runs_its_own_operation(tmp_path: Path) -> None:
    here = Path(__file__)
    (tmp_path / "made_up_device.py").write_text((here.parent / "made_up_device.py").read_text())
    told = tmp_path / "made_up-1.0.dist-info"
    told.mkdir()
    (told / "METADATA").write_text("Metadata-Version: 2.1\nName: made-up\nVersion: 1.0\n")
    (told / "entry_points.txt").write_text(
        "[core_kernels.implementations]\nmade_up = made_up_device:install\n"
    )
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(tmp_path), str(here.parents[2])]),
        "TRITON_INTERPRET": "0",
    }
    answer = subprocess.run(
        [sys.executable, "-c", RUN], env=environment, capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0, answer.stderr[-2000:]
    found = json.loads(answer.stdout.splitlines()[-1])
    assert found["before"][0] == "madeup"
    assert found["device"] == "madeup:0"
    assert found["calls"] == ["add_norm"]
    assert found["off"] < 1e-5
    assert "Made-up device" in found["refused"]
    assert "triton (Triton does not run on Made-up device)" in found["refused"]
    logged = [line for line in answer.stderr.splitlines() if "add_norm on madeup" in line]
    assert len(logged) == 1
    assert logged[0].endswith("add_norm on madeup:0 (torch.float32): madeup")
