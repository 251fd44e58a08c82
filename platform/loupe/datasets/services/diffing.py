"""What changed between two versions of a dataset: `diff`."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from django.utils.translation import gettext as _

from loupe.datasets import manifest, vocabulary
from loupe.datasets.errors import DatasetRefused
from loupe.datasets.manifest import Line
from loupe.datasets.models import DatasetVersion


@dataclass(frozen=True, kw_only=True)
class Changed:
    """A record that is in one or both versions. `before` and `after` count its labels by class;
    None where it is not in that version."""

    name: str
    sha256: str
    kind: str
    before: Mapping[str, int] | None
    after: Mapping[str, int] | None
    split_before: str = ""
    split_after: str = ""
    group_before: str = ""
    group_after: str = ""

    @property
    def by_class(self) -> dict[str, int]:
        """How many labels of each class came (positive) or went."""
        change = Counter(self.after or {})
        change.subtract(self.before or {})
        return {name: number for name, number in sorted(change.items()) if number}

    @property
    def moved_only(self) -> bool:
        """Whether the labels differ in their places, not in their numbers."""
        return self.kind == "relabelled" and not self.by_class


@dataclass(frozen=True, kw_only=True)
class Difference:
    """From `older` to `newer`. Records are known by their names.

    Attributes:
        added, removed, replaced: records; a replaced one has other bytes under its name.
        relabelled: records whose labels differ.
        moved: records whose split or group differs, and nothing else.
        classes_added, classes_removed: classes by the labels and the description of the dataset.
    """

    older: DatasetVersion
    newer: DatasetVersion
    added: tuple[Changed, ...] = ()
    removed: tuple[Changed, ...] = ()
    replaced: tuple[Changed, ...] = ()
    relabelled: tuple[Changed, ...] = ()
    moved: tuple[Changed, ...] = ()
    unchanged: int = 0
    about_changed: bool = False
    labels: Mapping[str, int] = field(default_factory=dict)

    @property
    def counts(self) -> dict[str, int]:
        """How many of each kind."""
        return {
            "added": len(self.added),
            "removed": len(self.removed),
            "replaced": len(self.replaced),
            "relabelled": len(self.relabelled),
            "moved": len(self.moved),
            "unchanged": self.unchanged,
        }

    @property
    def same(self) -> bool:
        """Whether nothing differs."""
        return not self.about_changed and self.unchanged == sum(self.counts.values())

    def entries(self) -> tuple[Changed, ...]:
        """Every record that differs, the kinds one after another, by name."""
        return self.added + self.removed + self.replaced + self.relabelled + self.moved


def diff(older: DatasetVersion, newer: DatasetVersion) -> Difference:
    """What is different in `newer`.

    Raises:
        DatasetRefused: they are versions of different datasets.
        BlobMissing: storage has lost a list.
    """
    if older.dataset_id != newer.dataset_id:
        raise DatasetRefused(
            _("%(older)s and %(newer)s are versions of different datasets: compare two of one.")
            % {"older": older, "newer": newer},
            code="different_datasets",
        )
    before = {line.name: line for line in manifest.read(older.manifest)}
    after = {line.name: line for line in manifest.read(newer.manifest)}
    count = _Counting(newer.dataset.app)
    found: dict[str, list[Changed]] = {}
    unchanged = 0
    total: Counter[str] = Counter()
    for name in sorted(before.keys() | after.keys()):
        old, new = before.get(name), after.get(name)
        kind = _kind(old, new)
        if kind == "unchanged":
            unchanged += 1
            continue
        changed = _changed(name, kind, old, new, count)
        found.setdefault(kind, []).append(changed)
        total.update(changed.by_class)
    return Difference(
        older=older,
        newer=newer,
        **{kind: tuple(each) for kind, each in found.items()},
        unchanged=unchanged,
        about_changed=older.about != newer.about,
        labels={name: number for name, number in sorted(total.items()) if number},
    )


class _Counting:
    """Counts labels by class as the app does."""

    def __init__(self, app: str) -> None:
        self._labelling = vocabulary.labelling_of(app)

    def __call__(self, line: Line | None) -> dict[str, int] | None:
        if line is None:
            return None
        labels = self._labelling.schema.model_validate(line.labels)
        return vocabulary.count(self._labelling, labels)


def _kind(old: Line | None, new: Line | None) -> str:
    if old is None:
        return "added"
    if new is None:
        return "removed"
    if old.sha256 != new.sha256:
        return "replaced"
    if old.labels != new.labels:
        return "relabelled"
    return "unchanged" if (old.split, old.group) == (new.split, new.group) else "moved"


def _changed(name: str, kind: str, old: Line | None, new: Line | None, count: _Counting) -> Changed:
    line = new or old
    return Changed(
        name=name,
        sha256=line.sha256 if line is not None else "",
        kind=kind,
        before=count(old),
        after=count(new),
        split_before=old.split if old is not None else "",
        split_after=new.split if new is not None else "",
        group_before=old.group if old is not None else "",
        group_after=new.group if new is not None else "",
    )
