"""A detector's weights as ONNX that needs no torch to run: opset 17, fp32 arithmetic.

Large weights may be stored smaller (`stored_weights`). Also the other way: the oracle reads the
weights back from such a file.
"""

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import helper

from apps.defect_detection.inference.stored_weights import Storage, store_small, weights_in
from loupe.contract.runtime.errors import ModelRefused

OPSET = 17


def write_onnx(module: Any, path: Path, size: int, storage: Storage = "fp32") -> None:
    """Export `module` (fused, evaluation mode) with input ``images`` [1, 3, size, size].

    Its class names go into the metadata, as Ultralytics writes them.
    """
    import torch  # noqa: PLC0415 - only the process that exports loads torch

    head = module.model[-1]
    head.export, head.format = True, "onnx"
    torch.onnx.export(
        module,
        (torch.zeros(1, 3, size, size),),
        str(path),
        opset_version=OPSET,
        input_names=["images"],
        output_names=["output0"],
        dynamo=False,
    )
    head.export = False
    graph = onnx.load(str(path))
    del graph.metadata_props[:]
    helper.set_model_props(graph, {"names": repr(dict(module.names))})
    graph.producer_name, graph.producer_version, graph.doc_string = "loupe", "", ""
    for node in graph.graph.node:
        node.doc_string = ""
    store_small(graph.graph, storage)
    onnx.checker.check_model(graph)
    onnx.save(graph, str(path))


def halve_weights(path: Path, into: Path) -> None:
    """Copy an ONNX file with its large weights stored as fp16."""
    graph = onnx.load(str(path))
    store_small(graph.graph, "fp16")
    onnx.save(graph, str(into))


def read_weights(path: Path) -> dict[str, np.ndarray]:
    """The weights of an ONNX file by name, however they are stored."""
    return weights_in(onnx.load(str(path), load_external_data=False).graph)


def derived_onnx(artefact: Path) -> Path:
    """The ONNX file made from a safetensors artefact: made once by a child process, then kept.

    It lies in a private temporary folder under the sha-256 of weights and manifest.

    Raises:
        ModelRefused: the weights do not fit or cannot be exported.
    """
    digest = hashlib.sha256((artefact / "model.safetensors").read_bytes())
    digest.update((artefact / "manifest.json").read_bytes())
    folder = Path(tempfile.gettempdir()) / f"loupe-derived-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.stat().st_uid != os.getuid() or folder.stat().st_mode & 0o077:
        raise ModelRefused(f"{folder} belongs to somebody else; remove it or set TMPDIR.")
    kept = folder / f"{digest.hexdigest()}.onnx"
    if not kept.exists():
        # A child: torch would stay in the engine's memory.
        command = [sys.executable, "-m", "apps.defect_detection.inference.export"]
        done = subprocess.run(
            [*command, str(artefact), str(kept)], capture_output=True, text=True, timeout=300
        )
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ["no message"])[-1]
            raise ModelRefused(f"The weights cannot be turned into ONNX: {last}")
    return kept


def main(argv: list[str]) -> int:
    """``ARTEFACT OUT``: export the artefact's safetensors to OUT."""
    from apps.defect_detection.inference import architectures  # noqa: PLC0415 - imports torch

    parser = argparse.ArgumentParser(prog="python -m apps.defect_detection.inference.export")
    parser.add_argument("artefact", type=Path)
    parser.add_argument("out", type=Path)
    options = parser.parse_args(argv)
    manifest = json.loads((options.artefact / "manifest.json").read_text())
    module = architectures.load(
        manifest["architecture"],
        options.artefact / "model.safetensors",
        dict(enumerate(manifest["classes"])),
        manifest["head"] == "end2end",
    ).fuse(verbose=False)
    part = options.out.with_suffix(f".{os.getpid()}.part")
    write_onnx(module, part, manifest["input"]["size"])
    part.replace(options.out)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
