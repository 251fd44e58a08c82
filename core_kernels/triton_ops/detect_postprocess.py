"""A detector's head to boxes in three launches, without a word to the host in between.

`_select` reads every score once and packs the candidates of each image. `_order` counts for each
candidate how many come before it, which sorts without moving data about and needs no size that the
host would have to know. `_suppress` is one program an image: 64 candidates at a time are held
against the boxes kept so far, then against each other as words of 64 bits, and the survivors are
written to their final place in source pixels. It stops when enough are kept. The answer does not
depend on the order in which programs run.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor

from core_kernels.structures.heads import CLASS_OFFSET
from core_kernels.tuning import Config, tuned

_SELECT = [
    Config(blocks=(("BLOCK", block), ("CHUNK", chunk)), num_warps=warps)
    for block, chunk, warps in (
        (128, 16, 4), (256, 16, 4), (256, 16, 8), (512, 8, 8), (128, 32, 8), (64, 16, 2),
    )
]  # fmt: skip
_SUPPRESS = [Config(num_warps=warps) for warps in (4, 8, 16)]
#: The low half of a key is the anchor with these bits turned: the lower anchor comes first.
_LAST = tl.constexpr(0x7FFFFFFF)
#: Candidates taken at a time: as many as a word has bits.
_WORD = 64


@triton.jit
def _select(
    head, found, keys, labels, anchors, classes, step_b, step_c, step_n, limits,
    FINAL: tl.constexpr, ROUNDS: tl.constexpr, BLOCK: tl.constexpr, CHUNK: tl.constexpr,
):  # fmt: skip
    image = tl.program_id(1)
    anchor = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    held = anchor < anchors
    box = head + image.to(tl.int64) * step_b + anchor * step_n
    if FINAL:
        best = tl.load(box + 4 * step_c, held, 0.0).to(tl.float32)
        label = tl.load(box + 5 * step_c, held, 0.0).to(tl.int32)
        whole = held & (best == best)
    else:
        best = tl.full([BLOCK], float("-inf"), tl.float32)
        label = tl.zeros([BLOCK], tl.int32)
        broken = tl.zeros([BLOCK], tl.int32)
        for turn in range(ROUNDS):
            c = turn * CHUNK + tl.arange(0, CHUNK)
            there = (c < classes)[:, None] & held[None, :]
            at = box[None, :] + (4 + c)[:, None] * step_c
            score = tl.load(at, there, float("-inf")).to(tl.float32)
            broken = tl.maximum(broken, tl.max((score != score).to(tl.int32), 0))
            score = tl.where(score != score, float("-inf"), score)
            top = tl.max(score, 0)
            # The lowest class of those that score the same, here and below.
            lowest = tl.min(tl.where(score == top[None, :], c[:, None], classes), 0)
            label = tl.where(top > best, lowest, label)
            best = tl.maximum(best, top)
        whole = held & (broken == 0)
    good = whole & (best > tl.load(limits))
    for side in tl.static_range(4):
        value = tl.load(box + side * step_c, good, 0.0).to(tl.float32)
        good = good & (tl.abs(value) < float("inf"))
    one = good.to(tl.int32)
    place = tl.cumsum(one, 0) - one
    count = tl.sum(one, 0)
    if count > 0:
        start = tl.atomic_add(found + image, count)
        at = image.to(tl.int64) * anchors + start + place
        rank = best.to(tl.int32, bitcast=True).to(tl.int64)  # of positive floats: the same order
        tl.store(keys + at, (rank << 32) | (anchor ^ _LAST).to(tl.int64), good)
        tl.store(labels + at, label, good)


@triton.jit
def _order(
    head, found, keys, labels, ordered, anchors, capacity, step_b, step_c, step_n,
    FINAL: tl.constexpr, BLOCK: tl.constexpr, CHUNK: tl.constexpr,
):  # fmt: skip
    image = tl.program_id(1)
    total = tl.load(found + image)
    start = tl.program_id(0) * BLOCK
    if start < total:
        mine = start + tl.arange(0, BLOCK)
        held = mine < total
        of_image = image.to(tl.int64) * anchors
        key = tl.load(keys + of_image + mine, held, 0)
        before = tl.zeros([BLOCK], tl.int32)
        at = total * 0
        while at < total:
            other = at + tl.arange(0, CHUNK)
            theirs = tl.load(keys + of_image + other, other < total, 0)
            before += tl.sum((theirs[None, :] > key[:, None]).to(tl.int32), 1)
            at += CHUNK
        label = tl.load(labels + of_image + mine, held, 0)
        anchor = ((key & _LAST) ^ _LAST).to(tl.int32)
        held = held & (before < capacity)
        box = head + image.to(tl.int64) * step_b + anchor.to(tl.int64) * step_n
        a = tl.load(box, held, 0.0).to(tl.float32)
        b = tl.load(box + step_c, held, 0.0).to(tl.float32)
        c = tl.load(box + 2 * step_c, held, 0.0).to(tl.float32)
        d = tl.load(box + 3 * step_c, held, 0.0).to(tl.float32)
        if not FINAL:  # centre and size
            half_w, half_h = c * 0.5, d * 0.5
            c, d = a + half_w, b + half_h
            a, b = a - half_w, b - half_h
        row = ordered + image.to(tl.int64) * 6 * capacity + before
        tl.store(row, a, held)
        tl.store(row + capacity, b, held)
        tl.store(row + 2 * capacity, c, held)
        tl.store(row + 3 * capacity, d, held)
        score = (key >> 32).to(tl.int32).to(tl.float32, bitcast=True)
        tl.store(row + 4 * capacity, score, held)
        tl.store(row + 5 * capacity, label.to(tl.float32), held)


@triton.jit
def _overlaps(ax1, ay1, ax2, ay2, a_area, bx1, by1, bx2, by2, b_area, overlap):
    """[A, B]: whose IoU is more than `overlap`, rounded at every step as torchvision's is."""
    wide = tl.minimum(ax2[:, None], bx2[None, :]) - tl.maximum(ax1[:, None], bx1[None, :])
    tall = tl.minimum(ay2[:, None], by2[None, :]) - tl.maximum(ay1[:, None], by1[None, :])
    shared = tl.maximum(wide, 0.0) * tl.maximum(tall, 0.0)
    union = b_area[None, :] + a_area[:, None] - shared
    # Nothing is shared where nothing is covered: 0 / 1 for 0 / 0.
    return tl.div_rn(shared, tl.where(union > 0, union, 1.0)) > overlap


