"""What people say about readings: what they scale to. One layout: a file of JSON lines."""

import hashlib
import json
import math
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from loupe.contract.labelling import Problem, Proposal, ReadDataset, ReadRecord
from loupe.contract.runtime.errors import InputRefused
from loupe.contract.runtime.payload import JsonValue
from loupe.contract.runtime.reporter import Reporter

LINES = "readings.jsonl"


class Target(BaseModel):
    """The right answer for one reading."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1] = 1
    scaled: float = Field(description="without unit", allow_inf_nan=False)
    size: str = "any"


class Sizes(BaseModel):
    """What holds for a whole dataset."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sizes: tuple[str, ...] = ("any",)


def check(labels: BaseModel, about: BaseModel) -> None:
    """Refuse a size the dataset does not know."""
    target, known = Target.model_validate(labels), Sizes.model_validate(about)
    if target.size not in known.sizes:
        raise InputRefused(
            f"size={target.size!r} is not one of {', '.join(known.sizes)}.", code="unknown_class"
        )


def count(labels: BaseModel) -> Mapping[str, int]:
    """One label of its size."""
    return {Target.model_validate(labels).size: 1}


def merge(about: BaseModel, other: BaseModel) -> BaseModel:
    """The sizes of both."""
    mine, theirs = Sizes.model_validate(about).sizes, Sizes.model_validate(other).sizes
    return Sizes(sizes=(*mine, *(size for size in theirs if size not in mine)))


def rename(data: BaseModel, old: str, new: str) -> BaseModel:
    """The size `old` called `new`."""
    if isinstance(data, Target):
        return data.model_copy(update={"size": new if data.size == old else data.size})
    sizes = Sizes.model_validate(data).sizes
    if old not in sizes or new in sizes:
        raise InputRefused(f"{old!r} cannot become {new!r}.", code="unknown_class")
    return Sizes(sizes=tuple(new if size == old else size for size in sizes))


def of_model(manifest: Mapping[str, Any]) -> BaseModel:
    """Models know no sizes."""
    return Sizes()


def propose(result: BaseModel, about: BaseModel, operating_point: BaseModel) -> Proposal:
    """What the model said."""
    scaled = float(getattr(result, "scaled", 0.0))
    return Proposal(labels=Target(scaled=scaled), scores=(1.0,))


def fingerprint(path: Path, options: Mapping[str, JsonValue]) -> int:
    """Equal readings have equal fingerprints, close ones differ in few bits."""
    value = float(json.loads(path.read_bytes())["value"])
    level = int.from_bytes(hashlib.sha256(repr(round(value)).encode()).digest()[:7], "big") << 8
    ones = int(8 * (value - math.floor(value)))
    return level | ((1 << ones) - 1)


def recognise(folder: Path) -> bool:
    """Whether the folder holds the file of lines."""
    return (folder / LINES).is_file()


def read(folder: Path, options: Mapping[str, JsonValue]) -> ReadDataset:
    """Lines ``{"file", "scaled"?, "size"?, "group"?, "split"?}``."""
    records, problems, sizes = [], [], dict.fromkeys(("any",))
    for number, line in enumerate((folder / LINES).read_text().splitlines(), 1):
        try:
            said = json.loads(line)
            file = folder / Path(str(said["file"])).name
            labels = None
            if "scaled" in said:
                labels = Target(scaled=said["scaled"], size=str(said.get("size", "any")))
                sizes[labels.size] = None
        except (ValueError, KeyError, TypeError, ValidationError) as error:
            problems.append(
                Problem(file=LINES, line=number, reason=f"{error}"[:200], code="line_invalid")
            )
            continue
        if not file.is_file():
            problems.append(
                Problem(file=file.name, line=number, reason="It is missing.", code="file_missing")
            )
            continue
        records.append(
            ReadRecord(
                name=file.name,
                file=file,
                labels=labels,
                group=str(said.get("group", "")),
                split=str(said.get("split", "")),
            )
        )
    return ReadDataset(about=Sizes(sizes=tuple(sizes)), records=records, problems=problems)


def write(
    about: BaseModel, records: Iterator[ReadRecord], folder: Path, reporter: Reporter
) -> None:
    """The same lines, with the files beside them."""
    with (folder / LINES).open("w") as lines:
        for number, record in enumerate(records, 1):
            name = f"{number}.json"
            shutil.copyfile(record.file, folder / name)
            said: dict[str, Any] = {"file": name, "group": record.group, "split": record.split}
            if record.labels is not None:
                target = Target.model_validate(record.labels)
                said |= {"scaled": target.scaled, "size": target.size}
            lines.write(json.dumps(said) + "\n")
            reporter.progress(number, number)
