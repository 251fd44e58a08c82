"""`letterbox` against OpenCV, Ultralytics' LetterBox and itself."""

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch import Tensor

from apps.defect_detection.inference.quiet import ultralytics_quietly
from core_kernels.dispatch.choice import using
from core_kernels.dispatch.frames import View, views_of
from core_kernels.dispatch.letterbox import letterbox, letterbox_packed, table_of
from core_kernels.errors import ArgumentRefused, NoImplementation
from core_kernels.structures.placing import placed

with ultralytics_quietly():
    from ultralytics.data.augment import LetterBox

NAMES = ["triton", "reference"] + (["numba"] if not torch.cuda.is_available() else [])
SIZES = [(50, 70), (32, 64), (20, 30), (33, 41), (150, 90), (1, 1), (3, 200)]
Frame = NDArray[np.uint8]


def frames_of(*sizes: tuple[int, int]) -> list[Frame]:
    """Noise, which shows every difference of a grey level."""
    random = np.random.default_rng(7)
    return [random.integers(0, 256, (*size, 3), dtype=np.uint8) for size in sizes]


def by_ultralytics(frame: Frame, height: int, width: int, *, scaleup: bool = True) -> Tensor:
    """LetterBox, then what `predict` makes of it."""
    box = LetterBox((height, width), auto=False, scaleup=scaleup)
    square = np.asarray(box(image=frame))
    planes = np.ascontiguousarray(square[:, :, ::-1].transpose(2, 0, 1))
    return torch.from_numpy(planes).float() / 255


@pytest.mark.parametrize("name", NAMES)
def test_every_implementation_is_ultralytics_to_the_bit(name: str, device: torch.device) -> None:
    frames = frames_of(*SIZES)
    with using(letterbox=name):
        pictures, _ = letterbox(frames, (32, 64), dtype=torch.float32, device=device)
    for frame, picture in zip(frames, pictures.cpu(), strict=True):
        assert torch.equal(picture, by_ultralytics(frame, 32, 64)), frame.shape


@settings(max_examples=60, deadline=None)
@given(
    frame=st.tuples(st.integers(1, 300), st.integers(1, 300)),
    into=st.tuples(st.integers(1, 96), st.integers(1, 96)),
    scaleup=st.booleans(),
)
def test_frames_of_any_size_are_ultralytics_to_the_bit(
    frame: tuple[int, int], into: tuple[int, int], scaleup: bool
) -> None:
    (given_frame,) = frames_of(frame)
    pictures, _ = letterbox([given_frame], into, dtype=torch.float32, scaleup=scaleup, device="cpu")
    assert torch.equal(pictures[0], by_ultralytics(given_frame, *into, scaleup=scaleup))


@pytest.mark.parametrize("name", NAMES)
def test_views_grey_and_planar_frames_are_read_where_they_lie(
    name: str, device: torch.device
) -> None:
    (whole,) = frames_of((90, 120))
    part = whole[10:70:2, 5:100]
    planar = torch.from_numpy(whole[:40, :50].copy()).permute(2, 0, 1).contiguous()
    grey = whole[:, :, 1]
    with using(letterbox=name):
        seen, _ = letterbox([part, grey], (40, 48), dtype=torch.float32, device=device)
        red_first, _ = letterbox(
            [planar.to(device)], (40, 48), dtype=torch.float32, order="rgb", layout="chw"
        )
    assert torch.equal(seen[0].cpu(), by_ultralytics(np.ascontiguousarray(part), 40, 48))
    three = np.ascontiguousarray(np.repeat(grey[:, :, None], 3, axis=2))
    assert torch.equal(seen[1].cpu(), by_ultralytics(three, 40, 48))
    turned = by_ultralytics(whole[:40, :50].copy(), 40, 48).flip(0)
    assert torch.equal(red_first[0].cpu(), turned)


@pytest.mark.parametrize("name", NAMES)
def test_frames_of_one_slab_and_empty_rows_share_a_launch(name: str, device: torch.device) -> None:
    frames = frames_of((30, 40), (64, 48))
    slab = torch.from_numpy(np.concatenate([frame.reshape(-1) for frame in frames])).to(device)
    views = [View.packed(0, 40, 30), View.packed(3600, 48, 64)]
    views.append(views[1].part(8, 16, 100, 32))
    table = torch.cat([table_of(views, (32, 32)), torch.zeros(1, 11, dtype=torch.int64)])
    with using(letterbox=name):
        pictures, placements = letterbox_packed(
            [slab], table.to(device), (32, 32), dtype=torch.float32
        )
    expected = [*frames, np.ascontiguousarray(frames[1][16:48, 8:48])]
    for frame, picture in zip(expected, pictures.cpu(), strict=False):
        assert torch.equal(picture, by_ultralytics(frame, 32, 32))
    assert (pictures[3].cpu() == torch.tensor(114.0) / 255).all()
    # 48 × 64 into 32 × 32: half the size, 24 × 32, in the middle.
    assert placements[1].tolist() == [0.5, 0.5, 4, 0, 48, 64]


