"""Frames in, boxes out, against Ultralytics' `predict` with the same trained weights.

Weights: the folder that ``LOUPE_WEIGHTS`` names (a manifest beside ``model.onnx`` as an app ships
it), else the first such folder below the checkout's apps. Pictures: ``LOUPE_FRAMES``, a folder of
JPEG files, else the samples beside the weights. Both must show something: without detections
`predict` skips its slow suppression.
"""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torchvision.io import decode_jpeg
from torchvision.ops import box_iou

from core_kernels.benchmarks.detector import Peer, network_of, peer_of
from core_kernels.benchmarks.harness import Case, Goal
from core_kernels.dispatch.frames import View
from core_kernels.errors import ArgumentRefused
from core_kernels.modules.frame_detector import Batch, Boxes, FrameDetector

FLOOR, OVERLAP = 0.25, 0.7
#: Batches of one sustained run.
BATCHES = 8
Frame = NDArray[np.uint8]


def cases(device: torch.device, *, quick: bool) -> Iterator[Case]:
    """One frame; frames of 640² and of 5 megapixels without a pause; JPEG bytes."""
    folder = weights_folder()
    pictures = pictures_beside(folder)
    on_gpu = device.type == "cuda"
    peer = peer_of(folder, device)
    network, size = network_of(folder)
    detector = FrameDetector(network, size=size, device=device, compiled=on_gpu and not quick)
    yield _one(detector, peer, pictures[0])
    count, batches = (64, BATCHES) if on_gpu and not quick else (2, 2)
    goal = 7500 if on_gpu else None
    yield _sustained(
        detector, peer, [_sized(p, size, size) for p in pictures], count, batches, goal
    )
    goal = 2600 if on_gpu else None
    large = [_sized(p, 2448, 2048) for p in pictures]
    yield _sustained(detector, peer, large, min(count, 32), batches, goal)
    yield _jpeg(detector, peer, large, min(count, 32), batches, 1500 if on_gpu else None)


def weights_folder() -> Path:
    """Where the trained weights are.

    Raises:
        ArgumentRefused: there are none.
    """
    if named := os.environ.get("LOUPE_WEIGHTS"):
        return Path(named)
    apps = Path(__file__).resolve().parents[2] / "apps"
    for manifest in sorted(apps.glob("*/models/*/manifest.json")):
        if '"architecture": "yolo' in manifest.read_text():
            return manifest.parent
    raise ArgumentRefused(
        "No trained detector is below apps; name a folder with manifest.json and model.onnx in "
        "LOUPE_WEIGHTS."
    )


def pictures_beside(folder: Path) -> list[Frame]:
    """Pictures that show what the detector knows, at least one.

    Raises:
        ArgumentRefused: there are none.
    """
    named = os.environ.get("LOUPE_FRAMES")
    samples = Path(named) if named else folder.parents[1] / "samples"
    read = [cv2.imread(str(path)) for path in sorted(samples.glob("*.jpg"))]
    found = [np.asarray(picture, np.uint8) for picture in read if picture is not None]
    if not found:
        raise ArgumentRefused(f"{samples} holds no JPEG file; name a folder in LOUPE_FRAMES.")
    return found


def _sized(picture: Frame, width: int, height: int) -> Frame:
    resized: Frame = np.asarray(cv2.resize(picture, (width, height)), np.uint8)
    return resized


def _one(detector: FrameDetector, peer: Peer, picture: Frame) -> Case:
    frame = _sized(picture, detector.size, detector.size)

    def ours() -> list[Boxes]:
        return detector.detect([frame], score_floor=FLOOR, overlap=OVERLAP)

    return Case(
        operation="frames", label=f"one frame of {detector.size}², host array to boxes", ours=ours,
        peers={"Ultralytics predict": lambda: peer([frame], FLOOR, OVERLAP)},
        check=lambda: assert_same(ours(), peer([frame], FLOOR, OVERLAP)), units=1,
        goals=(Goal(milliseconds=0.95),) if detector.device.type == "cuda" else (),
        cold=False, on_host=True,
    )  # fmt: skip


