"""The tiny app on a device of its own, which can be told to die."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from loupe.contract.runtime.errors import DeviceLost
from loupe.contract.runtime.payload import Payload
from loupe.contract.runtime.steps import Clock
from tests.host.engine.tiny.code import Scaler


def admit(path: Path, options: Mapping[str, Any]) -> Payload | None:
    """The file's bytes undecoded, if it begins with an N."""
    data = path.read_bytes()
    if not data.startswith(b"N"):
        return None
    return Payload(arrays={"encoded": np.frombuffer(data, np.uint8)}, meta={"name": path.name})


class NpuScaler(Scaler):
    """Answers as `Scaler` does and says where; after ``lost_after`` calls the device is gone."""

    def __init__(self, artefact: Path, manifest: Mapping[str, Any], *, device: str) -> None:
        super().__init__(artefact, manifest)
        self.device = device
        self.nbytes = int(manifest.get("npu_bytes", 1000))
        self._calls = itertools.count(1)
        dies = manifest.get("lost_device", device) == device
        self._lost_after = int(manifest.get("lost_after", 10**9)) if dies else 10**9
        if manifest.get("lost_at_load"):
            raise DeviceLost(f"{device} does not answer.")

    def infer(self, requests: Sequence[Payload], clock: Clock) -> list[Payload]:
        if next(self._calls) > self._lost_after:
            raise DeviceLost(f"{self.device} does not answer.")
        decoded = [
            Payload(arrays={"values": each.arrays["encoded"].astype(np.float32)}, meta=each.meta)
            if "encoded" in each.arrays
            else each
            for each in requests
        ]
        return [
            replace(answer, meta={**answer.meta, "device": self.device})
            for answer in super().infer(decoded, clock)
        ]