@triton.jit
def _suppress(
    ordered, found, placements, kept, packed, limits, capacity, most, offset,
    FINAL: tl.constexpr, PLACED: tl.constexpr, WORD: tl.constexpr, BOXES: tl.constexpr,
):  # fmt: skip
    image = tl.program_id(0)
    candidates, overlap = tl.load(found + image), tl.load(limits + 1)
    total = tl.minimum(candidates, capacity)
    rows = ordered + image.to(tl.int64) * 6 * capacity
    mine = kept + image.to(tl.int64) * 4 * most  # shifted corners of the boxes kept: four planes
    out = packed + image.to(tl.int64) * (1 + most) * 6
    lane = tl.arange(0, WORD)
    bit = tl.full([WORD], 1, tl.int64) << lane.to(tl.int64)
    number, start = total * 0, total * 0
    while (start < total) & (number < most):
        at = start + lane
        there = at < total
        x1 = tl.load(rows + at, there, 0.0)
        y1 = tl.load(rows + capacity + at, there, 0.0)
        x2 = tl.load(rows + 2 * capacity + at, there, 0.0)
        y2 = tl.load(rows + 3 * capacity + at, there, 0.0)
        score = tl.load(rows + 4 * capacity + at, there, 0.0)
        label = tl.load(rows + 5 * capacity + at, there, 0.0)
        alive = there
        if not FINAL:
            shift = label * offset
            sx1, sy1, sx2, sy2 = x1 + shift, y1 + shift, x2 + shift, y2 + shift
            area = (sx2 - sx1) * (sy2 - sy1)
            done = total * 0
            while done < number:
                other = done + tl.arange(0, BOXES)
                real = other < number
                kx1, ky1 = tl.load(mine + other, real, 0.0), tl.load(mine + most + other, real, 0.0)
                kx2 = tl.load(mine + 2 * most + other, real, 0.0)
                ky2 = tl.load(mine + 3 * most + other, real, 0.0)
                held = (kx2 - kx1) * (ky2 - ky1)
                hit = _overlaps(sx1, sy1, sx2, sy2, area, kx1, ky1, kx2, ky2, held, overlap)
                hit = hit & real[None, :]
                alive = alive & (tl.max(hit.to(tl.int32), 1) == 0)
                done += BOXES
            hit = _overlaps(sx1, sy1, sx2, sy2, area, sx1, sy1, sx2, sy2, area, overlap)
            hit = hit & (lane[None, :] < lane[:, None])
            enemies = tl.sum(tl.where(hit, bit[None, :], 0), 1)
            # Who is not struck by a survivor before it survives. From "all" this settles from the
            # front, one lane a turn at worst, and ends in the one answer that greed gives.
            word = tl.sum(tl.where(alive, bit, 0), 0)
            last = word * 0
            while word != last:
                last = word
                word = tl.sum(tl.where(alive & ((enemies & last) == 0), bit, 0), 0)
            alive = alive & ((bit & word) != 0)
        one = alive.to(tl.int32)
        place = number + tl.cumsum(one, 0) - one
        alive = alive & (place < most)
        number = tl.minimum(number + tl.sum(one, 0), most)
        if not FINAL:
            tl.store(mine + place, sx1, alive)
            tl.store(mine + most + place, sy1, alive)
            tl.store(mine + 2 * most + place, sx2, alive)
            tl.store(mine + 3 * most + place, sy2, alive)
        if PLACED:
            placement = placements + image * 6
            scale_x, scale_y = tl.load(placement), tl.load(placement + 1)
            left, top = tl.load(placement + 2), tl.load(placement + 3)
            w, h = tl.load(placement + 4), tl.load(placement + 5)
            x1 = tl.minimum(tl.maximum(tl.div_rn(x1 - left, scale_x), 0.0), w)
            x2 = tl.minimum(tl.maximum(tl.div_rn(x2 - left, scale_x), 0.0), w)
            y1 = tl.minimum(tl.maximum(tl.div_rn(y1 - top, scale_y), 0.0), h)
            y2 = tl.minimum(tl.maximum(tl.div_rn(y2 - top, scale_y), 0.0), h)
        row = out + (1 + place) * 6
        tl.store(row, x1, alive)
        tl.store(row + 1, y1, alive)
        tl.store(row + 2, x2, alive)
        tl.store(row + 3, y2, alive)
        tl.store(row + 4, score, alive)
        tl.store(row + 5, label, alive)
        start += WORD
        tl.debug_barrier()  # what is kept now is read by all threads in the next turn
    tl.store(out, number.to(tl.float32))
    tl.store(out + 1, candidates.to(tl.float32))
    rest = tl.arange(0, BOXES)
    tl.store(out + 2 + rest, tl.zeros([BOXES], tl.float32), rest < 4)
    at = number * 6
    while at < most * 6:
        tl.store(out + 6 + at + rest, tl.zeros([BOXES], tl.float32), at + rest < most * 6)
        at += BOXES


