"""One run of a network that somebody uploaded, before anything else runs it."""

from pathlib import Path

import numpy as np

from apps.defect_detection.inference.runtimes.openvino import OpenVinoRuntime
from loupe.contract.runtime.errors import ModelRefused


def run_once(weights: Path, size: int) -> tuple[int, ...]:
    """Run the network on a grey picture and return its output's shape.

    Raises:
        ModelRefused: it cannot be loaded or run, or answers with no finite numbers.
    """
    runtime = OpenVinoRuntime(weights, threads=1)
    try:
        output = runtime.forward(np.full((1, 3, size, size), 114 / 255, np.float32))
    except RuntimeError as error:
        text = str(error).strip().splitlines()[-1][:200]
        raise ModelRefused(f"The network fails on a first picture: {text}", code="smoke") from error
    finally:
        runtime.close()
    if not np.isfinite(output).all():
        raise ModelRefused(
            "The network answers a grey picture with values that are no numbers.", code="smoke"
        )
    return tuple(output.shape)
