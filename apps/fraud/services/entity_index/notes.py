"""One note a block: its entities, to be counted later. Written by the block's own transaction."""

import json
from dataclasses import dataclass
from uuid import UUID

import msgspec
import numpy as np

from apps.fraud.models import Unindexed
from apps.fraud.scheme import Scheme
from apps.fraud.services.naming import as_bytes
from apps.fraud.services.statements import insert_new
from loupe.contract.runtime.columns import Columns


class Note(msgspec.Struct, array_like=True, frozen=True):
    """What a block says of its entities; of each transaction the same place in every column.

    Attributes:
        block: the result block's id.
        keys: per type of the shape an identifier for each transaction; empty: it names none.
        event_ms, amount: int64; `score` float64, `flagged` truth values, all as bytes.
    """

    block: int
    keys: list[list[bytes]]
    event_ms: bytes
    amount: bytes
    score: bytes
    flagged: bytes


@dataclass(frozen=True, kw_only=True)
class Shape:
    """Which types the columns `keys` of a note are of.

    Attributes:
        payer: the type that pays; may be missing from `types`, as any.
        shared: types that join payers who have the same one.
    """

    payer: str
    shared: tuple[str, ...]
    types: tuple[str, ...]

    @classmethod
    def of(cls, text: str) -> "Shape":
        """Back from `text`."""
        payer, shared, types = json.loads(text)
        return cls(payer=payer, shared=tuple(shared), types=tuple(types))

    @property
    def text(self) -> str:
        """Equal for equal shapes."""
        return json.dumps([self.payer, self.shared, self.types])


def write(
    project_id: UUID, block_id: int, scheme: Scheme, columns: Columns, flagged: np.ndarray
) -> None:
    """Have the index count these transactions, soon. A block that is heard of again meanwhile
    changes nothing.

    Args:
        columns: of `ScoredTransaction`, dictionaries spread.
        flagged: bool per row: held back or blocked.
    """
    types = [one.key for one in scheme.entities if columns.get(f"entities.{one.key}") is not None]
    shape = Shape(
        payer=scheme.payer.key,
        shared=tuple(one.key for one in scheme.of_role("instrument", "trait")),
        types=tuple(types),
    )
    note = Note(
        block=block_id,
        keys=[[*map(as_bytes, np.asarray(columns[f"entities.{key}"]).tolist())] for key in types],
        event_ms=np.asarray(columns["event_time"], dtype=np.int64).tobytes(),
        amount=np.asarray(columns["amount"], dtype=np.int64).tobytes(),
        score=np.asarray(columns["score"], dtype=np.float64).tobytes(),
        flagged=np.asarray(flagged, dtype=bool).tobytes(),
    )
    data = msgspec.msgpack.encode(note)
    row = Unindexed(
        project_id=project_id, block=block_id, rows=len(flagged), shape=shape.text, data=data
    )
    insert_new([row])


def read(data: bytes) -> Note:
    """A note as it was written."""
    return msgspec.msgpack.decode(data, type=Note)
