"""A torch module as an ONNX file that needs no torch to run."""

import contextlib
import io
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

import onnx
import torch
from onnx.checker import ValidationError
from torch import Tensor, nn

from core_kernels.errors import ArgumentRefused

OPSET = 17


def export_onnx(
    module: nn.Module,
    example: Mapping[str, Tensor],
    outputs: Sequence[str],
    path: Path,
    *,
    batched: bool,
) -> None:
    """Trace `module` on `example` and write it to `path`.

    Tracing follows one way through the code. Branches on values are frozen, which only comparing
    the file's answers with the module's own can tell: see `parity`.

    Args:
        batched: the first dimension of every input and output stays open.

    Raises:
        ArgumentRefused: an operator has no ONNX form, or the code cannot be traced.
    """
    axes = {name: {0: "batch"} for name in (*example, *outputs)} if batched else None
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            # Each branch on a value is warned of; parity judges by the answers.
            warnings.simplefilter("ignore")
            torch.onnx.export(
                module,
                tuple(example.values()),
                str(path),
                opset_version=OPSET,
                input_names=list(example),
                output_names=list(outputs),
                dynamic_axes=axes,
                dynamo=False,
            )
        graph = onnx.load(str(path))
        onnx.checker.check_model(graph)
    except (
        torch.onnx.errors.OnnxExporterError,
        RuntimeError,
        TypeError,
        ValueError,
        ValidationError,
    ) as error:
        path.unlink(missing_ok=True)
        text = (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
        raise ArgumentRefused(f"The module cannot be written as ONNX: {text}") from error
