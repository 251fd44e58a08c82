"""What a training or evaluation works on: labelled pictures of a dataset, each in one split."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from apps.defect_detection.inference.fingerprint import fingerprint
from apps.defect_detection.labels import DatasetAbout, ImageLabels
from apps.defect_detection.layouts.opening import open_dataset
from apps.defect_detection.training.splitting import deal
from loupe.contract.labelling import ReadDataset
from loupe.contract.runtime import bundle
from loupe.contract.runtime.errors import InputRefused

SPLITS = ("train", "val", "test")


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One labelled picture. `boxes` [M, 5]: class, x1, y1, x2, y2 in its pixels."""

    name: str
    file: Path
    width: int
    height: int
    boxes: NDArray[np.float32]
    group: str
    split: str


@dataclass(frozen=True, kw_only=True)
class Collection:
    """The samples of a dataset, in its order; `unlabelled` pictures are left out.

    `problems` say which files cost samples their labels, and why.
    """

    name: str
    about: DatasetAbout
    samples: tuple[Sample, ...]
    unlabelled: int = 0
    problems: tuple[str, ...] = ()

    def of(self, *splits: str) -> tuple[Sample, ...]:
        """The samples in any of `splits`."""
        return tuple(sample for sample in self.samples if sample.split in splits)

    @property
    def held_out(self) -> tuple[Sample, ...]:
        """What training does not learn from; all of it where nothing is split."""
        return self.of("val", "test") or self.samples


def read(folder: Path) -> Collection:
    """The labelled pictures of a bundle or of a folder in a known layout, with its own splits.

    Raises:
        InputRefused: the folder is no dataset, or nothing in it is labelled.
    """
    dataset = open_dataset(folder)
    about = dataset.about
    if not isinstance(about, DatasetAbout):
        raise TypeError("open_dataset answers with DatasetAbout.")
    place = {name: index for index, name in enumerate(about.classes)}
    samples, unlabelled = [], 0
    for record in dataset.records:
        if not isinstance(record.labels, ImageLabels):
            unlabelled += 1
            continue
        labels = record.labels
        rows = [
            (place[box.label], box.x1, box.y1, box.x2, box.y2)
            for box in labels.boxes
            if box.label in place
        ]
        samples.append(
            Sample(
                name=record.name,
                file=record.file,
                width=labels.width,
                height=labels.height,
                boxes=np.array(rows, np.float32).reshape(-1, 5),
                group=record.group,
                split=record.split,
            )
        )
    if not samples:
        raise InputRefused(
            f"Nothing in {folder.name} is labelled. Draw boxes, or say which pictures are good.",
            code="nothing_labelled",
        )
    name = folder.name
    if bundle.is_bundle(folder):
        said = bundle.describe(folder)
        name = f"{said.get('name', name)} v{said.get('version', 1)}"
    return Collection(
        name=name,
        about=about,
        samples=tuple(samples),
        unlabelled=unlabelled,
        problems=_problems(dataset),
    )


def _problems(dataset: ReadDataset) -> tuple[str, ...]:
    return tuple(
        f"{each.file}:{each.line}: {each.reason}" if each.line else f"{each.file}: {each.reason}"
        for each in dataset.problems
        if each.fatal
    )


def for_training(
    found: Collection, seed: int, beat: Callable[[float, float], None] = lambda done, total: None
) -> Collection:
    """The collection with splits that can be trained on: dealt by `seed` where it has none.

    Args:
        beat: called while pictures are compared.

    Raises:
        InputRefused: there is no class, a split is empty, nothing is drawn in the training split,
            or a group lies on both sides.
    """
    if not found.about.classes:
        raise InputRefused(
            f"{found.name} has no classes, so there is nothing to learn. Name at least one kind of "
            "defect and draw boxes of it.",
            code="no_classes",
        )
    if not any(sample.split for sample in found.samples):
        found = _dealt(found, seed, beat)
    else:
        # What says nothing beside others that do is for learning.
        found = replace(
            found,
            samples=tuple(
                sample if sample.split else replace(sample, split="train")
                for sample in found.samples
            ),
        )
    _check(found)
    return found


def _dealt(found: Collection, seed: int, beat: Callable[[float, float], None]) -> Collection:
    samples, classes = found.samples, found.about.classes
    prints = []
    for number, sample in enumerate(samples, 1):
        prints.append(0 if sample.group else fingerprint(sample.file, {}))
        beat(number, len(samples))
    counts = [Counter(classes[int(index)] for index in sample.boxes[:, 0]) for sample in samples]
    splits = deal(
        [sample.name for sample in samples],
        [sample.group for sample in samples],
        prints,
        counts,
        seed,
    )
    dealt = zip(samples, splits, strict=True)
    return replace(found, samples=tuple(replace(one, split=split) for one, split in dealt))


def _check(found: Collection) -> None:
    train, val = found.of("train"), found.of("val")
    for split, samples in (("training", train), ("validation", val)):
        if not samples:
            raise InputRefused(
                f"The {split} split of {found.name} is empty (labelled pictures: "
                f"{len(found.samples)}). Label more, so that a tenth of them is there to validate, "
                "and make a version again; Loupe splits what came without splits.",
                code="split_empty",
            )
    if not any(len(sample.boxes) for sample in train):
        raise InputRefused(
            f"No box is drawn in the {len(train)} training pictures of {found.name}: there is "
            "nothing to learn. Draw the defects.",
            code="no_boxes",
        )
    seen = {sample.group for sample in train if sample.group}
    both = sorted({one.group for one in found.of("val", "test")} & seen)
    if both:
        raise InputRefused(
            f"{len(both)} groups of {found.name} lie in the training split and in another one, "
            f"the first is {both[0]!r}: the model would be measured on parts it has seen. Put each "
            "group on one side, or leave the splits out: Loupe then splits by group.",
            code="group_on_both_sides",
        )
