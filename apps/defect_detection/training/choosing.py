"""Which parts of a detector stay in 32 bits when the rest is put into 8.

The INT8 network is compared with the fp32 one on training pictures. Where both answer alike,
nothing more is done. Else each part is put back into 32 bits alone, and the parts that help most
stay so, one after the other, until both answer alike or `MOST_PARTS` are spent.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from apps.defect_detection.inference.postprocess import Rows, from_end2end, from_raw
from apps.defect_detection.inference.runtimes import open_weights
from apps.defect_detection.training.average_precision import overlaps
from apps.defect_detection.training.pictures import Pictures
from apps.defect_detection.training.quantise import CALIBRATION_PICTURES, Quantiser, inputs
from loupe.contract.runtime.payload import JsonValue

COMPARED = 16  # pictures
CLEAR, FAINT, OVERLAP = 0.25, 0.05, 0.7
ALIKE = 0.05
"""The drift up to which two networks answer alike."""
MOST_PARTS = 4
FEWEST_PICTURES = 2 * COMPARED
"""Fewer training pictures say nothing about which part is to blame: all works in 8 bits then."""


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """`in_float`: parts in 32 bits; `drift` of the result, `all_int8` of the network without any;
    `alone`: the drift with just that part in 32 bits, where it was tried.
    """

    in_float: tuple[str, ...]
    drift: float
    all_int8: float
    alone: dict[str, float]

    def told(self) -> dict[str, JsonValue]:
        """What the manifest says of it."""
        return {"in_float": list(self.in_float), "drift": round(self.drift, 4)}


def write_int8(
    network: Path,
    path: Path,
    train: Pictures,
    seed: int,
    beat: Callable[[], None] = lambda: None,
    alike: float = ALIKE,
) -> Chosen:
    """Put the fp32 ONNX file `network` into 8 bits as `path`, and say what stayed in 32.

    Args:
        beat: called again and again; may raise `Cancelled`.
        alike: the drift that is good enough.
    """
    quantiser = Quantiser(network, inputs(train, seed, CALIBRATION_PICTURES, beat))
    # Pictures that were not calibrated on, where there are enough.
    skip = max(0, min(CALIBRATION_PICTURES, len(train) - COMPARED))
    squares = list(inputs(train, seed, COMPARED, beat, skip))
    wanted = answers(network, squares, beat)

    def drift_with(in_float: Sequence[str]) -> float:
        quantiser.write(path, in_float)
        return drift(wanted, answers(path, squares, beat))

    enough = len(train) >= FEWEST_PICTURES
    return choose(quantiser.parts if enough else (), drift_with, alike)


def choose(
    parts: Sequence[str], drift_with: Callable[[Sequence[str]], float], alike: float
) -> Chosen:
    """The parts to keep in 32 bits; `drift_with` is called with just these at the end.

    Args:
        drift_with: the drift of the network with some parts in 32 bits.
    """
    chosen: list[str] = []
    reached = all_int8 = drift_with(chosen)
    if reached <= alike:
        return Chosen(in_float=(), drift=reached, all_int8=all_int8, alone={})
    alone = {part: drift_with([part]) for part in parts}
    for part in sorted(alone, key=lambda part: alone[part])[:MOST_PARTS]:
        if reached <= alike or alone[part] >= all_int8:
            break
        more = drift_with([*chosen, part])
        if more < reached:
            chosen, reached = [*chosen, part], more
    return Chosen(in_float=tuple(chosen), drift=drift_with(chosen), all_int8=all_int8, alone=alone)


def answers(
    network: Path, squares: Sequence[NDArray[np.float32]], beat: Callable[[], None]
) -> list[Rows]:
    """The boxes that a network finds in each input, [N, 6]."""
    runtime = open_weights("openvino", network)
    found = []
    try:
        for square in squares:
            beat()
            output = runtime.forward(square)[0]
            free = output.shape[-1] == 6
            found.append(from_end2end(output, FAINT) if free else from_raw(output, FAINT, OVERLAP))
    finally:
        runtime.close()
    return found


def drift(one: Sequence[Rows], other: Sequence[Rows]) -> float:
    """How differently two networks answer: 0 the same, 1 nothing in common.

    Over the clear boxes of either side the mean of ``1 - IoU + |difference of the scores|`` to the
    nearest box of that class on the other side, at most 1 each.
    """
    apart: list[NDArray[np.float32]] = []
    for mine, theirs in zip(one, other, strict=True):
        for left, right in ((mine, theirs), (theirs, mine)):
            clear = left[left[:, 4] >= CLEAR]
            cost = 1 - overlaps(clear[:, :4], right[:, :4])
            cost += np.abs(clear[:, 4:5] - right[None, :, 4])
            cost[clear[:, 5:6] != right[None, :, 5]] = 1
            apart.append(np.minimum(cost.min(axis=1, initial=1), 1))
    every = np.concatenate(apart) if apart else np.empty(0, np.float32)
    return float(every.mean()) if len(every) else 0.0