def _sustained(
    detector: FrameDetector, peer: Peer, pictures: list[Frame], count: int, batches: int,
    rate: int | None,
) -> Case:  # fmt: skip
    """Batches one after the other: ours from pinned memory, the peer from plain arrays."""
    frames = [pictures[index % len(pictures)] for index in range(count)]
    data, views = _slab(frames, detector.device)

    def ours() -> list[Boxes]:
        given = (Batch(data=data, views=views) for _ in range(batches))
        return list(detector.stream(given, score_floor=FLOOR, overlap=OVERLAP))[-1]

    def predict() -> None:
        for _ in range(batches):
            peer(frames, FLOOR, OVERLAP)

    height, width = frames[0].shape[:2]
    return Case(
        operation="frames", label=f"{batches} batches of {count} frames of {width}×{height}",
        ours=ours, peers={"Ultralytics predict": predict},
        check=lambda: assert_same(
            ours(), peer(frames, FLOOR, OVERLAP), pixel=max(height, width) / detector.size
        ),
        units=batches * count,
        goals=_goal(rate, batches * count), cold=False, on_host=True,
    )  # fmt: skip


def _jpeg(
    detector: FrameDetector, peer: Peer, pictures: list[Frame], count: int, batches: int,
    rate: int | None,
) -> Case:  # fmt: skip
    """Files in memory: decoded on the device in batches, or one by one by OpenCV."""
    files = [
        cv2.imencode(".jpg", pictures[index % len(pictures)], (cv2.IMWRITE_JPEG_QUALITY, 92))[1]
        for index in range(count)
    ]
    encoded = [torch.from_numpy(file.reshape(-1)) for file in files]

    def decoded() -> Batch:
        planes: Sequence[Tensor] = decode_jpeg(list(encoded), device=detector.device)
        views, first = [], 0
        for plane in planes:
            _, height, width = plane.shape
            views.append(
                View(first=first, row=width, pixel=1, colour=height * width, width=width,
                     height=height)
            )  # fmt: skip
            first += plane.numel()
        return Batch(data=torch.cat([plane.reshape(-1) for plane in planes]), views=views)

    def ours() -> list[Boxes]:
        given = (decoded() for _ in range(batches))
        return list(detector.stream(given, score_floor=FLOOR, overlap=OVERLAP))[-1]

    def read() -> list[Frame]:
        return [np.asarray(cv2.imdecode(file, cv2.IMREAD_COLOR), np.uint8) for file in files]

    def predict() -> None:
        for _ in range(batches):
            peer(read(), FLOOR, OVERLAP)

    height, width = pictures[0].shape[:2]
    return Case(
        operation="frames", label=f"{batches} batches of {count} JPEG files of {width}×{height}",
        ours=ours, peers={"OpenCV decode, Ultralytics predict": predict},
        # Two decoders differ by a few grey levels.
        check=lambda: assert_same(
            ours(), peer(read(), FLOOR, OVERLAP), margin=0.15,
            pixel=max(height, width) / detector.size,
        ),
        units=batches * count, goals=_goal(rate, batches * count), cold=False, on_host=True,
    )  # fmt: skip


def _goal(rate: int | None, frames: int) -> tuple[Goal, ...]:
    return (Goal(milliseconds=round(frames / rate * 1e3, 1)),) if rate else ()


def _slab(frames: list[Frame], device: torch.device) -> tuple[Tensor, list[View]]:
    """Frames one after the other in one piece of memory, pinned where there is a GPU."""
    total = sum(frame.size for frame in frames)
    data = torch.empty(total, dtype=torch.uint8, pin_memory=device.type == "cuda")
    views, first = [], 0
    for frame in frames:
        data[first : first + frame.size] = torch.from_numpy(frame).reshape(-1)
        views.append(View.packed(first, frame.shape[1], frame.shape[0]))
        first += frame.size
    return data, views


def assert_same(
    ours: list[Boxes], wanted: list[Boxes], *, margin: float = 0.05, pixel: float = 1.0
) -> None:
    """Every box that is `margin` above the floor has a partner of its class.

    A partner has an IoU of 0.9 or more, or edges within a network pixel: the peer computes corners
    in the network's precision, where half a pixel is lost in fp16, and suppresses in it too, so a
    box near the floor may be missing.

    Args:
        pixel: source pixels of a network pixel.

    Raises:
        AssertionError: one has none, or nothing was detected at all.
    """
    if not any(len(rows) for rows in wanted):
        raise AssertionError("the peer detects nothing in these frames: give others.")
    for index, (one, other) in enumerate(zip(ours, wanted, strict=True)):
        for mine, theirs, whose in ((one, other, "ours"), (other, one, "the peer's")):
            for row in mine[mine[:, 4] > FLOOR + margin]:
                same = theirs[theirs[:, 5] == row[5]]
                pair = torch.from_numpy(row[None, :4]), torch.from_numpy(same[:, :4])
                apart = np.abs(same[:, :4] - row[:4]).max(1, initial=0)
                near = box_iou(*pair).numpy()[0] >= 0.9
                if not (near | (apart <= pixel)).any():
                    raise AssertionError(f"frame {index}: a box of {whose} has no partner: {row}.")
