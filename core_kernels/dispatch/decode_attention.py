"""`decode_attention`: one query per sequence against a cache of keys and values."""

import torch
from torch import Tensor

from core_kernels.dispatch.capabilities import Capabilities
from core_kernels.dispatch.choice import chosen
from core_kernels.dispatch.registry import Facts, Implementation, needs_triton, register
from core_kernels.errors import ArgumentRefused
from core_kernels.reference.decode_attention import quantised

__all__ = ["decode_attention", "quantised"]

#: The widest head that the Triton kernel holds.
WIDEST = 256


def _triton_objection(facts: Facts, able: Capabilities) -> str | None:
    if "wide" in facts.traits:
        return f"heads are wider than {WIDEST}"
    if facts.dtype not in (torch.float16, torch.bfloat16, torch.float32):
        return f"it does not take {facts.dtype}"
    return needs_triton(facts, able)


register(
    Implementation(
        operation="decode_attention",
        name="triton",
        triton=True,
        run="core_kernels.triton_ops.decode_attention:decode_attention",
        rank=10,
        objection=_triton_objection,
    )
)
register(
    Implementation(
        operation="decode_attention",
        name="torch",
        run="core_kernels.cpu_ops.decode_attention:decode_attention",
        devices=frozenset({"cpu"}),
        rank=5,
    )
)
register(
    Implementation(
        operation="decode_attention",
        name="reference",
        run="core_kernels.reference.decode_attention:decode_attention",
    )
)


def decode_attention(
    q: Tensor,
    keys: Tensor,
    values: Tensor,
    lengths: Tensor,
    gate: Tensor | None = None,
    *,
    key_scales: Tensor | None = None,
    value_scales: Tensor | None = None,
    scale: float | None = None,
    shut: float = 0.0,
) -> Tensor:
    """``softmax(q kᵀ · scale) v · sigmoid(gate)`` over the first `lengths` rows of each cache.

    What a sequence gets does not depend on the others in the batch, bit for bit on one device. It
    has no gradient.

    Args:
        q: [B, H, D].
        keys, values: [B, G, S, D] with G a divisor of H; the dtype of `q`, or int8 with scales.
        lengths: int32 or int64 [B], on the device of `q`, how many rows count; 0 gives 0.
        gate: logits, per head [B, H, 1] or per channel [B, H, D]; None is always open.
        key_scales, value_scales: [B, G, S], what int8 rows are multiplied by; see `quantised`.
        scale: ``1 / √D`` by default.
        shut: a gate with a sigmoid below it counts as 0, and its cache is not read.

    Returns:
        [B, H, D] in the dtype of `q`.

    Raises:
        ArgumentRefused: shapes or dtypes do not fit together.
        NoImplementation: an implementation was asked for that cannot serve this call.
    """
    _check(q, keys, values, lengths)
    for name, cache, scales in (
        ("key_scales", keys, key_scales), ("value_scales", values, value_scales),
    ):  # fmt: skip
        if (cache.dtype == torch.int8) != (scales is not None):
            raise ArgumentRefused(f"{name} belongs to an int8 cache and only to one.")
        if scales is not None and scales.shape != cache.shape[:3]:
            raise ArgumentRefused(
                f"{name} has shape {list(scales.shape)}; give {list(cache.shape[:3])}."
            )
    if gate is not None and gate.shape not in ((*q.shape[:2], 1), q.shape):
        raise ArgumentRefused(
            f"gate has shape {list(gate.shape)}; give {[*q.shape[:2], 1]} or {list(q.shape)}."
        )
    factor = q.shape[-1] ** -0.5 if scale is None else scale
    out: Tensor = _decode_attention(
        q, keys, values, lengths, gate, key_scales, value_scales, factor, shut
    )
    return out


def _check(q: Tensor, keys: Tensor, values: Tensor, lengths: Tensor) -> None:
    fits = (
        q.dim() == 3
        and keys.dim() == 4
        and keys.shape == values.shape
        and keys.shape[0] == q.shape[0]
        and keys.shape[3] == q.shape[2]
        and keys.shape[1] > 0
        and q.shape[1] % keys.shape[1] == 0
    )
    if not fits:
        raise ArgumentRefused(
            f"q {list(q.shape)}, keys {list(keys.shape)} and values {list(values.shape)} must be "
            "[B, H, D], [B, G, S, D] and [B, G, S, D] with G a divisor of H."
        )
    if keys.dtype != values.dtype or keys.dtype not in (q.dtype, torch.int8):
        raise ArgumentRefused(
            f"keys and values are {keys.dtype} and {values.dtype}; give {q.dtype} or torch.int8."
        )
    if lengths.shape != q.shape[:1] or lengths.dtype not in (torch.int32, torch.int64):
        raise ArgumentRefused(
            f"lengths is {lengths.dtype} {list(lengths.shape)}; give whole numbers "
            f"[{q.shape[0]}], one for each sequence."
        )


@torch.library.custom_op("core_kernels::decode_attention", mutates_args=())
def _decode_attention(
    q: Tensor, keys: Tensor, values: Tensor, lengths: Tensor, gate: Tensor | None,
    key_scales: Tensor | None, value_scales: Tensor | None, scale: float, shut: float,
) -> Tensor:  # fmt: skip
    traits = {"int8"} if keys.dtype == torch.int8 else set()
    if q.shape[-1] > WIDEST:
        traits.add("wide")
    run = chosen("decode_attention", q.device, Facts(dtype=q.dtype, traits=frozenset(traits)))
    out: Tensor = run(q, keys, values, lengths, gate, key_scales, value_scales, scale, shut)
    return out


@_decode_attention.register_fake
def _(
    q: Tensor, keys: Tensor, values: Tensor, lengths: Tensor, gate: Tensor | None,
    key_scales: Tensor | None, value_scales: Tensor | None, scale: float, shut: float,
) -> Tensor:  # fmt: skip
    return torch.empty_like(q, memory_format=torch.contiguous_format)
