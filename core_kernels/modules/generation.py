"""Greedy writing with a `Decoder`: a token is one replay of a CUDA graph where there is a GPU."""

from collections.abc import Callable

import torch
from torch import Tensor

from core_kernels.errors import ArgumentRefused
from core_kernels.modules.decoder import Decoder, Writing

#: Tokens between two looks at whether every sequence has ended: each look waits for the device.
LOOK = 16


class Greedy:
    """Writes the likeliest token after the likeliest token, for `batch` memories at a time.

    Room for the caches is taken once. On a GPU the graph is recorded at the first call; weights
    may change in place afterwards, but not move.

    Args:
        compiled: by torch's inductor, or another back end named: fewer launches a token. It takes
            about a minute at the first call. Products of one row become sums, which inductor
            joins with what stands around them.
    """

    def __init__(
        self,
        decoder: Decoder,
        *,
        batch: int,
        capacity: int,
        memory_rows: int,
        compiled: str | None = None,
    ) -> None:
        self.decoder = decoder.eval()
        self.state = decoder.state(batch, capacity, memory_rows)
        device = self.state.own.device
        self._token = torch.zeros(batch, dtype=torch.int64, device=device)
        self._writing = Writing(
            written=torch.zeros(batch, capacity, dtype=torch.int64, device=device),
            ended=torch.zeros(batch, dtype=torch.bool, device=device),
            stop=torch.full((), -1, dtype=torch.int64, device=device),
        )
        self._graph: torch.cuda.CUDAGraph | None = None
        self._compiled = compiled is not None
        self._advance: Callable[[], None] = self._one
        if compiled is not None:
            self._advance = torch.compile(
                self._one, fullgraph=True, dynamic=False, backend=compiled,
                options={"coordinate_descent_tuning": True} if compiled == "inductor" else None,
            )  # fmt: skip

    @torch.no_grad()
    def __call__(
        self,
        memory: Tensor,
        *,
        start: int,
        limit: int,
        stop: int | None = None,
        lengths: Tensor | None = None,
    ) -> Tensor:
        """Tokens int64 [B, up to limit] that follow `start`.

        Args:
            memory: [B, S, width]; `lengths` says how many rows of each count, all by default.
            limit: the most tokens to write.
            stop: a token that ends a sequence; it is written, and repeated while others go on.

        Raises:
            ArgumentRefused: `limit` exceeds the capacity, or `memory` has another size.
        """
        capacity = self._writing.written.shape[1]
        if not 0 <= limit <= capacity:
            raise ArgumentRefused(f"limit={limit}; give 0 to {capacity}, the capacity.")
        if self._graph is None and memory.is_cuda:
            self._record(memory)
        self.decoder.remember(memory, self.state, lengths)
        self._token.fill_(start)
        self._writing.stop.fill_(-1 if stop is None else stop)
        self._writing.ended.zero_()
        written = 0
        while written < limit:
            if self._graph is None:
                self._advance()
            else:
                self._graph.replay()
            written += 1
            if stop is not None and written % LOOK == 0 and bool(self._writing.ended.all()):
                break
        tokens = self._writing.written[:, :written].clone()
        if stop is None or not written:
            return tokens
        # Of the columns that every sequence spent past its end, none is handed out.
        needed = (tokens != stop).cumprod(1).sum(1).max().item() + 1
        return tokens[:, : int(needed)]

    def _one(self) -> None:
        """One token for each sequence, all on the device."""
        self.decoder.advance(
            self._token, self.state, self._writing, open_to_compilers=self._compiled
        )

    def _record(self, memory: Tensor) -> None:
        """Record `_advance`, after runs on a side stream that tune and load what it uses."""
        self.decoder.remember(memory, self.state)
        side = torch.cuda.Stream(memory.device)
        side.wait_stream(torch.cuda.current_stream(memory.device))
        with torch.cuda.stream(side):
            for _ in range(2):
                self.state.restart()
                self._advance()
        torch.cuda.current_stream(memory.device).wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            self._advance()
        self._graph = graph
