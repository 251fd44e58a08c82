"""A detector in 8 bits: convolutions between QuantizeLinear and DequantizeLinear (QDQ).

What enters a convolution is 8 bits wide, what leaves it is not: so runtimes keep its activation in
32 bits and round once, at the next convolution. What the head answers with, and all that turns it
into boxes, stays in 32 bits. Calibrated on training pictures; `choosing` says which further parts
of the network stay in 32 bits.
"""

import logging
import re
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantType
from onnxruntime.quantization.calibrate import create_calibrator
from onnxruntime.quantization.qdq_quantizer import QDQQuantizer
from onnxruntime.quantization.quant_utils import load_model_with_shape_infer

from apps.defect_detection.training.pictures import Pictures

CALIBRATION_PICTURES = 200
QUANTISED = ["Conv"]
# The last convolution of each branch of the head, and the one that turns bins into lengths.
ANSWERS = re.compile(r"/(one2one_)?cv[23]\.\d+/(one2one_)?cv[23]\.\d+\.2/|/dfl/")
# A stage of the network, and in its head a branch: ``/model.5/``, ``/model.23/cv2.0/``.
PART = re.compile(r"^/model\.\d+/(?:(?:one2one_)?cv[23]\.\d+/)?")
OPTIONS = {
    "ActivationSymmetric": False,
    "WeightSymmetric": True,
    "OpTypesToExcludeOutputQuantization": QUANTISED,
}


class Quantiser:
    """A network with what its tensors range over; writes it in 8 bits, but for some of its parts.

    Attributes:
        parts: what may stay in 32 bits, as `PART` names it, in the network's order.
    """

    def __init__(self, network: Path, inputs: Iterator[NDArray[np.float32]]) -> None:
        """Calibrate the fp32 ONNX file `network` on `inputs`, [1, 3, S, S] each."""
        with _without_advice():
            self._network = load_model_with_shape_infer(network)
        convolutions = [node.name for node in self._network.graph.node if node.op_type == "Conv"]
        self._answers = [name for name in convolutions if ANSWERS.search(name)]
        self._of: dict[str, list[str]] = {}
        for name in convolutions:
            if name not in self._answers and (found := PART.match(name)):
                self._of.setdefault(found.group(), []).append(name)
        self._ranges = _ranges(network, inputs)

    @property
    def parts(self) -> tuple[str, ...]:
        return tuple(self._of)

    def write(self, path: Path, in_float: Collection[str] = ()) -> None:
        """Write the network in 8 bits, the parts `in_float` in 32."""
        left_out = [*self._answers, *(name for part in in_float for name in self._of[part])]
        network = onnx.ModelProto()
        network.CopyFrom(self._network)
        with _without_advice():
            quantiser = QDQQuantizer(
                network,
                per_channel=True,
                reduce_range=False,
                weight_qType=QuantType.QInt8,
                activation_qType=QuantType.QUInt8,
                tensors_range=self._ranges,
                nodes_to_quantize=[],
                nodes_to_exclude=left_out,
                op_types_to_quantize=QUANTISED,
                extra_options=OPTIONS,
            )
            quantiser.quantize_model()
        quantiser.model.topological_sort()
        quantised = quantiser.model.model
        del quantised.metadata_props[:]
        names = {entry.key: entry.value for entry in self._network.metadata_props}
        onnx.helper.set_model_props(quantised, names)
        quantised.producer_name, quantised.producer_version = "loupe", ""
        onnx.checker.check_model(quantised)
        onnx.save(quantised, str(path))


def inputs(
    train: Pictures, seed: int, count: int, beat: Callable[[], None], skip: int = 0
) -> Iterator[NDArray[np.float32]]:
    """Up to `count` training pictures as the network sees them, the first `skip` left out.

    Args:
        beat: called before each picture; may raise `Cancelled`.
    """
    order = torch.randperm(len(train), generator=torch.Generator().manual_seed(seed))
    for index in order[skip : skip + count].tolist():
        beat()
        square = train.pixels[index : index + 1].cpu()
        width, height = train.sides[index].int().tolist()
        # In the middle of its square.
        shift = (round((train.size - height) / 2), round((train.size - width) / 2))
        placed = square.roll(shift, (-2, -1)).float() / 255
        yield placed.expand(-1, 3, -1, -1).contiguous().numpy()


class _Reader(CalibrationDataReader):
    """ONNX Runtime's way of asking for inputs."""

    def __init__(self, inputs: Iterator[NDArray[np.float32]]) -> None:
        self._inputs = inputs

    def get_next(self) -> dict[str, Any] | None:
        """The next input, None after the last."""
        given = next(self._inputs, None)
        return None if given is None else {"images": given}


def _ranges(network: Path, inputs: Iterator[NDArray[np.float32]]) -> Any:
    """The least and the largest value of every tensor that enters a convolution."""
    with TemporaryDirectory(prefix="loupe-int8-") as folder:
        calibrator = create_calibrator(
            network,
            QUANTISED,
            augmented_model_path=str(Path(folder) / "watched.onnx"),
            calibrate_method=CalibrationMethod.MinMax,
        )
        calibrator.collect_data(_Reader(inputs))
        return calibrator.compute_data()


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