def detect_postprocess(
    head: Tensor, placements: Tensor | None, limits: Tensor, most: int, candidates: int,
    final: bool,
) -> Tensor:  # fmt: skip
    """As the reference, bit for bit."""
    images, device = len(head), head.device
    anchors, classes = (head.shape[1], 1) if final else (head.shape[2], head.shape[1] - 4)
    packed = torch.empty((images, 1 + most, 6), dtype=torch.float32, device=device)
    if not images or not anchors:
        return packed.zero_()
    step_b, step_c = head.stride(0), head.stride(2 if final else 1)
    step_n = head.stride(1 if final else 2)
    capacity = min(candidates, anchors)
    found = torch.empty(images, dtype=torch.int32, device=device)
    keys = torch.empty((images, anchors), dtype=torch.int64, device=device)
    labels = torch.empty((images, anchors), dtype=torch.int32, device=device)
    ordered = torch.empty((images, 6, capacity), dtype=torch.float32, device=device)
    kept = torch.empty((images, 4, most), dtype=torch.float32, device=device)

    def select(config: Config) -> None:
        blocks = dict(config.blocks)
        found.zero_()
        _select[(triton.cdiv(anchors, blocks["BLOCK"]), images)](
            head, found, keys, labels, anchors, classes, step_b, step_c, step_n, limits,
            FINAL=final, ROUNDS=triton.cdiv(classes, blocks["CHUNK"]), **config.launch(),
        )  # fmt: skip

    def suppress(config: Config) -> None:
        _suppress[(images,)](
            ordered, found, ordered if placements is None else placements, kept, packed,
            limits, capacity, most, CLASS_OFFSET,
            FINAL=final, PLACED=placements is not None, WORD=_WORD, BOXES=64,
            enable_fp_fusion=False, **config.launch(),
        )  # fmt: skip

    key = f"{classes} classes {anchors} anchors {head.dtype} batch {triton.next_power_of_2(images)}"
    select(tuned("detect_postprocess", key, _SELECT, device, select))
    _order[(triton.cdiv(anchors, 64), images)](
        head, found, keys, labels, ordered, anchors, capacity, step_b, step_c, step_n,
        FINAL=final, BLOCK=64, CHUNK=64, enable_fp_fusion=False, num_warps=4,
    )  # fmt: skip
    suppress(tuned("detect_postprocess_suppress", key, _SUPPRESS, device, suppress))
    return packed
