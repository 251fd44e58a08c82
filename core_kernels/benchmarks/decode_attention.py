"""`decode_attention` against torch's attention with a mask, and int8 against fp16."""

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn import functional as F

from core_kernels.benchmarks.harness import Case, Goal, Run
from core_kernels.dispatch.choice import using
from core_kernels.dispatch.decode_attention import decode_attention, quantised
from core_kernels.tolerances import assert_close

#: Sequences, heads, groups, rows of the cache, width.
_QUICK = ((1, 8, 8, 256, 64), (2, 4, 2, 300, 64))
_SHAPES = ((1, 8, 8, 256, 64), (16, 8, 8, 256, 64), (16, 16, 16, 4096, 64), (4, 32, 8, 16384, 128))


def cases(device: torch.device, *, quick: bool) -> Iterator[Case]:
    """Short and long caches, full and of mixed lengths, fp16 and int8."""
    dtype = torch.float16 if device.type == "cuda" else torch.float32
    for batch, heads, groups, capacity, width in _QUICK if quick else _SHAPES:
        q = torch.randn(batch, heads, width, device=device).to(dtype)
        keys, values = (
            torch.randn(batch, groups, capacity, width, device=device).to(dtype) for _ in range(2)
        )
        gate = torch.randn(batch, heads, 1, device=device).to(dtype)
        lengths = torch.full((batch,), capacity, device=device, dtype=torch.int32)
        label = f"{batch}×{heads}/{groups}×{capacity}×{width}"
        yield _case(f"{label} {dtype}", q, keys, values, lengths, gate, stored=dtype)
        yield _case(f"{label} int8", q, keys, values, lengths, gate, stored=torch.int8)
        if batch > 1:
            mixed = torch.randint(1, capacity + 1, (batch,), device=device, dtype=torch.int32)
            yield _case(
                f"{label} {dtype}, mixed lengths", q, keys, values, mixed, gate, stored=dtype
            )


def _case(
    label: str, q: Tensor, keys: Tensor, values: Tensor, lengths: Tensor, gate: Tensor,
    *, stored: torch.dtype,
) -> Case:  # fmt: skip
    mask = (torch.arange(keys.shape[2], device=q.device) < lengths[:, None])[:, None, None]
    if stored == torch.int8:
        (k, key_scales), (v, value_scales) = quantised(keys), quantised(values)
    else:
        k, v, key_scales, value_scales = keys, values, None, None

    def ours() -> Tensor:
        return decode_attention(
            q, k, v, lengths, gate, key_scales=key_scales, value_scales=value_scales
        )

    def plain() -> Tensor:
        out = F.scaled_dot_product_attention(
            q.unsqueeze(2), keys, values, attn_mask=mask, enable_gqa=True
        )
        return out.squeeze(2) * torch.sigmoid(gate)

    def check() -> None:
        wide = q.float(), k.float(), v.float()
        if key_scales is not None and value_scales is not None:
            wide = q.float(), k * key_scales[..., None], v * value_scales[..., None]
        with using(decode_attention="reference"):
            expected = decode_attention(*wide, lengths, gate.float())
        assert_close(ours(), expected)

    compiled = torch.compile(plain) if q.is_cuda else None
    peers: dict[str, Run | None] = {
        "torch eager": plain,
        "torch.compile": compiled and (lambda: compiled()),
    }
    rows = int(lengths.sum()) * keys.shape[1]
    per_row = 2 * keys.shape[3] * k.element_size() + (8 if stored == torch.int8 else 0)
    return Case(
        operation="decode_attention",
        label=label,
        ours=ours,
        peers=peers,
        check=check,
        bytes=rows * per_row + 2 * q.numel() * q.element_size(),
        graph=q.is_cuda,
        goals=tuple(Goal(ratio=1.0, peer=name) for name in peers) if q.is_cuda else (),
    )
