"""The dummy app's model: multiplies by a factor kept as safetensors."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from safetensors.numpy import load_file

from loupe.contract.runtime.payload import Payload
from loupe.contract.runtime.steps import Clock


class Scaler:
    """``scaled = value × factor``."""

    def __init__(self, artefact: Path, manifest: dict[str, Any]) -> None:
        self.factor = load_file(artefact / "weights.safetensors")["factor"]

    def infer(self, requests: Sequence[Payload], clock: Clock) -> list[Payload]:
        with clock.stage("infer"):
            return [
                Payload(
                    arrays={
                        "value": request.arrays["value"],
                        "scaled": request.arrays["value"] * self.factor,
                    }
                )
                for request in requests
            ]

    def close(self) -> None:
        del self.factor
