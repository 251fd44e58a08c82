"""``bench report``: seconds from the files of a study to its draft, every stage by itself.

A generated scan of raw DICOM, the same in JPEG 2000, and studies of one's own (``--study``) go
through reading, gates, preparing, network, detection and writing, each in a process of its own, so
that its peak of memory is its own. In the same run: preparing against a plain script of pydicom and
scipy, reading JPEG 2000 against decoding alone in two processes of pylibjpeg, and text against
`generate` of transformers. Without ``--model`` a network of full size that nobody trained is timed.
``--parts`` asks for some of it.

    manage.py bench report --study study.zip
    python -m apps.report_gen.benchmarks.report --parts study raw text  # the same without Django
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

import torch

from apps.report_gen.benchmarks import scans
from apps.report_gen.benchmarks.reading import (
    GOAL_JPEG_2000,
    GOAL_SCRIPT,
    compare_jpeg_2000,
    compare_plain,
)
from apps.report_gen.benchmarks.writing import GOAL_MS, GOAL_RATIO, compare_writing
from apps.report_gen.inference.shape import TOY, Shape

GOAL_CPU_S: Final = 25.0
GOAL_CPU_GIB: Final = 4.0
GOAL_GPU_S: Final = 1.5
GOAL_STUDY_GPU_S: Final = 1.0
PARTS: Final = ("study", "raw", "script", "jpeg_2000", "text")
"""Studies of one's own, raw DICOM, the plain script, JPEG 2000 with decoding alone, `generate`."""


def piped(study: Path, asked: argparse.Namespace) -> dict[str, Any]:
    """The figures of one study, from a process of its own."""
    command = [
        sys.executable, "-m", "apps.report_gen.benchmarks.pipeline", str(study),
        "--device", asked.device, "--times", str(asked.times),
        *(["--model", str(asked.model)] if asked.model else []),
        *(["--toy"] if asked.toy else []),
    ]  # fmt: skip
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(each for each in sys.path if each)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"The pipeline failed on {study.name}: {done.stderr.strip()[-2000:]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def main(arguments: list[str]) -> int:
    """Print one JSON line; 0 when every goal that this device has is reached."""
    asked = _parser().parse_args(arguments)
    report: dict[str, Any] = {
        "device": torch.cuda.get_device_name() if asked.device.startswith("cuda") else "cpu",
        "cores": len(os.sched_getaffinity(0)),
        "load": round(os.getloadavg()[0], 2),
        "model": asked.model.name
        if asked.model
        else f"untrained, {'toy' if asked.toy else 'full'} size",
        "scan": [asked.slices, asked.side, asked.side],
    }
    if "study" in asked.parts:
        for study in asked.study:
            report[f"study_{study.stem}"] = piped(study, asked)
    if {"raw", "script", "jpeg_2000"} & {*asked.parts}:
        report |= _of_generated_scans(asked)
    if "text" in asked.parts:
        shape = TOY if asked.toy else Shape()
        report["text"] = compare_writing(shape, asked.device, asked.tokens, asked.times)
    report["goals"] = goals(report, asked.device)
    sys.stdout.write(json.dumps(report) + "\n")
    return 0 if all(report["goals"].values()) else 1


def _of_generated_scans(asked: argparse.Namespace) -> dict[str, Any]:
    made: dict[str, Any] = {}
    hu = scans.values(asked.slices, asked.side)
    with tempfile.TemporaryDirectory() as place:
        if {"raw", "script"} & {*asked.parts}:
            raw = scans.write(Path(place) / "raw", hu)
            if "raw" in asked.parts:
                made["raw"] = piped(raw, asked)
            if "script" in asked.parts:
                made["against_script"] = compare_plain(raw, asked.times)
        if "jpeg_2000" in asked.parts:
            packed = scans.write(Path(place) / "jpeg2000", hu, jpeg_2000=True)
            made["jpeg_2000"] = piped(packed, asked)
            made["against_decoding"] = compare_jpeg_2000(packed, asked.times)
    return made


def goals(report: dict[str, Any], device: str) -> dict[str, bool]:
    """Each goal of what was measured and whether it was reached; times depend on the device."""
    told: dict[str, bool] = {}
    if "against_script" in report:
        ratio = float(report["against_script"]["prepare_ratio_order_3"])
        told["prepare_10_times_the_script"] = ratio >= GOAL_SCRIPT
    if "against_decoding" in report:
        times = float(report["against_decoding"]["times_decoding"])
        told["jpeg_2000_1.7_times_decoding"] = times <= GOAL_JPEG_2000
    studies = [(key, row) for key, row in report.items() if key.startswith("study_")]
    raw = report.get("raw")
    if not device.startswith("cuda"):
        if raw:
            told["raw_25_s"] = raw["warm_p50"]["whole"] <= GOAL_CPU_S
            told["raw_4_gib"] = raw["peak_gib"] < GOAL_CPU_GIB
        return told
    if raw:
        told["raw_1.5_s"] = raw["warm_p50"]["whole"] <= GOAL_GPU_S
    for key, row in studies:
        told[f"{key}_1_s"] = row["warm_p50"]["whole"] <= GOAL_STUDY_GPU_S
    for key, row in [*studies, *([("raw", raw)] if raw else [])]:
        told[f"{key}_written_at_0.25_ms_a_token"] = row["ms_a_token"] <= GOAL_MS
    if "text" in report:
        told["text_0.25_ms"] = report["text"]["ms_a_token"] <= GOAL_MS
        told["text_15_times_generate"] = report["text"]["ratio"] >= GOAL_RATIO
    return told


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bench report")
    parser.add_argument("--study", type=Path, action="append", default=[], help="zip, folder, file")
    parser.add_argument("--model", type=Path, help="folder of a report model")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--slices", type=int, default=300)
    parser.add_argument("--side", type=int, default=512)
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--tokens", type=int, default=256)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--toy", action="store_true", help="a small network: for tests")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
