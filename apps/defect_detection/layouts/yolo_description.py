"""A YOLO dataset's ``data.yaml``, or the class list that stands in for it, read without trust."""

from dataclasses import dataclass

from apps.defect_detection.layouts import plain_yaml
from apps.defect_detection.layouts.findings import Findings
from apps.defect_detection.layouts.tree import Tree, joined, parent, suffix
from loupe.contract.runtime.errors import InputRefused

SPLITS = {"train": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}
CLASS_LISTS = ("classes.txt", "obj.names")
_KNOWN = {*SPLITS, "path", "names", "nc", "roboflow"}


@dataclass(frozen=True, kw_only=True)
class Description:
    """What it says.

    Attributes:
        file: its path in the tree.
        classes: by number.
        sources: by split, folders and list files as paths in the tree.
    """

    file: str
    classes: tuple[str, ...]
    sources: dict[str, tuple[str, ...]]


def find(tree: Tree) -> str | None:
    """The description nearest to the top that names classes."""
    for name in sorted(tree.files, key=lambda name: (name.count("/"), name)):
        if suffix(name) in {".yaml", ".yml"} and tree.files[name] <= plain_yaml.LARGEST:
            text = tree.text(name)
            if "names" in text or "nc" in text:
                return name
    lists = [name for listed in CLASS_LISTS for name in tree.by_name.get(listed, ())]
    return min(lists, key=lambda name: (name.count("/"), name), default=None)


def read(tree: Tree, findings: Findings) -> Description:
    """The dataset's description.

    Raises:
        InputRefused: there is none, or its class names cannot be read.
    """
    file = find(tree)
    if file is None:
        raise InputRefused(
            "There is no data.yaml (or classes.txt) that names the classes.", code="no_classes_file"
        )
    if suffix(file) not in {".yaml", ".yml"}:
        lines = [line.strip() for line in tree.text(file).splitlines()]
        return Description(file=file, classes=tuple(line for line in lines if line), sources={})
    said = plain_yaml.read(tree.text(file), file)
    if "download" in said:
        findings.warn(
            file,
            "download_ignored",
            "The key 'download' asks readers to fetch or run something. It was ignored: Loupe "
            "never does either.",
        )
    for key in sorted(set(said) - _KNOWN - {"download"}):
        findings.warn(file, "key_ignored", f"The key {key[:60]!r} means nothing here; ignored.")
    base = _base(tree, findings, file, said.get("path"))
    return Description(
        file=file,
        classes=_classes(file, said, findings),
        sources={
            SPLITS[key]: _sources(tree, findings, file, base, key, said[key])
            for key in SPLITS
            if said.get(key)
        },
    )


def _base(tree: Tree, findings: Findings, file: str, said: plain_yaml.Plain | None) -> str:
    """The folder that the splits are relative to: `path`, itself relative to the file."""
    here = parent(file)
    if said is None or said in {"", "null", "~"}:
        return here
    folder = joined(here, said) if isinstance(said, str) else None
    if folder is not None and tree.is_folder(folder):
        return folder
    findings.warn(
        file,
        "path_ignored",
        f"path: {str(said)[:200]!r} is absolute, leaves the dataset or is not there. It was "
        "ignored: paths are taken relative to this file.",
    )
    return here


def _sources(
    tree: Tree,
    findings: Findings,
    file: str,
    base: str,
    key: str,
    said: plain_yaml.Plain,
) -> tuple[str, ...]:
    found = []
    for one in said if isinstance(said, list) else [said]:
        place = _place(tree, base, one) if isinstance(one, str) else None
        if place is None:
            findings.warn(
                file,
                "missing_path",
                f"{key}: {str(one)[:200]!r} is absolute, leaves the dataset or is not there; "
                "nothing was read from it.",
            )
        else:
            found.append(place)
    return tuple(found)


def _place(tree: Tree, base: str, said: str) -> str | None:
    """A folder or a list file. A leading ``../`` too many, as one well-known exporter writes, is
    forgiven."""
    shorter = said
    while shorter.startswith("../"):
        shorter = shorter[3:]
    for candidate in dict.fromkeys((said, shorter)):
        place = joined(base, candidate)
        if place is not None and (place in tree.files or tree.is_folder(place)):
            return place
    return None


def _classes(file: str, said: dict[str, plain_yaml.Plain], findings: Findings) -> tuple[str, ...]:
    names, number = said.get("names"), said.get("nc")
    count = int(number) if isinstance(number, str) and number.isdecimal() else None
    if isinstance(names, list):
        listed = [str(name) for name in names]
    elif isinstance(names, dict):
        listed = _numbered(file, names)
    elif count is not None and count <= 1000:
        findings.warn(file, "unnamed_classes", f"Only nc: {count} is given; the classes got names.")
        listed = [f"class_{index}" for index in range(count)]
    else:
        raise InputRefused(f"{file} names no classes under 'names'.", code="bad_classes")
    if count is not None and count != len(listed):
        findings.warn(
            file, "class_count", f"nc: {count} and {len(listed)} names disagree; the names count."
        )
    return tuple(listed)


def _numbered(file: str, names: dict[str, plain_yaml.Plain]) -> list[str]:
    """``{0: a, 1: b}`` as a list; the numbers must be 0, 1, 2 …"""
    try:
        by_number = {int(key): str(name) for key, name in names.items()}
    except ValueError as error:
        raise InputRefused(
            f"{file}: the keys below 'names' must be the class numbers 0, 1, 2 …",
            code="bad_classes",
        ) from error
    if sorted(by_number) != list(range(len(names))):
        raise InputRefused(
            f"{file}: the class numbers below 'names' are {sorted(by_number)[:10]}; they must be "
            "0, 1, 2 … without gaps.",
            code="bad_classes",
        )
    return [by_number[index] for index in range(len(names))]
