"""`detect_postprocess`: a detector's head to boxes in source pixels, without a word to the host."""

import torch
from torch import Tensor

from core_kernels.dispatch.capabilities import Capabilities
from core_kernels.dispatch.choice import chosen
from core_kernels.dispatch.registry import Facts, Implementation, needs_triton, register
from core_kernels.errors import ArgumentRefused

DTYPES = (torch.float16, torch.bfloat16, torch.float32)


def _triton_objection(facts: Facts, able: Capabilities) -> str | None:
    if facts.dtype not in DTYPES:
        return f"it does not take {facts.dtype}"
    return needs_triton(facts, able)


register(
    Implementation(
        operation="detect_postprocess",
        name="triton",
        triton=True,
        run="core_kernels.triton_ops.detect_postprocess:detect_postprocess",
        rank=5,
        objection=_triton_objection,
    )
)
register(
    Implementation(
        operation="detect_postprocess",
        name="numba",
        run="core_kernels.cpu_ops.detect_postprocess:detect_postprocess",
        devices=frozenset({"cpu"}),
        rank=10,
    )
)
register(
    Implementation(
        operation="detect_postprocess",
        name="reference",
        run="core_kernels.reference.detect_postprocess:detect_postprocess",
    )
)


def detect_postprocess(
    head: Tensor,
    placements: Tensor | None = None,
    *,
    score_floor: float,
    overlap: float = 0.7,
    most: int = 300,
    candidates: int = 30_000,
    final: bool = False,
) -> tuple[Tensor, Tensor]:
    """The boxes of a batch: best class, threshold, order, class-aware suppression, source pixels.

    The same boxes in the same order as Ultralytics' `non_max_suppression` over torchvision, in
    fp32 whatever the head's dtype. Boxes of equal score go by ascending anchor. An anchor with a
    NaN score, or with a box that is not finite, is no candidate.

    Args:
        head: [B, 4 + classes, N]: centre x, centre y, width, height, then a score a class; with
            `final` the NMS-free [B, N, 6]: x1, y1, x2, y2, score, class. Any strides.
        placements: fp32 [B, 6] from `letterbox`; None leaves boxes in network pixels, uncut.
        score_floor: 0 to 1; boxes must score more.
        overlap: 0 to 1; of two boxes of a class with a larger IoU the weaker one goes.
        most: boxes kept of an image.
        candidates: how many of the strongest are considered.

    Returns:
        boxes fp32 [B, most, 6]: x1, y1, x2, y2, score, class, the strongest first, zeros after the
        last; counts int64 [B].

    Raises:
        ArgumentRefused: shapes, dtypes or values do not fit.
        NoImplementation: an implementation was asked for that cannot serve this call.
    """
    limits = limits_of(score_floor, overlap, device=head.device)
    packed = detect_packed(head, placements, limits, most=most, candidates=candidates, final=final)
    return packed[:, 1:], packed[:, 0, 0].long()


def check_limits(score_floor: float, overlap: float) -> None:
    """Refuse what cannot be a score floor or an overlap.

    Raises:
        ArgumentRefused: one of them is not from 0 to 1.
    """
    if not (0 <= score_floor <= 1 and 0 <= overlap <= 1):
        raise ArgumentRefused(
            f"score_floor is {score_floor} and overlap {overlap}; both must be from 0 to 1."
        )


def limits_of(
    score_floor: float, overlap: float = 0.7, *, device: torch.device | str = "cpu"
) -> Tensor:
    """Score floor and overlap as `detect_packed` reads them: fp32 [2] on `device`.

    Nothing is copied from the host, so that the call may be captured in a CUDA graph.

    Raises:
        ArgumentRefused: one of them is not from 0 to 1.
    """
    check_limits(score_floor, overlap)
    # Of two steps the first is the start and the last the end, to the bit.
    return torch.linspace(score_floor, overlap, 2, dtype=torch.float32, device=device)


def detect_packed(
    head: Tensor,
    placements: Tensor | None,
    limits: Tensor,
    *,
    most: int = 300,
    candidates: int = 30_000,
    final: bool = False,
) -> Tensor:
    """`detect_postprocess` as one tensor, so that one copy brings everything to the host.

    This is the call to capture in a CUDA graph: at replay `limits` may say other values.

    Args:
        limits: fp32 [2] on the head's device, from `limits_of`. Its values are not checked here.

    Returns:
        fp32 [B, 1 + most, 6]: row 0 holds how many boxes follow and how many candidates there
        were; then the boxes.

    Raises:
        ArgumentRefused: shapes, dtypes or devices do not fit.
    """
    if head.dim() != 3 or (head.shape[2] < 6 if final else head.shape[1] < 5):
        wanted = "[B, N, 6]" if final else "[B, 4 + classes, N] with at least one class"
        raise ArgumentRefused(f"head has shape {tuple(head.shape)}; give {wanted}.")
    if not head.is_floating_point():
        raise ArgumentRefused(f"head is {head.dtype}; give a floating-point tensor.")
    if placements is not None and (
        placements.shape != (head.shape[0], 6)
        or placements.dtype != torch.float32
        or placements.device != head.device
    ):
        raise ArgumentRefused(
            f"placements is {placements.dtype} {tuple(placements.shape)} on {placements.device}; "
            f"give torch.float32 [{head.shape[0]}, 6] on {head.device}, as letterbox returns it."
        )
    if limits.shape != (2,) or limits.dtype != torch.float32 or limits.device != head.device:
        raise ArgumentRefused(
            f"limits is {limits.dtype} {tuple(limits.shape)} on {limits.device}; give "
            f"torch.float32 [2] on {head.device}, made by limits_of."
        )
    if most < 1 or candidates < 1:
        raise ArgumentRefused(
            f"most is {most} and candidates {candidates}; both must be at least 1."
        )
    packed: Tensor = _detect_postprocess(head, placements, limits, most, candidates, final)
    return packed


@torch.library.custom_op("core_kernels::detect_postprocess", mutates_args=())
def _detect_postprocess(
    head: Tensor, placements: Tensor | None, limits: Tensor, most: int, candidates: int,
    final: bool,
) -> Tensor:  # fmt: skip
    run = chosen("detect_postprocess", head.device, Facts(dtype=head.dtype))
    packed: Tensor = run(head, placements, limits, most, candidates, final)
    return packed


@_detect_postprocess.register_fake
def _(
    head: Tensor, placements: Tensor | None, limits: Tensor, most: int, candidates: int,
    final: bool,
) -> Tensor:  # fmt: skip
    return head.new_empty((head.shape[0], 1 + most, 6), dtype=torch.float32)
