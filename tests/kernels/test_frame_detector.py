"""The pipeline of frames: the same boxes for a frame alone, in a batch, in a slab and as a part."""

import gc
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from core_kernels.dispatch.frames import View
from core_kernels.errors import ArgumentRefused
from core_kernels.modules.frame_detector import Batch, FrameDetector, Part
from core_kernels.modules.frame_slots import Slot

SIZE = 64


class BrightSpot(nn.Module):
    """A network whose one box encloses what is brighter than padding; its score is 0.9."""

    def forward(self, pictures: Tensor) -> tuple[Tensor, None]:
        """Head [B, 5, 1]."""
        bright = (pictures.mean(1) > 0.6).float()
        at = torch.arange(SIZE, device=pictures.device, dtype=torch.float32) + 0.5
        count = bright.sum((1, 2)).clamp(min=1)
        x = (bright * at).sum((1, 2)) / count
        y = (bright * at[:, None]).sum((1, 2)) / count
        side = bright.amax(1).sum(1), bright.amax(2).sum(1)
        score = torch.full_like(x, 0.9)
        return torch.stack([x, y, *side, score], 1)[:, :, None].to(pictures.dtype), None


@pytest.fixture
def detector(device: torch.device) -> FrameDetector:
    return FrameDetector(BrightSpot(), size=SIZE, device=device, most=5, buckets=(1, 2, 4))


def frame(width: int, height: int, left: int, top: int) -> NDArray[np.uint8]:
    """Black, with a white square of 32 pixels."""
    made = np.zeros((height, width, 3), np.uint8)
    made[top : top + 32, left : left + 32] = 255
    return made


FRAMES = [frame(128, 128, 32, 64), frame(256, 128, 128, 64), frame(64, 64, 16, 0)]
BOXES = [[32, 64, 64, 96], [128, 64, 160, 96], [16, 0, 48, 32]]


def test_boxes_come_back_in_the_pixels_of_each_frame(detector: FrameDetector) -> None:
    found = detector.detect(FRAMES, score_floor=0.5)
    assert [rows[:, :4].tolist() for rows in found] == [[box] for box in BOXES]
    assert all(rows[0, 4] == pytest.approx(0.9, abs=1e-3) for rows in found)
    assert [len(rows) for rows in detector.detect(FRAMES, score_floor=0.95)] == [0, 0, 0]
    assert detector.detect([], score_floor=0.5) == []


def test_a_detector_that_is_ready_finds_the_same(detector: FrameDetector) -> None:
    detector.ready()
    found = detector.detect(FRAMES, score_floor=0.5)
    assert [rows[:, :4].tolist() for rows in found] == [[box] for box in BOXES]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU: a CPU records nothing")
def test_a_detector_that_is_ready_records_nothing_more(
    detector: FrameDetector, monkeypatch: pytest.MonkeyPatch
) -> None:
    detector.ready()
    recorded: list[int] = []
    monkeypatch.setattr(Slot, "_record", lambda slot, pictures: recorded.append(pictures))
    large = frame(1024, 2048, 512, 1024)  # of more bytes than any batch before
    for floor, overlap, boxes in [(0.5, 0.7, 1), (0.85, 0.1, 1), (0.95, 0.1, 0)]:
        for frames in ([FRAMES[2]] * 4, [FRAMES[1]], FRAMES, [large] * 2):
            found = detector.detect(frames, score_floor=floor, overlap=overlap)
            assert [len(rows) for rows in found] == [boxes] * len(frames)
    assert recorded == []


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU: its memory is looked at")
def test_a_detector_that_goes_takes_its_memory_and_graphs_along_at_once(
    device: torch.device,
) -> None:
    def cycle() -> int:
        detector = FrameDetector(BrightSpot(), size=SIZE, device=device, buckets=(1, 2))
        detector.ready()
        detector.detect(FRAMES[:2], score_floor=0.5)
        del detector
        torch.cuda.synchronize()
        torch.cuda.empty_cache()
        return torch.cuda.memory_reserved(device)

    gc.collect()
    gc.disable()
    try:
        held = [cycle() for _ in range(5)]
    finally:
        gc.enable()
    assert held[1:] == held[:1] * 4


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU: bytes are on the device")
def test_bytes_on_the_device_are_read_where_they_lie(detector: FrameDetector) -> None:
    data = torch.from_numpy(FRAMES[1].reshape(-1)).to(detector.device)
    batch = Batch(data=data, views=[View.packed(0, 256, 128)])
    for _ in range(3):  # recorded over nothing, then over memory that moved
        ((rows,),) = detector.stream([batch], score_floor=0.5)
        assert rows[0, :4].tolist() == BOXES[1]
        batch = Batch(data=data.clone(), views=batch.views)
    assert detector.detect(FRAMES[:1], score_floor=0.5)[0][0, :4].tolist() == BOXES[0]


def test_calls_from_several_threads_get_their_own_boxes(detector: FrameDetector) -> None:
    def looked(turn: int) -> int:
        floor = 0.5 if turn % 3 else 0.95
        count = 1 + turn % 3
        found = detector.detect(FRAMES[:count], score_floor=floor)
        expected = [[box] for box in BOXES[:count]] if turn % 3 else [[]] * count
        assert [rows[:, :4].tolist() for rows in found] == expected
        return count

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(looked, range(60))) == 120


def test_a_stream_left_half_way_and_a_refused_batch_leave_the_detector_free(
    detector: FrameDetector,
) -> None:
    for _ in range(3):
        left = detector.stream([Batch(frames=FRAMES[:1])] * 4, score_floor=0.5)
        assert len(next(left)) == 1
        del left
        with (
            pytest.raises(ArgumentRefused, match="A batch has 5 pictures")
            if (detector.device.type == "cuda")
            else nullcontext()
        ):
            detector.detect([FRAMES[0]] * 5, score_floor=0.5)
        with pytest.raises(ArgumentRefused, match="overlap 2"):
            detector.detect(FRAMES, score_floor=0.5, overlap=2)
    assert len(detector.detect(FRAMES, score_floor=0.5)) == 3


def test_batches_of_any_size_keep_their_order(detector: FrameDetector) -> None:
    batches = [Batch(frames=FRAMES[:count]) for count in (1, 3, 2, 1, 3)]
    found = list(detector.stream(batches, score_floor=0.5))
    assert [len(rows) for rows in found] == [1, 3, 2, 1, 3]
    for batch in found:
        assert [rows[0, :4].tolist() for rows in batch] == BOXES[: len(batch)]


def test_a_slab_views_and_parts_need_no_frames_of_their_own(detector: FrameDetector) -> None:
    data = torch.from_numpy(np.concatenate([one.reshape(-1) for one in FRAMES[:2]]))
    views = [View.packed(0, 128, 128), View.packed(128 * 128 * 3, 256, 128)]
    slab = Batch(data=data, views=views)
    # The right half of the second frame begins at its spot.
    parts = [Part(frame=1, left=128, top=0, width=128, height=128)]
    wide = np.repeat(FRAMES[0], 2, axis=1)[:, ::2]
    found = list(
        detector.stream(
            [slab, Batch(frames=FRAMES, parts=parts), Batch(frames=[wide])], score_floor=0.5
        )
    )
    assert [rows[0, :4].tolist() for rows in found[0]] == BOXES[:2]
    assert found[1][0][0, :4].tolist() == [0, 64, 32, 96]
    assert found[2][0][0, :4].tolist() == BOXES[0]
