"""What a process loads, reaches out to and takes in memory; each in a child of its own."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.apps.defect_detection.pictures import ARTEFACT, SAMPLES

ROOT = Path(__file__).resolve().parents[4]


def child(code: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=ROOT, capture_output=True, text=True, timeout=800, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout.strip().splitlines()[-1]


def test_the_engine_runs_the_shipped_model_without_torch_or_django() -> None:
    code = f"""
import json, sys
from pathlib import Path
from apps.defect_detection.inference.runner import DetectorRunner
folder = Path({str(ARTEFACT)!r})
DetectorRunner(folder, json.loads((folder / "manifest.json").read_text()))
heavy = ("torch", "ultralytics", "onnx", "django", "celery")
print([name for name in heavy if name in sys.modules])
"""
    assert child(code) == "[]"


def test_declaring_the_app_loads_no_numerical_library_but_numpy() -> None:
    code = """
import sys
from apps.defect_detection.app import App
heavy = ("cv2", "torch", "openvino", "onnx", "onnxruntime", "PIL", "tifffile", "ultralytics")
print([name for name in heavy if name in sys.modules])
"""
    assert child(code) == "[]"


@pytest.mark.slow
def test_ultralytics_reaches_out_to_nothing_while_it_loads_predicts_and_exports() -> None:
    code = f"""
import socket
tried = []
def refuse(*arguments, **named):
    tried.append(arguments)
    raise OSError("no network in this test")
for name in ("create_connection", "getaddrinfo", "gethostbyname"):
    setattr(socket, name, refuse)
real = socket.socket.connect
socket.socket.connect = lambda self, address: (
    real(self, address) if isinstance(address, str) else refuse(address)
)
from pathlib import Path
from apps.defect_detection.benchmarks.peers import load_peer
for kind in ("torch", "openvino"):
    load_peer(kind, Path({str(ARTEFACT)!r}))(Path({str(SAMPLES / "cast-crack.jpg")!r}), 0.1, 0.7)
import time
time.sleep(1)
from ultralytics.utils import SETTINGS
print(len(tried), SETTINGS["sync"])
"""
    assert child(code) == "0 False"


@pytest.mark.slow
def test_a_hundred_megapixels_are_decoded_within_the_memory_promised(tmp_path: Path) -> None:
    path = tmp_path / "large.jpg"
    small = np.random.default_rng(0).integers(0, 256, (100, 100, 3), np.uint8)
    Image.fromarray(small).resize((10_000, 10_000), Image.Resampling.BILINEAR).save(
        path, quality=80
    )
    code = """
import sys
from pathlib import Path
from apps.defect_detection.inference.decode import decode
image = decode(Path(sys.argv[1]), {"max_pixels": 100_000_000}).arrays["image"]
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1]
print(image.nbytes, int(peak) * 1024)
"""
    decoded, peak = (int(value) for value in child(code, str(path)).split())
    assert decoded == 300_000_000
    assert peak <= 200 * 2**20 + 2.5 * decoded


@pytest.mark.slow
def test_tiling_a_large_picture_takes_little_memory_beside_the_picture() -> None:
    code = f"""
import json
from pathlib import Path
import numpy as np
from apps.defect_detection.inference.detect import Options, detect
from apps.defect_detection.inference.model import DetectorModel
from apps.defect_detection.inference.runtimes import open_runtime
from loupe.contract.runtime.clock import StageClock
folder = Path({str(ARTEFACT)!r})
manifest = json.loads((folder / "manifest.json").read_text())
model, runtime = DetectorModel.from_manifest(manifest), open_runtime(folder, manifest)
def peak():
    line = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024
small = np.full((1700, 700, 3), 120, np.uint8)
detect(runtime, model, small, Options(), StageClock())
before = peak()
image = np.full((6000, 4000, 3), 120, np.uint8)
found = detect(runtime, model, image, Options(), StageClock())
print(found.tiles, peak() - before, image.nbytes)
"""
    tiles, grown, size = (int(value) for value in child(code).split())
    assert tiles == 1 + 12 * 8
    assert grown <= size + 60 * 2**20