@pytest.mark.parametrize("name", NAMES)
def test_pictures_may_lie_in_memory_with_their_colours_last(
    name: str, device: torch.device
) -> None:
    frames = frames_of((30, 40), (64, 48))
    with using(letterbox=name):
        pictures, _ = letterbox(
            frames, (33, 48), dtype=torch.float32, device=device, channels_last=True
        )
    assert pictures.is_contiguous(memory_format=torch.channels_last)
    for frame, picture in zip(frames, pictures.cpu(), strict=True):
        assert torch.equal(picture, by_ultralytics(frame, 33, 48))


def test_a_kernel_reads_frames_in_memory_that_its_table_alone_names(device: torch.device) -> None:
    (frame,) = frames_of((30, 40))
    origin = torch.zeros(1, dtype=torch.uint8, device=device)
    elsewhere = torch.from_numpy(frame.reshape(-1)).to(device)
    table = table_of([View.packed(0, 40, 30)], (32, 32)).to(device)
    table[:, 1] += elsewhere.data_ptr() - origin.data_ptr()
    with using(letterbox="triton"):
        pictures, _ = letterbox_packed([origin], table, (32, 32), dtype=torch.float32)
    assert torch.equal(pictures[0].cpu(), by_ultralytics(frame, 32, 32))


def test_the_geometry_is_that_of_opencvs_users() -> None:
    assert placed(2448, 2048, 640, 640) == (640, 535, 0, 52)
    assert placed(100, 80, 640, 640, scaleup=False) == (100, 80, 270, 280)
    assert placed(1, 3000, 640, 640) == (1, 640, 319, 0)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_narrow_dtypes_hold_the_rounded_value(dtype: torch.dtype, device: torch.device) -> None:
    # The interpreter has no bfloat16 arithmetic.
    narrow = dtype is torch.bfloat16 and device.type == "cpu"
    names = ["numba", "reference"] if narrow else NAMES
    (frame,) = frames_of((31, 47))
    expected = by_ultralytics(frame, 40, 48).to(dtype)
    for name in names:
        with using(letterbox=name):
            pictures, _ = letterbox([frame], (40, 48), dtype=dtype, device=device)
        assert torch.equal(pictures[0].cpu(), expected), name


def test_an_empty_batch_is_an_empty_batch() -> None:
    pictures, placements = letterbox([], (8, 8), device="cpu")
    assert pictures.shape == (0, 3, 8, 8)
    assert placements.shape == (0, 6)


def test_it_compiles_whole_and_passes_opcheck(device: torch.device) -> None:
    data, views = views_of(frames_of((9, 12)), device=device)
    table = table_of(views, (8, 8)).to(device)
    operator = torch.ops.core_kernels.letterbox
    for last in (False, True):
        torch.library.opcheck(operator, (data, table, 8, 8, torch.float32, 114, last))

    def halved(data: list[Tensor], table: Tensor) -> Tensor:
        return letterbox_packed(data, table, (8, 8), dtype=torch.float32)[0] / 2

    compiled = torch.compile(halved, fullgraph=True, backend="aot_eager")
    assert torch.equal(compiled(data, table), halved(data, table))


def test_what_does_not_fit_is_refused_by_name(device: torch.device) -> None:
    (frame,) = frames_of((9, 12))
    with pytest.raises(ArgumentRefused, match=r"frames\[1\] is torch.float32"):
        letterbox([frame, frame.astype(np.float32)], (8, 8))
    with pytest.raises(ArgumentRefused, match=r"frames\[0\] is 0 × 9"):
        letterbox([frame[:, :0]], (8, 8))
    with pytest.raises(ArgumentRefused, match="padding is 300"):
        letterbox([frame], (8, 8), padding=300)
    with pytest.raises(ArgumentRefused, match="made by table_of"):
        letterbox_packed([torch.zeros(4, dtype=torch.uint8)], torch.zeros(1, 3), (8, 8))
    with pytest.raises(ArgumentRefused, match="outside a frame of 12 × 9"):
        View.packed(0, 12, 9).part(12, 0, 4, 4)
    with using(letterbox="tensorrt"), pytest.raises(NoImplementation, match="triton"):
        letterbox([frame], (8, 8))


def test_a_resize_alone_is_opencvs(device: torch.device) -> None:
    (frame,) = frames_of((60, 90))
    pictures, _ = letterbox([frame], (24, 36), dtype=torch.float32, device=device)
    resized = cv2.resize(frame, (36, 24), interpolation=cv2.INTER_LINEAR)[:, :, ::-1]
    assert torch.equal((pictures[0].cpu() * 255).round().byte().permute(1, 2, 0),
                       torch.from_numpy(resized.copy()))  # fmt: skip
