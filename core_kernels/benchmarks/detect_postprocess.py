"""`detect_postprocess` against Ultralytics' and torchvision's suppression, copy back included."""

from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.util import find_spec

import torch
from torch import Tensor
from torchvision.ops import batched_nms

from core_kernels.benchmarks.harness import Case, Goal, Run, captured
from core_kernels.dispatch.detect_postprocess import detect_packed, limits_of

FLOOR, OVERLAP, MOST = 0.25, 0.7, 300


def cases(device: torch.device, *, quick: bool) -> Iterator[Case]:
    """1,000 candidates an image, as many as fit, and one image alone."""
    dtypes = (torch.float16, torch.float32) if device.type == "cuda" else (torch.float32,)
    for dtype in dtypes:
        images = 2 if quick else 64 if device.type == "cuda" else 8
        for count, candidates in ((images, 1000), (images, 8000), (1, 100)):
            head = made(count, candidates, device).to(dtype)
            goals: tuple[Goal, ...] = ()
            if device.type == "cuda" and (count, candidates) == (64, 1000):
                goals = (Goal(milliseconds=0.40),)
            yield _case(f"{count} × [84, 8400] {dtype}, {candidates} candidates", head, goals)


def made(images: int, candidates: int, device: torch.device) -> Tensor:
    """Heads of 80 classes: a hundred things, each seen by a hundredth of the candidates."""
    generator = torch.Generator().manual_seed(0)

    def random(*shape: int) -> Tensor:
        return torch.rand(shape, generator=generator)

    things, anchors = 100, 8400
    which = torch.randint(0, things, (images, 1, anchors), generator=generator)
    centre = (random(images, 2, things) * 600 + 20).gather(2, which.expand(-1, 2, -1))
    size = (random(images, 2, things) * 80 + 16).gather(2, which.expand(-1, 2, -1))
    label = torch.randint(0, 80, (images, 1, things), generator=generator).gather(2, which)
    scores = random(images, 80, anchors) * 0.2
    chosen = random(images, anchors).argsort(1)[:, :candidates]
    strong = torch.zeros(images, 1, anchors).scatter_(2, chosen[:, None], 1.0)
    scores.scatter_(1, label, (0.26 + 0.7 * random(images, 1, anchors)) * strong)
    jitter = torch.randn(images, 4, anchors, generator=generator) * 2
    return torch.cat([torch.cat([centre, size], 1) + jitter, scores], 1).to(device)


def _case(label: str, head: Tensor, goals: tuple[Goal, ...]) -> Case:
    on_gpu = head.is_cuda
    host = torch.empty((len(head), 1 + MOST, 6), pin_memory=on_gpu)

    limits = limits_of(FLOOR, OVERLAP, device=head.device)

    def ours() -> Tensor:
        packed = detect_packed(head, None, limits, most=MOST)
        return host.copy_(packed, non_blocking=True)

    peer = ultralytics()

    def check() -> None:
        ours()
        if on_gpu:
            torch.cuda.synchronize()
        expected = (peer or on_cpu)(head.float())
        for image, (rows, wanted) in enumerate(zip(host, expected, strict=True)):
            if not torch.equal(rows[1 : 1 + int(rows[0, 0])], wanted.cpu()):
                whose = "Ultralytics'" if peer else "the CPU's"
                raise AssertionError(f"the boxes of image {image} are not {whose}.")

    timed: Run | None = (lambda: [rows.cpu() for rows in peer(head)]) if peer else None
    return Case(
        operation="detect_postprocess", label=label, ours=captured(ours) if on_gpu else ours,
        peers={"Ultralytics NMS": timed, "torchvision batched_nms": by_torchvision(head)},
        check=check, bytes=head.nbytes, units=len(head), goals=goals,
    )  # fmt: skip


def ultralytics() -> Callable[[Tensor], list[Tensor]] | None:
    """Ultralytics' suppression, [N, 6] of each image; None where it is not installed."""
    if find_spec("ultralytics") is None:
        return None
    suppress = import_module("core_kernels.benchmarks.detector").non_max_suppression
    return lambda head: list(suppress(head, FLOOR, OVERLAP, max_det=MOST))


def on_cpu(head: Tensor) -> list[Tensor]:
    """Our own boxes of a CPU, [N, 6] of each image."""
    packed = detect_packed(head.cpu(), None, limits_of(FLOOR, OVERLAP), most=MOST)
    return [rows[1 : 1 + int(rows[0, 0])] for rows in packed]


def by_torchvision(head: Tensor) -> Callable[[], list[Tensor]]:
    """Threshold in torch, then `batched_nms` image by image."""

    def run() -> list[Tensor]:
        best, label = head[:, 4:].max(1)
        made = []
        for index, image in enumerate(head):
            good = best[index] > FLOOR
            centre, half = image[:2, good].T, image[2:4, good].T / 2
            corner = torch.cat([centre - half, centre + half], 1).float()
            score = best[index][good].float()
            keep = batched_nms(corner, score, label[index][good], OVERLAP)[:MOST]
            kept = [corner[keep], score[keep, None], label[index][good][keep, None].float()]
            made.append(torch.cat(kept, 1).cpu())
        return made

    return run
