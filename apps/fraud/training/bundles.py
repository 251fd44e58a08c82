"""What a project gathered for a training: stored blocks or a table, and the labels that stand.

The host hands it over as a bundle (`loupe.contract.runtime.bundle`); which files there are is said
by `apps.fraud.services.training_data`. Blocks hold what was scored, with identifiers as they were
kept, so nothing is hashed again. A label of the project outweighs one in a table.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from apps.fraud.events import ATTRIBUTE, ENTITY, FRAUD, HONEST, UNKNOWN, fields
from apps.fraud.scheme import Scheme
from apps.fraud.tables.mapping import Mapping as ColumnMapping
from apps.fraud.tables.starts import start_of
from apps.fraud.training import reading
from apps.fraud.training.reading import Read
from loupe.contract.runtime import bundle
from loupe.contract.runtime.block_file import table_of
from loupe.contract.runtime.errors import InputRefused

LABELS, BLOCKS = "labels.jsonl", "blocks/"
_PREFIXES = (("entities.", ENTITY), ("attributes.", ATTRIBUTE))


def read_bundle(folder: Path) -> Read:
    """The transactions of a bundle with their labels.

    Raises:
        InputRefused: it holds no transactions, or a file is damaged.
    """
    about = bundle.describe(folder).get("about", {})
    scheme = Scheme.model_validate(about["scheme"])
    files = list(bundle.records(folder))
    blocks = [one.file for one in files if one.name.startswith(BLOCKS)]
    tables = [one.file for one in files if not one.name.startswith(BLOCKS) and one.name != LABELS]
    if tables:
        mapping = ColumnMapping.model_validate(about["mapping"]) if "mapping" in about else None
        start = start_of(about["start"]) if "start" in about else None
        read = reading.read(tables, scheme=scheme, mapping=mapping, start=start)
    else:
        read = _stored(blocks, scheme)
    labels = next((one.file for one in files if one.name == LABELS), None)
    if labels is None:
        return read
    return _labelled(read, _said(labels))


def _stored(files: Sequence[Path], scheme: Scheme) -> Read:
    """Rows of blocks: those that were taken, each transaction once, as it came first."""
    wanted = fields(scheme)
    parts = [part for file in files if len((part := _block(file, wanted))["id"])]
    if not parts:
        raise InputRefused("There is no transaction in the data.", code="no_rows")
    columns = {name: np.concatenate([part[name] for part in parts]) for name in wanted}
    _ids, first = np.unique(columns["id"], return_index=True)
    keep = np.sort(first)
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.name.encode())
    columns = {name: column[keep] for name, column in columns.items()}
    return Read(scheme, columns, digest.hexdigest(), 0, ())


def _block(file: Path, wanted: Mapping[str, np.dtype]) -> dict[str, np.ndarray]:
    try:
        table = table_of(file)
    except (pa.ArrowException, OSError) as error:
        raise InputRefused(f"The block {file.name} cannot be read: {error}.") from error
    there = set(table.column_names)
    taken = np.ones(table.num_rows, np.bool_)
    if "refused" in there:
        taken &= table["refused"].to_numpy() == ""
    if "repeated" in there:
        taken &= ~table["repeated"].to_numpy().astype(np.bool_)
    found = {}
    for name, kind in wanted.items():
        kept = _kept_name(name)
        if kept in there:
            column = table[kept].to_numpy()[taken]
            found[name] = _worded(column) if kind.kind == "U" else _number(column, kind)
        elif kind.kind == "U":
            found[name] = np.zeros(int(taken.sum()), np.str_)
        else:
            nothing = np.nan if kind.kind == "f" else -1
            found[name] = np.full(int(taken.sum()), nothing, kind)
    return found


def _kept_name(name: str) -> str:
    """What the blocks of results call a column."""
    for kept, prefix in _PREFIXES:
        if name.startswith(prefix):
            return kept + name.removeprefix(prefix)
    return name


def _worded(column: np.ndarray) -> np.ndarray:
    return np.where(column == None, "", column).astype(np.str_)  # noqa: E711 - element by element


def _number(column: np.ndarray, kind: np.dtype) -> np.ndarray:
    """Numbers of dictionaries of text were kept as text."""
    if column.dtype == object:
        column = np.where(_worded(column) == "", "nan", _worded(column))
    return column.astype(kind)


def _said(file: Path) -> dict[str, tuple[int, int]]:
    """By transaction: its label and when it was known."""
    found = {}
    with file.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            try:
                name, label, known = json.loads(line)
                if label not in (HONEST, FRAUD):
                    raise ValueError(f"label {label!r}")
                found[str(name)] = (int(label), int(known))
            except (TypeError, ValueError) as error:
                raise InputRefused(f"{LABELS}, line {number}: {error}.") from error
    return found


def _labelled(read: Read, said: Mapping[str, tuple[int, int]]) -> Read:
    columns = dict(read.columns)
    label, known = columns["label"].copy(), columns["label_known_at"].copy()
    for index, name in enumerate(columns["id"].tolist()):
        told = said.get(name)
        if told is not None:
            label[index], known[index] = told
    columns["label"], columns["label_known_at"] = label, known
    known[label == UNKNOWN] = -1
    return replace(read, columns=columns)
