"""How far a factor is off, with a picture of the worst reading."""

import json
import struct
import zlib
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file

from loupe.contract.runtime import bundle
from loupe.contract.runtime.panel import Figure, GateRow, Mistake, Panel, Plot, Slice
from loupe.contract.runtime.reporter import Reporter
from loupe.contract.runtime.training import PICTURES, PREDICTIONS


def pairs(data: Path, split: str) -> tuple[np.ndarray, np.ndarray]:
    """Values and what people said, of one split; float64."""
    found = [
        (json.loads(record.file.read_bytes())["value"], record.labels["scaled"])
        for record in bundle.records(data)
        if record.split == split
    ]
    both = np.array(found, dtype=np.float64).reshape(-1, 2)
    return both[:, 0], both[:, 1]


def evaluate(*, artefact: Path, data: Path, out: Path, reporter: Reporter) -> Panel:
    """The mean error with a normal 95 % interval, on the validation split."""
    factor = float(load_file(artefact / "weights.safetensors")["factor"][0])
    records = [record for record in bundle.records(data) if record.split == "val"]
    (out / PICTURES).mkdir(parents=True, exist_ok=True)
    errors = []
    with (out / PREDICTIONS).open("w") as lines:
        for number, record in enumerate(records, 1):
            value = float(json.loads(record.file.read_bytes())["value"])
            errors.append(abs(value * factor - float(record.labels["scaled"])))
            lines.write(json.dumps({"name": record.name, "scaled": value * factor}) + "\n")
            reporter.progress(number, len(records), "measuring")
    off = np.array(errors or [0.0])
    half = 1.96 * float(off.std()) / max(1.0, float(len(off)) ** 0.5)
    mean = float(off.mean())
    error = Figure(
        key="error", en="Mean error", zh="平均误差", value=mean, low=max(0.0, mean - half),
        high=mean + half, count=len(records), better="lower",
    )  # fmt: skip
    parity = Figure(key="parity", en="Difference", zh="差异", value=0.0, better="lower")
    mistakes: tuple[Mistake, ...] = ()
    if records:
        worst = int(off.argmax())
        (out / PICTURES / "worst.png").write_bytes(_png())
        mistakes = (
            Mistake(
                kind="miss", record=records[worst].name, label="any",
                score=float(off[worst]), picture="worst.png",
            ),
        )  # fmt: skip
    return Panel(
        runtime="numpy",
        figures=(error, parity),
        slices=(Slice(key="any", en="Any", zh="任意", figures=(error,)),),
        plots=(
            Plot(
                key="errors", en="Errors, sorted", zh="误差(排序)", x_en="Reading", x_zh="读数",
                y_en="Error", y_zh="误差",
                points=tuple((float(at), float(one)) for at, one in enumerate(np.sort(off))),
            ),
        ),
        mistakes=mistakes,
    )  # fmt: skip


def gate(candidate: Panel, production: Panel | None) -> tuple[GateRow, ...]:
    """No worse than what is in production, and the artefact says what the training said."""
    mine, parity = candidate.figure("error"), candidate.figure("parity")
    theirs = production.figure("error") if production else None
    no_worse = theirs is None or (
        mine is not None and (mine.value or 0.0) <= (theirs.value or 0.0) + 1e-9
    )
    same = parity is not None and parity.value == 0.0
    return (
        GateRow(key="no_worse", en="No worse than now", zh="不比现在差", holds=no_worse),
        GateRow(
            key="parity", en="The artefact answers as trained", zh="与训练结果一致", holds=same
        ),
    )


def _png() -> bytes:
    """A grey square of 8 × 8 pixels."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        check = zlib.crc32(kind + content)
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check)

    head = struct.pack(">IIBBBBB", 8, 8, 8, 0, 0, 0, 0)
    rows = b"".join(b"\0" + b"\x80" * 8 for _ in range(8))
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )
