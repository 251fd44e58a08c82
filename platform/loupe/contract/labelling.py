"""How people's labels of an app look, and the layouts they come and go in."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from pydantic import BaseModel

from loupe.contract.runtime.payload import JsonValue
from loupe.contract.runtime.reporter import Reporter
from loupe.contract.text import Text


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One thing wrong with a dataset that was read.

    Attributes:
        file: the path inside the dataset.
        line: from 1; 0 where the problem is not about a line.
        fatal: the record's labels cannot be used: it comes in without any, or, where its own bytes
            are the problem, not at all. Otherwise it is used as it is and this is a warning.
    """

    file: str
    reason: str
    code: str
    line: int = 0
    fatal: bool = True


@dataclass(frozen=True, kw_only=True)
class ReadRecord:
    """One record found in a dataset.

    Attributes:
        name: the path inside the dataset; unique.
        file: where its bytes are.
        labels: valid by the app's label schema; None where it has not been labelled.
        group: the lot, board or part it belongs to, empty where unknown.
        split: ``train``, ``val``, ``test`` where the dataset says so, else empty.
    """

    name: str
    file: Path
    labels: BaseModel | None
    group: str = ""
    split: str = ""


@dataclass(frozen=True, kw_only=True)
class ReadDataset:
    """Everything a reader found. `about` is valid by the app's dataset schema (the classes)."""

    about: BaseModel
    records: Sequence[ReadRecord]
    problems: Sequence[Problem] = field(default_factory=tuple)


class ReadLayout(Protocol):
    """Reads a folder in one layout. Runs in a sandbox; `folder` is hostile."""

    def __call__(self, folder: Path, options: Mapping[str, JsonValue]) -> ReadDataset:
        """Raise `InputRefused` where the folder as a whole is not of this layout."""


class WriteLayout(Protocol):
    """Writes records as one layout, below `folder`, which is empty."""

    def __call__(
        self, about: BaseModel, records: Iterator[ReadRecord], folder: Path, reporter: Reporter
    ) -> None: ...


@dataclass(frozen=True, kw_only=True)
class Layout:
    """One layout of datasets in the field, such as COCO. `recognise` names a function
    ``(folder: Path) -> bool``; `read` a `ReadLayout`, `write` a `WriteLayout`."""

    key: str
    label: Text
    recognise: str
    read: str
    write: str


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """Labels that a model suggests for one record; nothing is stored before a person accepts.

    Attributes:
        labels: valid by the app's label schema.
        scores: how sure the model is of each of them, in the same order, 0 to 1.
    """

    labels: BaseModel
    scores: Sequence[float]


class Propose(Protocol):
    """Turns what a model found into labels for a person to accept. Pure."""

    def __call__(
        self, result: BaseModel, about: BaseModel, operating_point: BaseModel
    ) -> Proposal: ...


@dataclass(frozen=True, kw_only=True)
class Editor:
    """How people draw an app's labels in the browser.

    Attributes:
        template: where the picture is drawn; `panel`: what stands beside it. Both get
            ``record_about`` (the dataset's ``about``) and ``editable``.
        module: the static path of an ES module that exports ``createEditor``; `docs/pages.md` says
            what the host calls of it.
        styles: static paths.
    """

    template: str
    panel: str
    module: str
    styles: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Labelling:
    """What an app's datasets hold.

    Attributes:
        schema: one record's labels; frozen, with a ``schema_version``.
        about_schema: what holds for the whole dataset, such as its classes.
        layouts: the ways in and out, tried in this order when one comes in.
        propose: names a `Propose`: a model's result as labels for a person to accept.
        fingerprint: ``(path: Path, options: dict) -> int``, run in the sandbox: 64 bits of which
            near-duplicates share all but a few.
        check: ``(labels: BaseModel, about: BaseModel) -> None``; raises `InputRefused` for labels
            that do not fit the dataset, such as an unknown class.
        count: ``(labels: BaseModel) -> Mapping[str, int]``: how many labels of each class.
        merge: ``(about: BaseModel, other: BaseModel) -> BaseModel``: the first, extended by what
            only the second has.
        of_model: ``(manifest: Mapping) -> BaseModel``: what a dataset made for a model holds.
        rename: ``(data: BaseModel, old: str, new: str) -> BaseModel``: labels, or an ``about``,
            with that class called `new`; raises `InputRefused` for an ``about`` without `old` or
            with `new`. None: the classes have fixed names.
        overlay: a template that draws ``labels`` (JSON) over a record's small picture, as SVG.
        about_form: a template with the fields of a form that changes ``about`` (JSON); None: people
            edit the JSON itself.
        about_from: ``(sent: Mapping[str, Sequence[str]]) -> BaseModel``: what those fields say.
        editor: how labels are drawn; None: they only come in by the layouts.
    """

    schema: type[BaseModel]
    about_schema: type[BaseModel]
    layouts: tuple[Layout, ...]
    propose: str
    check: str
    count: str
    merge: str
    of_model: str
    fingerprint: str | None = None
    rename: str | None = None
    overlay: str | None = None
    about_form: str | None = None
    about_from: str | None = None
    editor: Editor | None = None
