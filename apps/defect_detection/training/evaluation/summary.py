"""A panel out of what was looked at: figures in all and by class, with their intervals."""

from collections.abc import Sequence
from pathlib import Path

from apps.defect_detection.labels import DatasetAbout
from apps.defect_detection.operating import predictions as written
from apps.defect_detection.operating.at_point import ClassRates, Rates, rates
from apps.defect_detection.operating.bounds import Rate
from apps.defect_detection.schema import OperatingPoint
from apps.defect_detection.training.evaluation import bootstrap
from apps.defect_detection.training.evaluation.bootstrap import Interval
from apps.defect_detection.training.evaluation.confusion import confusion, curves
from apps.defect_detection.training.evaluation.looking import Looked
from apps.defect_detection.training.evaluation.mistakes import mistakes
from loupe.contract.runtime.panel import Figure, Panel, Slice

POINT = OperatingPoint()
"""What escape and overkill are told at before anybody has chosen an operating point."""


def summarise(
    looked: Sequence[Looked],
    lines: Sequence[str],
    classes: Sequence[str],
    about: DatasetAbout,
    pictures: Path,
    *,
    dataset: str,
    runtime: str,
) -> Panel:
    """The panel.

    Args:
        lines: the predictions as they were written.
        classes: of the model.
        about: the dataset's classes and severities.
        pictures: the folder for those of mistakes.
    """
    figures = bootstrap.figures(looked, len(classes))
    found = written.read(lines, classes, about.severities)
    by_part = rates(found, POINT)
    grouped = any(each.sample.group for each in looked)
    by_picture = rates(found.by_picture(), POINT) if grouped else None
    by_label = {each.label: each for each in by_part.classes}
    return Panel(
        dataset=dataset,
        runtime=runtime,
        figures=(
            _figure("map50", "mAP50", "mAP50", figures.map50, len(looked)),
            _figure("map50_95", "mAP50-95", "mAP50-95", figures.map50_95, len(looked)),
            *_rates(by_part, by_picture),
        ),
        slices=tuple(
            Slice(
                key=name,
                en=name,
                zh=name,
                figures=(
                    _figure("map50", "mAP50", "mAP50", *_of(figures, index, 0)),
                    _figure("map50_95", "mAP50-95", "mAP50-95", *_of(figures, index, 1)),
                    *_class_rates(by_label.get(name)),
                ),
            )
            for index, name in enumerate(classes)
        ),
        plots=curves(looked, classes),
        confusion=confusion(looked, classes, POINT.threshold),
        mistakes=mistakes(looked, classes, POINT.review_from, about, pictures),
    )


def _of(figures: bootstrap.Figures, index: int, which: int) -> tuple[Interval, int]:
    return figures.by_class[index][which], figures.boxes[index]


def _rates(by_part: Rates, by_picture: Rates | None) -> tuple[Figure, ...]:
    found = [
        _rate("escape", "Escape: bad parts that pass", "漏检：判为合格的不良品", by_part.escape),
        _rate(
            "overkill", "Overkill: good parts that fail", "过杀：判为不合格的良品", by_part.overkill
        ),
    ]
    if by_picture is not None:
        found += [
            _rate(
                "escape_pictures",
                "Escape: bad pictures that pass",
                "漏检：判为合格的不良图像",
                by_picture.escape,
            ),
            _rate(
                "overkill_pictures",
                "Overkill: good pictures that fail",
                "过杀：判为不合格的良品图像",
                by_picture.overkill,
            ),
        ]
    found += [
        _rate("missed", "Defects not found", "未找到的缺陷", by_part.missed),
        _rate("asked_good", "Good parts sent to review", "送复检的良品", by_part.asked_good),
        _rate("asked_bad", "Bad parts sent to review", "送复检的不良品", by_part.asked_bad),
    ]
    return tuple(found)


def _class_rates(found: ClassRates | None) -> tuple[Figure, ...]:
    if found is None:
        return ()
    return (
        _rate("escape", "Escape", "漏检", found.escape),
        _rate("overkill", "Overkill", "过杀", found.overkill),
        _rate("missed", "Defects not found", "未找到的缺陷", found.missed),
    )


def _rate(key: str, en: str, zh: str, rate: Rate) -> Figure:
    return Figure(
        key=key,
        en=en,
        zh=zh,
        value=rate.value,
        low=rate.low,
        high=rate.high,
        count=rate.units,
        better="lower",
    )


def _figure(key: str, en: str, zh: str, found: Interval, count: int) -> Figure:
    return Figure(
        key=key, en=en, zh=zh, value=found.value, low=found.low, high=found.high, count=count
    )
