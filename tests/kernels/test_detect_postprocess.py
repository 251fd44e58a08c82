"""`detect_postprocess` against Ultralytics, torchvision and itself."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torchvision.ops import batched_nms, nms

from apps.defect_detection.inference.quiet import ultralytics_quietly
from core_kernels.dispatch.choice import using
from core_kernels.dispatch.detect_postprocess import detect_packed, detect_postprocess, limits_of
from core_kernels.errors import ArgumentRefused, NoImplementation

with ultralytics_quietly():
    from ultralytics.utils.nms import non_max_suppression
    from ultralytics.utils.ops import scale_boxes

NAMES = ["triton", "reference"] + (["numba"] if not torch.cuda.is_available() else [])


def made(
    classes: int, anchors: int, *, images: int = 2, share: float = 0.5, levels: int = 0
) -> Tensor:
    """A head whose boxes crowd around twelve places; with `levels` many scores are equal."""
    places = torch.rand(images, 2, 12) * 200
    which = torch.randint(0, 12, (images, 1, anchors)).expand(-1, 2, -1)
    centre = places.gather(2, which) + torch.randn(images, 2, anchors) * 4
    size = torch.rand(images, 2, anchors) * 40 + 10
    scores = torch.rand(images, classes, anchors)
    if levels:
        scores = (scores * levels).round() / levels
    weak = torch.rand(images, 1, anchors) > share
    return torch.cat([centre, size, torch.where(weak, scores * 0.05, scores)], 1)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("classes", "anchors", "share", "levels", "most"),
    [(3, 150, 0.5, 0, 300), (2, 400, 0.9, 0, 300), (1, 200, 1.0, 8, 40), (5, 130, 0, 0, 300)],
)
def test_every_implementation_keeps_ultralytics_boxes_in_its_order(
    name: str, classes: int, anchors: int, share: float, levels: int, most: int,
    device: torch.device,
) -> None:  # fmt: skip
    head = made(classes, anchors, share=share, levels=levels).to(device)
    with using(detect_postprocess=name):
        boxes, counts = detect_postprocess(head, score_floor=0.3, overlap=0.5, most=most)
    wanted = non_max_suppression(head.clone(), 0.3, 0.5, max_det=most)
    for rows, count, expected in zip(boxes, counts.tolist(), wanted, strict=True):
        assert torch.equal(rows[:count], expected)
        assert not rows[count:].any()


@settings(max_examples=40, deadline=None)
@given(
    classes=st.integers(1, 6),
    anchors=st.integers(7, 700),  # Ultralytics takes six columns for a final head
    floor=st.floats(0.05, 0.95),
    overlap=st.floats(0.05, 0.95),
    levels=st.sampled_from([0, 6]),
)
def test_any_head_gives_ultralytics_boxes(
    classes: int, anchors: int, floor: float, overlap: float, levels: int
) -> None:
    head = made(classes, anchors, images=1, levels=levels)
    boxes, counts = detect_postprocess(head, score_floor=floor, overlap=overlap)
    (expected,) = non_max_suppression(head.clone(), floor, overlap)
    assert torch.equal(boxes[0, : int(counts[0])], expected)


def test_the_survivors_are_torchvisions() -> None:
    head = made(3, 500, images=1)
    boxes, counts = detect_postprocess(head, score_floor=0.3, overlap=0.45, most=500)
    best, label = head[0, 4:].max(0)
    good = best > 0.3
    centre, half = head[0, :2, good].T, head[0, 2:4, good].T / 2
    corner = torch.cat([centre - half, centre + half], 1)
    keep = batched_nms(corner, best[good], label[good], 0.45)
    assert int(counts[0]) == len(keep)
    torch.testing.assert_close(boxes[0, : len(keep), :4], corner[keep])
    single = detect_postprocess(head[:, :5].contiguous(), score_floor=0.3, overlap=0.45, most=500)
    good = head[0, 4] > 0.3
    centre, half = head[0, :2, good].T, head[0, 2:4, good].T / 2
    corner = torch.cat([centre - half, centre + half], 1)
    keep = nms(corner, head[0, 4, good], 0.45)
    assert torch.equal(single[0][0, : len(keep), :4], corner[keep])
    assert int(single[1][0]) == len(keep)


@pytest.mark.parametrize("name", NAMES)
def test_limits_are_read_where_the_head_is_and_may_change_there(
    name: str, device: torch.device
) -> None:
    head, limits = made(3, 150, levels=20).to(device), limits_of(0.3, 0.5, device=device)
    for floor, overlap in [(0.3, 0.5), (0.55, 0.2), (0.1, 0.9)]:
        limits.copy_(torch.tensor([floor, overlap]))
        with using(detect_postprocess=name):
            packed = detect_packed(head, None, limits)
        wanted = non_max_suppression(head.clone(), floor, overlap)
        for rows, expected in zip(packed, wanted, strict=True):
            assert torch.equal(rows[1 : 1 + int(rows[0, 0])], expected)


@given(floor=st.floats(0, 1, width=32), overlap=st.floats(0, 1))
def test_limits_are_what_was_said_in_fp32(floor: float, overlap: float) -> None:
    assert torch.equal(limits_of(floor, overlap), torch.tensor([floor, overlap]))


@pytest.mark.parametrize("name", NAMES)
def test_boxes_move_to_source_pixels_and_are_cut_at_the_edge(
    name: str, device: torch.device
) -> None:
    head = made(2, 120, images=1).to(device)
    # A frame of 500 × 380 in a picture of 256: 256 × 195, 30 pixels of padding above.
    placement = torch.tensor([[256 / 500, 195 / 380, 0, 30, 500, 380]], device=device)
    with using(detect_postprocess=name):
        boxes, counts = detect_postprocess(head, placement, score_floor=0.3, overlap=0.5)
    # On the CPU: on a GPU torch divides by a number by multiplying with its inverse.
    (expected,) = non_max_suppression(head.cpu(), 0.3, 0.5)
    expected[:, :4] = scale_boxes((256, 256), expected[:, :4], (380, 500))
    assert torch.equal(boxes[0, : int(counts[0])].cpu(), expected)
    assert expected[:, 3].max() == 380 or expected[:, 1].min() == 0


@pytest.mark.parametrize("name", NAMES)
def test_a_final_head_is_filtered_ordered_and_moved(name: str, device: torch.device) -> None:
    rows = torch.rand(2, 50, 6, device=device) * 100
    rows[..., 4] = torch.linspace(1, 0, 50, device=device)
    rows[..., 5] = torch.randint(0, 4, (2, 50), device=device).float()
    placement = torch.tensor([[0.5, 0.5, 10, 0, 150, 160]] * 2, device=device)
    with using(detect_postprocess=name):
        boxes, counts = detect_postprocess(rows, placement, score_floor=0.4, most=20, final=True)
        shuffled = detect_postprocess(rows.flip(1), placement, score_floor=0.4, most=20, final=True)
    expected = non_max_suppression(rows.clone(), 0.4, max_det=20, end2end=True)[1]
    expected[:, :4] = scale_boxes(
        (80, 95), expected[:, :4], (160, 150), ratio_pad=((0.5, 0.5), (10, 0))
    )
    assert counts.tolist() == [20, 20]
    assert torch.equal(boxes[1], expected)
    assert torch.equal(shuffled[0], boxes)


@pytest.mark.parametrize("name", NAMES)
def test_nan_scores_and_boxes_that_are_none_are_dropped(name: str, device: torch.device) -> None:
    head = made(3, 90, images=1, share=1.0).to(device)
    head[0, 5, 10], head[0, 0, 20], head[0, 3, 30] = float("nan"), float("nan"), float("inf")
    clean = head.clone()
    clean[0, 4:, [10, 20, 30]] = 0
    clean[0, :4, [20, 30]] = 1
    with using(detect_postprocess=name):
        limits = limits_of(0.2, 0.6, device=device)
        ours = detect_packed(head, None, limits)
        assert torch.equal(ours, detect_packed(clean, None, limits))
    assert ours.isfinite().all()


@pytest.mark.parametrize("name", NAMES)
def test_only_the_strongest_candidates_count(name: str, device: torch.device) -> None:
    head = made(2, 200, images=1, share=1.0).to(device)
    with using(detect_postprocess=name):
        limits = limits_of(0.1, 1.0, device=device)
        packed = detect_packed(head, None, limits, candidates=70)
    count, found = packed[0, 0, :2].tolist()
    scores = head[0, 4:].max(0).values.sort(descending=True).values
    assert (count, found) == (70, int((scores > 0.1).sum()))
    assert torch.equal(packed[0, 1:71, 4], scores[:70])


@pytest.mark.parametrize("name", NAMES)
def test_half_precision_and_any_strides_are_read_as_they_are(
    name: str, device: torch.device
) -> None:
    head = made(3, 100).half().to(device)
    turned = head.transpose(1, 2).contiguous().transpose(1, 2)
    limits = limits_of(0.3, 0.5, device=device)
    with using(detect_postprocess=name):
        ours = detect_packed(turned, None, limits)
    with using(detect_postprocess="reference"):
        assert torch.equal(ours, detect_packed(head.float(), None, limits))


def test_a_second_run_gives_the_same_bits_and_empty_batches_pass(device: torch.device) -> None:
    head, limits = made(4, 300, levels=5).to(device), limits_of(0.2, 0.5, device=device)
    with using(detect_postprocess="triton"):
        runs = [detect_packed(head, None, limits) for _ in range(2)]
        assert detect_packed(head[:0], None, limits).shape == (0, 301, 6)
        assert not detect_packed(head[:, :, :0], None, limits).any()
    assert torch.equal(*runs)


def test_it_compiles_whole_and_passes_opcheck(device: torch.device) -> None:
    head, limits = made(2, 40).to(device), limits_of(0.3, 0.5, device=device)
    operator = torch.ops.core_kernels.detect_postprocess
    torch.library.opcheck(operator, (head, None, limits, 20, 100, False))

    def found(head: Tensor) -> Tensor:
        return detect_postprocess(head * 1.0, score_floor=0.3, overlap=0.5, most=20)[0]

    compiled = torch.compile(found, fullgraph=True, backend="aot_eager")
    assert torch.equal(compiled(head), found(head))


def test_what_does_not_fit_is_refused_by_name(device: torch.device) -> None:
    head = made(2, 40).to(device)
    with pytest.raises(ArgumentRefused, match=r"head has shape \(2, 4, 40\)"):
        detect_postprocess(head[:, :4], score_floor=0.3)
    with pytest.raises(ArgumentRefused, match=r"score_floor is 1\.5"):
        detect_postprocess(head, score_floor=1.5)
    with pytest.raises(ArgumentRefused, match=r"give torch.float32 \[2, 6\]"):
        detect_postprocess(head, torch.zeros(3, 6, device=device), score_floor=0.3)
    with pytest.raises(ArgumentRefused, match=r"limits is torch.float32 \(3,\)"):
        detect_packed(head, None, torch.zeros(3, device=device))
    with using(detect_postprocess="triton"), pytest.raises(NoImplementation, match="float64"):
        detect_postprocess(head.double(), score_floor=0.3)
