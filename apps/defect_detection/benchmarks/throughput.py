"""``manage.py bench throughput``: a zip of frames through upload, job and stored results.

Against two bare loops over the same files with the same weights on the same cores: (a) Ultralytics
`predict` with torch, (b) `predict` over Ultralytics' own OpenVINO FP32 export told to stay in f32.
Boxes are compared first: the same count at the threshold and IoU of at least 0.99.
"""

import argparse
import json
import os
import time
from contextlib import nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from apps.defect_detection.benchmarks.agreement import compare
from apps.defect_detection.benchmarks.frames import write_frames, write_zip
from apps.defect_detection.benchmarks.peers import KINDS, run_peer
from apps.defect_detection.schema import OperatingPoint
from loupe.testing import installation

ARTEFACT = Path(__file__).resolve().parents[1] / "models" / "surfaces"
LIMITS = {"torch": 0.5, "openvino": 1.1}
DESCRIPTIONS = {"torch": "Ultralytics predict, torch", "openvino": "Ultralytics OpenVINO f32"}


def main(argv: list[str]) -> int:
    """Measure and print; 0 when boxes agree and both ratios hold."""
    parser = argparse.ArgumentParser(prog="manage.py bench throughput")
    parser.add_argument("--frames", type=int, default=1000, help="how many frames of 640²")
    parser.add_argument("--url", help="a Loupe that runs already; with --key")
    parser.add_argument("--key", help="an API key with the scopes submit, view and export")
    parser.add_argument("--project", default="demo", help="the key's project")
    parser.add_argument("--out", type=Path, help="also write the figures to this JSON file")
    options = parser.parse_args(argv)
    point = OperatingPoint()
    cores = len(os.sched_getaffinity(0))
    with TemporaryDirectory(prefix="loupe-frames-", dir="/tmp") as folder:
        frames = Path(folder) / "frames"
        archive = Path(folder) / "frames.zip"
        write_zip(write_frames(frames, options.frames), archive)
        peers = {
            kind: run_peer(kind, ARTEFACT, frames, point.score_floor, point.overlap)
            for kind in KINDS
        }
        running = (
            nullcontext(installation.given(options.url, options.key or "", options.project))
            if options.url
            else installation.own()
        )
        with running as loupe:
            seconds, ours, stages = _through(loupe, archive)
    print(f"{options.frames} frames of 640², {cores} cores, model surfaces (yolo11n)\n")
    print(f"{'':34}{'seconds':>9}{'frames/s':>10}{'Loupe / it':>12}{'at most':>9}  boxes")
    print(f"{'Loupe: zip, job, stored results':34}{seconds:9.1f}{options.frames / seconds:10.1f}")
    figures: dict[str, Any] = {"frames": options.frames, "cores": cores, "loupe_s": seconds}
    good = True
    for kind, peer in peers.items():
        found = compare(peer["boxes"], ours, point.threshold)
        ratio = seconds / peer["seconds"]
        good &= found.same and ratio <= LIMITS[kind]
        verdict = "same" if found.same else f"DIFFER in {found.frames_differing} frames"
        print(
            f"{DESCRIPTIONS[kind]:34}{peer['seconds']:9.1f}"
            f"{options.frames / peer['seconds']:10.1f}{ratio:12.2f}{LIMITS[kind]:9.2f}  "
            f"{verdict}, {found.boxes} boxes, lowest IoU {found.lowest_iou:.4f}"
        )
        figures[kind] = {"seconds": peer["seconds"], "ratio": ratio, "lowest_iou": found.lowest_iou}
    print("\nLoupe's mean stage times, ms a frame:")
    print("  " + ", ".join(f"{name} {value:.1f}" for name, value in stages.items()))
    if options.out:
        options.out.write_text(json.dumps(figures, indent=2) + "\n")
    return 0 if good else 1


def _through(
    loupe: installation.Loupe, archive: Path
) -> tuple[float, dict[str, Any], dict[str, float]]:
    """Seconds from the first byte sent to the job's end; boxes by file; mean stage times."""
    where = {"project": loupe.project, "app": "defect_detection"}
    with archive.open("rb") as body:
        start = time.perf_counter()
        answer = loupe.http.post(
            "/api/v1/submissions",
            params={**where, "filename": "frames.zip"},
            content=body,
            headers={"Content-Type": "application/zip"},
        )
    answer.raise_for_status()
    job = answer.json()["id"]
    while True:
        state = loupe.http.get(f"/api/v1/jobs/{job}").json()
        if state["state"] in ("done", "cancelled"):
            break
        time.sleep(0.1)
    seconds = time.perf_counter() - start
    if state["state"] != "done":
        raise RuntimeError(f"The job ended as {state['state']}.")
    boxes: dict[str, Any] = {}
    sums: dict[str, float] = {}
    lines = loupe.http.get(
        "/api/v1/results", params={**where, "job": job, "format": "json"}
    ).text.splitlines()
    for line in lines:
        result = json.loads(line)
        boxes[Path(result["file"]).name] = [
            [box["x1"], box["y1"], box["x2"], box["y2"], box["score"], box["label"]]
            for box in result["result"]["boxes"]
        ]
        for name, value in result["times_ms"].items():
            sums[name] = sums.get(name, 0.0) + value
    return seconds, boxes, {name: value / max(1, len(boxes)) for name, value in sums.items()}
