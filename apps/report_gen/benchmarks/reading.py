"""``report-reading``: seconds from files to a judged volume, and on to the model's windows.

The same seeded scan is read by Loupe and by a plain script of pydicom and scipy in the same run,
and the Hounsfield units of both must be equal first. JPEG 2000 is compared with decoding alone, by
two processes of pylibjpeg. Losses are printed as they are.

    python -m apps.report_gen.benchmarks.reading --slices 300
"""

import argparse
import json
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch

from apps.report_gen.benchmarks import peers, scans
from apps.report_gen.reading.studies import read_study
from apps.report_gen.volume import Volume
from core_kernels.dispatch.volume_prepare import volume_prepare

TARGET = (2.0, 1.6, 1.6)
"""mm between slices, rows and columns of what the model sees."""
GOAL_SCRIPT = 10.0
GOAL_JPEG_2000 = 1.7
Result = TypeVar("Result")


def timed(run: Callable[[], Result]) -> tuple[Result, float]:
    """What `run` returns, and seconds."""
    start = time.perf_counter()
    result = run()
    return result, time.perf_counter() - start


def ours(folder: Path) -> Volume:
    """Gate, decode, judge."""
    volume = read_study([folder]).volume
    if volume is None:
        raise SystemExit("The scan of the benchmark was refused.")
    return volume


def prepared(volume: Volume) -> torch.Tensor:
    """The model's windows of a volume."""
    return volume_prepare(
        torch.from_numpy(volume.hu), spacing=volume.spacing, target=TARGET, windows=peers.WINDOWS
    )


def compare_plain(folder: Path, times: int) -> dict[str, object]:
    """Raw DICOM against the plain script, whole and by stage."""
    volume = ours(folder)
    theirs = peers.plain_volume(folder)
    # The script leaves rows and columns as they came; RAS turns both round.
    if not np.array_equal(volume.hu, theirs[:, ::-1, ::-1].astype(np.int16)):
        raise SystemExit("The Hounsfield units differ from those of pydicom.")
    prepared(volume)  # compiles
    reads = [timed(lambda: ours(folder))[1] for _ in range(times)]
    preps = [timed(lambda: prepared(volume))[1] for _ in range(times)]
    read, prepare = float(np.median(reads)), float(np.median(preps))
    _, plain_read = timed(lambda: peers.plain_volume(folder))
    report: dict[str, object] = {
        "read_s": round(read, 3),
        "prepare_s": round(prepare, 3),
        "script_read_s": round(plain_read, 3),
        "read_ratio": round(plain_read / read, 2),
    }
    for order in (1, 3):
        windows = partial(peers.plain_windows, theirs, volume.spacing, TARGET, order)
        _, took = timed(windows)
        report[f"script_prepare_order_{order}_s"] = round(took, 3)
        report[f"prepare_ratio_order_{order}"] = round(took / prepare, 2)
        report[f"whole_ratio_order_{order}"] = round((plain_read + took) / (read + prepare), 2)
    return report


def compare_jpeg_2000(folder: Path, times: int) -> dict[str, object]:
    """Reading against decoding alone, in turns."""
    mine, alone = [], []
    for _ in range(times):
        alone.append(timed(lambda: peers.decoded_alone(folder))[1])
        mine.append(timed(lambda: ours(folder))[1])
    read, decode = float(np.median(mine)), float(np.median(alone))
    return {
        "read_s": round(read, 3),
        "decode_alone_s": round(decode, 3),
        "times_decoding": round(read / decode, 2),
        "goal": GOAL_JPEG_2000,
    }


def main(arguments: list[str]) -> int:
    """Print one JSON line; 0 when both goals are reached."""
    parser = argparse.ArgumentParser(prog="bench report-reading")
    parser.add_argument("--slices", type=int, default=300)
    parser.add_argument("--side", type=int, default=512)
    parser.add_argument("--times", type=int, default=3)
    options = parser.parse_args(arguments)
    hu = scans.values(options.slices, options.side)
    with tempfile.TemporaryDirectory() as place:
        raw = scans.write(Path(place) / "raw", hu)
        plain = compare_plain(raw, options.times)
        packed = scans.write(Path(place) / "jpeg2000", hu, jpeg_2000=True)
        jpeg = compare_jpeg_2000(packed, options.times)
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    report = {
        "scan": [options.slices, options.side, options.side],
        "raw": plain,
        "jpeg_2000": jpeg,
        "peak_gib_with_peers": round(most, 2),
        "goal_script": GOAL_SCRIPT,
    }
    sys.stdout.write(json.dumps(report) + "\n")
    reached = float(str(plain["prepare_ratio_order_3"])) >= GOAL_SCRIPT
    return 0 if reached and float(str(jpeg["times_decoding"])) <= GOAL_JPEG_2000 else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
