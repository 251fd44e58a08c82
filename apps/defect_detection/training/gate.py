"""What has to hold before a detector goes into production. Pure, and free of torch."""

from collections.abc import Sequence

from loupe.contract.runtime.panel import Figure, GateRow, Panel

NO_WORSE = 0.01  # mAP50 below that of what is in production
SCORES = {"onnx": 0.02}
BOXES = {"onnx": 0.98, "int8": 0.8}
MAP50_LOSS = 0.005
"""What an export may lose against torch, over the pictures it was measured on."""
MAP50_LOSS_HIGH = 0.02
"""What it may lose at the upper end of the 95 % interval: few pictures prove nothing."""
PARITY = ("parity_scores", "parity_boxes", "parity_map50_loss")


def gate(candidate: Panel, production: Panel | None) -> tuple[GateRow, ...]:
    """The conditions: measured on true defects, as good as torch, no worse than what serves."""
    mine = _value(candidate.figures, "map50")
    rows = [
        GateRow(
            key="defects",
            en="Measured on pictures with defects",
            zh="已在含缺陷的图像上评估",
            holds=mine is not None,
        )
    ]
    if any(candidate.figure(key) for key in PARITY):
        broken = broken_parity(candidate.figures, candidate.runtime)
        rows.append(
            GateRow(
                key="parity",
                en="The exported network answers as the trained one"
                + "".join(f"; {en}" for en, _ in broken),
                zh="导出的网络与训练所得一致" + "".join(f"；{zh}" for _, zh in broken),
                holds=not broken,
            )
        )
    theirs = _value(production.figures, "map50") if production else None
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


def broken_parity(figures: Sequence[Figure], runtime: str) -> list[tuple[str, str]]:
    """What keeps an export from answering as torch does, in English and Chinese; [] for nothing.

    Args:
        figures: with those of `PARITY`.
        runtime: ``onnx`` or ``int8``; anything else is held to what ``onnx`` is.
    """
    kind = runtime if runtime in BOXES else "onnx"
    scores, boxes, loss = (_value(figures, key) for key in PARITY)
    broken = []
    if scores is None or not scores <= SCORES.get(kind, 1.0):
        broken.append(_said("a score differs by", "得分最大差异为", scores, SCORES.get(kind, 1.0)))
    if boxes is None or not boxes >= BOXES[kind]:
        broken.append(_said("shared boxes are", "一致的框比例为", boxes, BOXES[kind], least=True))
    if loss is None or not loss <= MAP50_LOSS:
        broken.append(_said("mAP50 is lower by", "mAP50 低了", loss, MAP50_LOSS))
    high = next((one.high for one in figures if one.key == PARITY[2]), None)
    if loss is not None and high is not None and not high <= MAP50_LOSS_HIGH:
        broken.append(
            _said(
                "with so few pictures mAP50 may be lower by",
                "图像太少，mAP50 可能低至",
                high,
                MAP50_LOSS_HIGH,
            )
        )
    return broken


def _said(
    en: str, zh: str, value: float | None, limit: float, least: bool = False
) -> tuple[str, str]:
    bound_en, bound_zh = ("at least", "至少") if least else ("at most", "最多")
    told_en, told_zh = ("an unknown amount", "未知") if value is None else (f"{value:.4f}",) * 2
    return (
        f"{en} {told_en}, {bound_en} {limit:g} is allowed",
        f"{zh} {told_zh}（允许{bound_zh} {limit:g}）",
    )


def _value(figures: Sequence[Figure], key: str) -> float | None:
    return next((one.value for one in figures if one.key == key), None)
