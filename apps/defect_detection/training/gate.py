"""What has to hold before a detector goes into production. Pure, and free of torch."""

from loupe.contract.runtime.panel import GateRow, Panel

NO_WORSE = 0.01  # mAP50 below that of what is in production
SCORES = {"onnx": 0.02}
BOXES = {"onnx": 0.98, "int8": 0.8}
MAP50_LOSS = {"onnx": 0.005, "int8": 0.015}
PARITY = ("parity_scores", "parity_boxes", "parity_map50_loss")


def gate(candidate: Panel, production: Panel | None) -> tuple[GateRow, ...]:
    """The conditions: measured on true defects, as good as torch, no worse than what serves."""
    mine = _value(candidate, "map50")
    rows = [
        GateRow(
            key="defects",
            en="Measured on pictures with defects",
            zh="已在含缺陷的图像上评估",
            holds=mine is not None,
        )
    ]
    if any(candidate.figure(key) for key in PARITY):
        rows.append(
            GateRow(
                key="parity",
                en="The exported network answers as the trained one",
                zh="导出的网络与训练所得一致",
                holds=_same(candidate),
            )
        )
    theirs = _value(production, "map50") if production else None
    if theirs is not None:
        rows.append(
            GateRow(
                key="no_worse",
                en=f"mAP50 at most {NO_WORSE:g} below the version in production",
                zh=f"mAP50 与生产版本相比最多低 {NO_WORSE:g}",
                holds=mine is not None and mine >= theirs - NO_WORSE,
            )
        )
    return tuple(rows)


def _same(panel: Panel) -> bool:
    """Whether every figure of parity is there and within the limits of its runtime."""
    scores, boxes, loss = (_value(panel, key) for key in PARITY)
    if scores is None or boxes is None or loss is None:
        return False
    runtime = panel.runtime if panel.runtime in BOXES else "onnx"
    return (
        scores <= SCORES.get(runtime, 1.0)
        and boxes >= BOXES[runtime]
        and loss <= MAP50_LOSS[runtime]
    )


def _value(panel: Panel, key: str) -> float | None:
    figure = panel.figure(key)
    return figure.value if figure else None
