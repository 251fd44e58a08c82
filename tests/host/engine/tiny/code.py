"""The tiny app's code: what runs in the sandbox and in the engine."""

import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from loupe.contract.runtime.errors import InputRefused
from loupe.contract.runtime.lanes import Batching
from loupe.contract.runtime.payload import Payload
from loupe.contract.runtime.signature import Signature, Tensor
from loupe.contract.runtime.steps import Clock


def read(path: Path, options: Mapping[str, Any]) -> Payload:
    """The file's bytes as numbers; options can make it slow, or refuse."""
    if options.get("refuse"):
        raise InputRefused("The file is empty inside.", code="hollow")
    time.sleep(float(options.get("seconds", 0)))
    values = np.frombuffer(path.read_bytes(), dtype=np.uint8).astype(np.float32)
    return Payload(arrays={"values": values}, meta={"name": path.name})


def picture(path: Path, options: Mapping[str, Any]) -> bytes:
    """Encoded bytes."""
    return b"picture of " + path.read_bytes()


class Scaler:
    """``scaled = values × factor``; a request can ask it to be slow, refuse or break."""

    SIGNATURE = Signature(
        inputs=(Tensor(name="values", datatype="FP32", shape=(-1,)),),
        outputs=(
            Tensor(name="values", datatype="FP32", shape=(-1,)),
            Tensor(name="scaled", datatype="FP32", shape=(-1,)),
        ),
    )

    def __init__(self, artefact: Path, manifest: Mapping[str, Any]) -> None:
        if manifest.get("slow_to_load"):
            time.sleep(float(manifest["slow_to_load"]))
        if manifest.get("broken"):
            raise ZeroDivisionError("no weights")
        self.factor = json.loads((artefact / "weights.json").read_bytes())["factor"]
        self.ballast = np.ones(int(manifest.get("ballast", 0)), dtype=np.uint8)

    def infer(self, requests: Sequence[Payload], clock: Clock) -> list[Payload]:
        answers = []
        for request in requests:
            seconds = request.meta.get("seconds", 0)
            assert isinstance(seconds, int | float)
            time.sleep(seconds)
            if request.meta.get("refuse"):
                raise InputRefused("The numbers are too dark.", code="too_dark")
            if request.meta.get("break"):
                raise ZeroDivisionError("broken")
            with clock.stage("infer"):
                values = request.arrays["values"]
                arrays = {"values": values, "scaled": values * np.float32(self.factor)}
            answers.append(Payload(arrays=arrays, meta=dict(request.meta)))
        return answers

    def close(self) -> None:
        del self.ballast


class Together(Scaler):
    """A scaler that takes up to eight rows in one call, one call at a time; its answers tell how
    many requests shared it. A request that breaks spoils the whole call."""

    batching = Batching(max_items=8, static=True, at_once=1)

    def group(self, request: Payload) -> str | None:
        return None if request.meta.get("apart") else str(request.arrays["values"].shape[1:])

    def items(self, request: Payload) -> int:
        return len(request.arrays["values"])

    def infer(self, requests: Sequence[Payload], clock: Clock) -> list[Payload]:
        if len(requests) == 1:
            (answer,) = super().infer(requests, clock)
            return [Payload(arrays=answer.arrays, meta={**answer.meta, "together": 1})]
        seconds = max(float(str(request.meta.get("seconds", 0))) for request in requests)
        time.sleep(seconds)
        if any(request.meta.get("refuse") or request.meta.get("break") for request in requests):
            raise ZeroDivisionError("one of them is broken")
        with clock.stage("infer"):
            rows = np.concatenate([request.arrays["values"] for request in requests])
            scaled = rows * np.float32(self.factor)
        ends = np.cumsum([self.items(request) for request in requests])[:-1]
        return [
            Payload(
                arrays={"values": request.arrays["values"], "scaled": part},
                meta={**request.meta, "together": len(requests)},
            )
            for request, part in zip(requests, np.split(scaled, ends), strict=True)
        ]


class Totals:
    """Sums of amounts by account and the number of rows; the answer depends on all before it."""

    def __init__(self) -> None:
        self.rows = 0
        self.totals: dict[str, float] = {}

    def apply(self, request: Payload) -> Payload:
        if request.meta.get("refuse"):
            raise InputRefused("The rows are upside down.", code="upside_down")
        amounts = request.arrays["amounts"]
        answers = np.empty(len(amounts))
        accounts = request.meta["accounts"]
        assert isinstance(accounts, list)
        for row, (name, amount) in enumerate(zip(accounts, amounts.tolist(), strict=True)):
            account = str(name)
            self.rows += 1
            self.totals[account] = self.totals.get(account, 0.0) * 0.999 + amount
            answers[row] = self.totals[account] + self.rows
        return Payload(arrays={"scores": answers}, meta={"rows": self.rows})

    def snapshot(self, folder: Path) -> None:
        state = {"rows": self.rows, "totals": self.totals}
        (folder / "totals.json").write_text(json.dumps(state))

    def restore(self, folder: Path) -> None:
        state = json.loads((folder / "totals.json").read_text())
        self.rows, self.totals = state["rows"], state["totals"]
