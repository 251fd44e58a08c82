"""A detector in 8 bits: convolutions between QuantizeLinear and DequantizeLinear (QDQ).

Only convolutions are quantised, with a scale a channel, and not those that the head answers with:
boxes in pixels and scores in 0 … 1 would share one scale. Calibrated on training pictures.
"""

import logging
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_static,
)

from apps.defect_detection.training.pictures import Pictures

CALIBRATION_PICTURES = 96
# The last convolution of each branch of the head, and the one that turns bins into lengths.
ANSWERS = re.compile(r"/(one2one_)?cv[23]\.\d+/(one2one_)?cv[23]\.\d+\.2/|/dfl/")


def write_int8(
    network: Path,
    path: Path,
    train: Pictures,
    seed: int,
    beat: Callable[[], None] = lambda: None,
) -> None:
    """Quantise the fp32 ONNX file `network` into `path`.

    Args:
        beat: called before each calibration picture; may raise `Cancelled`.
    """
    graph = onnx.load(str(network))
    left_out = [
        node.name
        for node in graph.graph.node
        if node.op_type == "Conv" and ANSWERS.search(node.name)
    ]
    names = {entry.key: entry.value for entry in graph.metadata_props}
    with _without_advice():
        quantize_static(
            str(network),
            str(path),
            _Reader(train, seed, beat),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=["Conv"],
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            nodes_to_exclude=left_out,
            calibrate_method=CalibrationMethod.MinMax,
            extra_options={"ActivationSymmetric": False, "WeightSymmetric": True},
        )
    quantised = onnx.load(str(path))
    del quantised.metadata_props[:]
    onnx.helper.set_model_props(quantised, names)
    quantised.producer_name, quantised.producer_version = "loupe", ""
    onnx.checker.check_model(quantised)
    onnx.save(quantised, str(path))


@contextmanager
def _without_advice() -> Iterator[None]:
    """ONNX Runtime advises a preparation that only serves networks of other shapes."""
    root = logging.getLogger()
    before = root.level
    root.setLevel(logging.ERROR)
    try:
        yield
    finally:
        root.setLevel(before)


class _Reader(CalibrationDataReader):
    """Some training pictures in the middle of their squares, as the network sees them."""

    def __init__(self, train: Pictures, seed: int, beat: Callable[[], None]) -> None:
        order = torch.randperm(len(train), generator=torch.Generator().manual_seed(seed))
        self._inputs = self._read(train, order[:CALIBRATION_PICTURES])
        self._beat = beat

    def get_next(self) -> dict[str, Any] | None:
        """The next input, None after the last."""
        self._beat()
        given = next(self._inputs, None)
        return None if given is None else {"images": given}

    @staticmethod
    def _read(train: Pictures, chosen: torch.Tensor) -> Iterator[NDArray[np.float32]]:
        for index in chosen.tolist():
            square = train.pixels[index : index + 1].cpu()
            width, height = train.sides[index].int().tolist()
            shift = (round((train.size - height) / 2), round((train.size - width) / 2))
            placed = square.roll(shift, (-2, -1)).float() / 255
            yield placed.expand(-1, 3, -1, -1).contiguous().numpy()
