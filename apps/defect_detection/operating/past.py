"""Past results in columns, so that a hundred thousand are decided anew in a few milliseconds."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import json as arrow_json

from apps.defect_detection.operating import keeping
from apps.defect_detection.operating.boxes import (
    OUTCOMES,
    RANK_OF,
    Boxes,
    Ints,
    no_boxes,
    outcomes,
    weights,
)
from apps.defect_detection.schema import DetectionResult, ImageFacts, OperatingPoint

_NUMBER, _TEXT = pa.float64(), pa.string()
_BOX = pa.struct(
    [*((name, _NUMBER) for name in ("x1", "y1", "x2", "y2", "score")), ("label", _TEXT),
     ("severity", _TEXT)]
)  # fmt: skip
_SCHEMA = pa.schema(
    [
        ("image", pa.struct([("width", pa.int64()), ("height", pa.int64())])),
        ("boxes", pa.list_(_BOX)),
        ("file", _TEXT),
        ("view", _TEXT),
    ]
)


@dataclass(frozen=True, kw_only=True)
class Past:
    """N results, oldest first.

    Attributes:
        ids: int64 [N].
        said: int8 [N], what the machine decided then, an index into `OUTCOMES`.
        boxes: `owner` is the place in `ids`; finds outside the product's regions or under a mask
            are left out, so corners need not be kept exactly.
        looked: how many rows were looked at, also those of other products.
        last: the id of the last one looked at.
    """

    classes: tuple[str, ...] = ()
    ids: Ints
    said: NDArray[np.int8]
    boxes: Boxes
    looked: int
    last: int

    def would(self, point: OperatingPoint) -> NDArray[np.int8]:
        """What `point` would decide about each result [N]."""
        rank = weights(self.boxes, self.classes, point)
        return outcomes(self.boxes, rank, self.classes, point, len(self.ids))


def nothing() -> Past:
    """Before anything was looked at."""
    none = np.zeros(0, dtype=np.int64)
    return Past(ids=none, said=none.astype(np.int8), boxes=no_boxes(), looked=0, last=0)


@dataclass(frozen=True, kw_only=True)
class Rows:
    """Further results as stored: ids, what the machine said, and each one's JSON."""

    ids: Sequence[int]
    said: Sequence[str]
    data: Sequence[str]


def extended(past: Past, rows: Rows, point: OperatingPoint, looked: int, last: int) -> Past:
    """`past` with `rows` behind it.

    Args:
        point: its regions and masks say which finds count.
        looked, last: how many rows were looked at for `rows`, and the last one's id.
    """
    if not rows.ids:
        return Past(
            classes=past.classes, ids=past.ids, said=past.said, boxes=past.boxes,
            looked=past.looked + looked, last=last,
        )  # fmt: skip
    table = _table(rows.data)
    lengths, columns = _flat(table)
    owner = np.repeat(np.arange(len(rows.ids)), lengths)
    corners = np.stack([columns[name] for name in ("x1", "y1", "x2", "y2")], axis=1)
    classes, label = _places(past.classes, columns["label"])
    found = Boxes(
        owner=owner + len(past.ids),
        label=label,
        score=columns["score"],
        corners=corners,
        usual=_ranks(columns["severity"]),
    )
    if point.picture.regions or point.picture.masks:
        found = found.where(_standing(table, owner, corners, point))
    places = {name: index for index, name in enumerate(OUTCOMES)}
    said = np.array([places.get(one, 0) for one in rows.said], dtype=np.int8)
    return Past(
        classes=classes,
        ids=np.concatenate([past.ids, np.array(rows.ids, dtype=np.int64)]),
        said=np.concatenate([past.said, said]),
        boxes=_joined(past.boxes, found),
        looked=past.looked + looked,
        last=last,
    )


def _table(data: Sequence[str]) -> pa.Table:
    text = "\n".join(data).encode()
    return arrow_json.read_json(
        io.BytesIO(text),
        read_options=arrow_json.ReadOptions(block_size=max(len(text), 1), use_threads=False),
        parse_options=arrow_json.ParseOptions(
            explicit_schema=_SCHEMA, unexpected_field_behavior="ignore"
        ),
    )


def _flat(table: pa.Table) -> tuple[Ints, dict[str, Any]]:
    """How many boxes each row has, and all boxes' columns."""
    boxes = table["boxes"].combine_chunks()
    lengths = boxes.value_lengths().fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64)
    flat = boxes.flatten()
    columns: dict[str, Any] = {
        name: flat.field(name).to_numpy(zero_copy_only=False)
        for name in ("x1", "y1", "x2", "y2", "score")
    }
    for name in ("label", "severity"):
        columns[name] = flat.field(name).dictionary_encode()
    return lengths, columns


def _places(classes: tuple[str, ...], label: Any) -> tuple[tuple[str, ...], Ints]:
    """The classes with those that are new, and each box's place among them."""
    named = label.dictionary.to_pylist()
    known = [*classes, *(name for name in named if name not in classes)]
    place = np.array([known.index(name) for name in named] or [0], dtype=np.int64)
    return tuple(known), place[label.indices.to_numpy(zero_copy_only=False).astype(np.int64)]


def _ranks(severity: Any) -> Ints:
    """Each box's severity as a rank."""
    rank = [RANK_OF[name] for name in severity.dictionary.to_pylist()]
    places = severity.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    found: Ints = np.array(rank or [0], dtype=np.int64)[places]
    return found


def _standing(
    table: pa.Table, owner: Ints, corners: NDArray[np.float64], point: OperatingPoint
) -> NDArray[np.bool_]:
    """Which finds lie where defects count."""
    image = table["image"].combine_chunks()
    sizes = list(
        zip(image.field("width").to_pylist(), image.field("height").to_pylist(), strict=True)
    )
    views = [
        point.view_of(
            DetectionResult(
                image=ImageFacts(width=width, height=height, channels=3, bits=8),
                file=file or "",
                view=view or "",
            )
        )
        for (width, height), file, view in zip(
            sizes, table["file"].to_pylist(), table["view"].to_pylist(), strict=True
        )
    ]
    return np.array(
        [
            not point.picture.leaves_out(tuple(box), sizes[which], views[which])
            for which, box in zip(owner.tolist(), corners.tolist(), strict=True)
        ],
        dtype=bool,
    )


def _joined(one: Boxes, other: Boxes) -> Boxes:
    return Boxes(
        owner=np.concatenate([one.owner, other.owner]),
        label=np.concatenate([one.label, other.label]),
        score=np.concatenate([one.score, other.score]),
        corners=np.concatenate([one.corners, other.corners]),
        usual=np.concatenate([one.usual, other.usual]),
    )


_BOXES = ("owner", "label", "score", "corners", "usual")


def write(path: Path, past: Past) -> None:
    """Keep it."""
    words = {"classes": past.classes, "looked": past.looked, "last": past.last}
    arrays: dict[str, NDArray[Any]] = {name: getattr(past.boxes, name) for name in _BOXES}
    keeping.write(path, words, {**arrays, "ids": past.ids, "said": past.said})


def read(path: Path) -> Past:
    """What was kept; `nothing` where nothing whole is there."""
    kept = keeping.read(path)
    if kept is None:
        return nothing()
    words, arrays = kept
    return Past(
        classes=tuple(words["classes"]),
        ids=arrays["ids"],
        said=arrays["said"],
        boxes=Boxes(**{name: arrays[name] for name in _BOXES}),
        looked=int(words["looked"]),
        last=int(words["last"]),
    )
