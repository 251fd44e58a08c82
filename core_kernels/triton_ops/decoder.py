"""One token of a decoder in six kernels a layer: for few sequences, where launches decide.

Every product is spread over the device by rows, one row's sum in one program: nothing is added up
across programs but the heads' parts of an out-projection, in the order of the heads. LayerNorm is
done again by every program of the product that follows it: 512 numbers are cheaper than a launch.
What is between kernels stays in fp32. A sequence's bits depend neither on the others nor on the
run.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache, partial
from typing import Any

import torch
import triton
from torch import Tensor

from core_kernels.structures.decoder_weights import FIRST, of_layers
from core_kernels.triton_ops.decoder_attention import attend
from core_kernels.triton_ops.decoder_products import finish, outer, project
from core_kernels.tuning import Config, tuned

_LOG2E = 1.4426950408889634

#: Compute capability from which a kernel can start before the one in front of it has ended.
_EARLY = (9, 0)


def _configs(names: tuple[str, ...], *told: tuple[int, ...]) -> list[Config]:
    """Block sizes by name, the number of warps behind them."""
    return [
        Config(blocks=tuple(zip(names, one, strict=False)), num_warps=one[-1], num_stages=1)
        for one in told
    ]


_PROJECT = _configs(("ROWS",), (8, 4), (4, 4), (16, 4), (16, 8), (32, 8))
_LOGITS = _configs(("ROWS",), (32, 8), (16, 4), (64, 8), (128, 16))
#: The fewest rows of logits that a program takes.
_FEWEST = 16
_ATTEND = _configs(
    ("OUT", "STEP"),
    (64, 64, 4), (128, 64, 8), (64, 128, 8), (64, 256, 8), (64, 256, 16), (32, 256, 8),
)  # fmt: skip
_OUTER = _configs(("ROWS", "COLUMNS"), (4, 1024, 4), (4, 2048, 8), (2, 2048, 4), (8, 1024, 8))


@dataclass(kw_only=True)
class _Token:
    """The launches of one token, in their order."""

    tokens: Tensor
    position: Tensor
    first: list[Tensor]
    eps: float
    early: bool
    residual: Tensor = field(init=False)
    parts: Tensor = field(init=False)
    offset: Tensor = field(init=False)
    norm: tuple[Tensor, Tensor] = field(init=False)

    def __post_init__(self) -> None:
        table, places, weight, bias, _ = self.first
        self.batch, self.width = self.tokens.shape[0], table.shape[1]
        self.more = {"launch_pdl": True} if self.early else {}
        # The stream begins with two tables in the places of the parts and the residual.
        self.parts, self.residual, self.offset = table.unsqueeze(0), places, weight
        self.norm = weight, bias

    def _room(self, *size: int) -> Tensor:
        return torch.empty(size, dtype=torch.float32, device=self.tokens.device)

    def _launch(
        self, kind: str, sizes: tuple[object, ...], candidates: list[Config],
        run: Callable[..., Any], rehearsal: Callable[..., Any] | None = None,
    ) -> Config:  # fmt: skip
        """`run` with the best of `candidates` for such sizes, found by the `rehearsal`, if any."""
        # The first begins when all before it has ended: that may have changed the weights.
        more = {} if self.residual is self.first[1] else self.more

        def launch(config: Config, run: Callable[..., Any] = run) -> None:
            run(**config.launch(), EARLY=self.early, **more)

        def rehearse(config: Config) -> None:
            launch(config, rehearsal or run)

        key = f"{kind} {' '.join(str(size) for size in sizes)} {self.first[0].dtype}"
        chosen = tuned("decoder", key, candidates, self.tokens.device, rehearse)
        launch(chosen)
        return chosen

    def project(
        self, weight: Tensor, bias: Tensor, *, gelu: bool = False, out: Tensor | None = None,
        ending: tuple[Tensor | None, ...] = (),
    ) -> Tensor:  # fmt: skip
        """`weight · norm(stream) + bias` [B, rows]; the stream goes on from what was normalised.

        `ending` makes it the end of the token: the likeliest, lengths, written, ended, stop.
        """
        rows, starts, last = weight.shape[0], self.residual is self.first[1], bool(ending)
        answer = self._room(self.batch, rows) if out is None else out
        x = self._room(self.batch, self.width)
        most = triton.cdiv(rows, _FEWEST) if last else 0
        tops = self._room(self.batch * most)
        bests = torch.empty_like(tops, dtype=torch.int32)

        def run(**how: Any) -> None:
            project[(self.batch, triton.cdiv(rows, how["ROWS"]))](
                self.parts, self.batch * self.width, self.offset, self.residual, *self.norm, x,
                weight, bias, answer, tops, bests, self.tokens, self.position,
                self.first[0].shape[0], self.first[1].shape[0], rows, self.width, self.eps,
                FIRST=starts, PARTS=self.parts.shape[0], GELU=gelu, BEST=last,
                COLUMNS=triton.next_power_of_2(self.width), **how,
            )  # fmt: skip

        kind = "logits" if last else "project"
        sizes = (rows, self.width, 1 if starts else self.parts.shape[0])
        chosen = self._launch(kind, sizes, _LOGITS if last else _PROJECT, run)
        self.residual = x
        if last:
            written = ending[2]
            finish[(1,)](
                tops, bests, *ending, self.tokens, self.position, self.batch,
                triton.cdiv(rows, dict(chosen.blocks)["ROWS"]),
                0 if written is None else written.shape[1], WRITES=written is not None,
                EARLY=self.early, BLOCKS=triton.next_power_of_2(most), num_warps=4, **self.more,
            )  # fmt: skip
        return answer

    def attend(
        self, mixed: Tensor, cache: Tensor, lengths: Tensor | None, weight: Tensor
    ) -> Tensor:  # fmt: skip
        """Attention to `cache` [2, B, H, S, D]: parts [H, B, width] of its out-projection."""
        _, _, heads, capacity, head = cache.shape
        out = self._room(heads, self.batch, self.width)
        told = self.width * (3 if lengths is None else 1)

        def run(place: Tensor, **how: Any) -> None:
            attend[(self.batch, heads, triton.cdiv(self.width, how["OUT"]))](
                mixed, mixed.stride(0), cache[0], cache[1], cache.stride(1), cache.stride(2),
                capacity, place if lengths is None else lengths, place,
                weight, out, heads, head, self.width, head**-0.5 * _LOG2E,
                OWN=lengths is None, GATE=mixed.shape[1] > told,
                DIM=triton.next_power_of_2(head), **how,
            )  # fmt: skip

        sizes = (self.width, head, triton.next_power_of_2(capacity), lengths is None)
        rehearsed = lru_cache(lambda: torch.full_like(self.position, capacity))
        self._launch(
            "attend", sizes, _ATTEND, partial(run, self.position),
            # The tokens come to measure with an empty cache. In a full one nothing is written.
            lambda **how: run(rehearsed(), **how),
        )  # fmt: skip
        return out

    def outer(self, x: Tensor, weight: Tensor) -> Tensor:
        """`weight · x` as the one part [1, B, width]."""
        rows, columns = weight.shape
        out = self._room(1, self.batch, rows)

        def run(**how: Any) -> None:
            outer[(self.batch, triton.cdiv(rows, how["ROWS"]))](
                x, weight, out, rows, columns, **how
            )

        self._launch("outer", (rows, columns), _OUTER, run)
        return out

    def add(self, parts: Tensor, offset: Tensor, weight: Tensor, bias: Tensor) -> None:
        """What the next product adds to the stream and normalises."""
        self.parts, self.offset, self.norm = parts, offset, (weight, bias)


def decoder(
    tokens: Tensor, weights: list[Tensor], own: Tensor, cross: Tensor, lengths: Tensor,
    cross_lengths: Tensor, position: Tensor, written: Tensor | None, ended: Tensor | None,
    stop: Tensor | None, eps: float,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """As the reference."""
    weights = [one.contiguous() for one in weights]
    latest = tokens.contiguous()
    first = weights[: len(FIRST)]
    table, bias = first[0], first[-1]
    compute = torch.cuda.get_device_capability(tokens.device) if tokens.is_cuda else None
    token = _Token(
        tokens=latest, position=position, first=first, eps=eps,
        early=compute is not None and compute >= _EARLY,
    )  # fmt: skip
    for layer, mine, memory in zip(of_layers(weights), own, cross, strict=True):
        pairs = list(zip(layer[::2], layer[1::2], strict=True))
        mix, out, norm, cross_mix, cross_out, cross_norm, inner, last, last_norm = pairs
        token.add(token.attend(token.project(*mix), mine, None, out[0]), out[1], *norm)
        found = token.attend(token.project(*cross_mix), memory, cross_lengths, cross_out[0])
        token.add(found, cross_out[1], *cross_norm)
        token.add(token.outer(token.project(*inner, gelu=True), last[0]), last[1], *last_norm)
    logits = torch.empty((len(tokens), table.shape[0]), dtype=table.dtype, device=tokens.device)
    likeliest = torch.empty_like(latest)
    token.project(table, bias, out=logits, ending=(likeliest, lengths, written, ended, stop))
    if written is not None and latest is not tokens:
        tokens.copy_(latest)
    return logits, likeliest
