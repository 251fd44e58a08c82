"""Neighbours as of a moment on a CPU: one walk over each ring, from its newest edge."""

import numpy as np
import torch
from torch import Tensor

from core_kernels.compiling import compiled
from core_kernels.parts import in_parts

#: Rows that are worth a thread.
_LEAST = 1024


@compiled
def _sample(
    nodes, before, ids, times, heads, uniform, distinct, start, out, moments, first, stop,
):  # fmt: skip
    width, count = ids.shape[1], out.shape[1]
    places = np.empty(width, np.int64)
    ranks = np.empty(width, np.uint64)
    for row in range(first, stop):
        node = nodes[row]
        taken = 0
        if node >= 0:
            head = heads[node]
            for age in range(min(head, width)):
                at = (head - 1 - age) % width
                if times[node, at] >= before[row]:
                    continue
                new = True
                if distinct:
                    for other in range(taken):
                        if ids[node, places[other]] == ids[node, at]:
                            new = False
                            break
                if new:
                    places[taken] = at
                    value = np.uint64((row << 12) + age + start)
                    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
                    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
                    ranks[taken] = (value ^ (value >> np.uint64(31))) >> np.uint64(2)
                    taken += 1
                    if taken == count and not uniform:
                        break
        for slot in range(min(taken, count)):
            if uniform:
                least = slot
                for other in range(slot + 1, taken):
                    if ranks[other] < ranks[least]:
                        least = other
                places[slot], places[least] = places[least], places[slot]
                ranks[slot], ranks[least] = ranks[least], ranks[slot]
            out[row, slot] = ids[node, places[slot]]
            moments[row, slot] = times[node, places[slot]]
        for slot in range(min(taken, count), count):
            out[row, slot] = -1
            moments[row, slot] = 0


def sample_neighbors(
    nodes: Tensor, before: Tensor, ids: Tensor, times: Tensor, heads: Tensor, count: int,
    uniform: bool, distinct: bool, start: int,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """As the reference."""
    neighbors = torch.empty((len(nodes), count), dtype=torch.int32)
    moments = torch.empty((len(nodes), count), dtype=torch.int64)
    given = [part.contiguous().numpy() for part in (nodes, before, ids, times, heads)]
    out = (neighbors.numpy(), moments.numpy())

    def part(first: int, stop: int) -> None:
        _sample(*given, uniform, distinct, start, *out, first, stop)

    in_parts(part, len(nodes), least=_LEAST)
    return neighbors, moments
