"""Answers of streams as Arrow. Loaded by name where one is asked for."""

import io
import json
from typing import Any

import numpy as np
import pyarrow as pa

from loupe.api.sync.streamed import Piece, Trouble
from loupe.contract.app import DomainApp
from loupe.contract.reading import ARROW
from loupe.contract.runtime.columns import dictionaries, dtypes

_TYPES = {"i": pa.int64(), "f": pa.float64(), "b": pa.bool_(), "U": pa.utf8()}


class ArrowWriter:
    """One Arrow IPC stream; see `loupe.api.sync.streamed.StreamWriter`."""

    media_type = ARROW

    def __init__(self, app: type[DomainApp]) -> None:
        spread = dictionaries(app.result_schema)
        self._scalars = {
            name: _TYPES[dtype.kind]
            for name, dtype in dtypes(app.result_schema).items()
            if name not in spread
        }
        self._schema = pa.schema(
            [
                ("row", pa.int64()),
                *self._scalars.items(),
                ("decision.outcome", pa.utf8()),
                ("decision.score", pa.float64()),
                ("decision.label", pa.utf8()),
                ("decision.reasons", pa.utf8()),
                ("decision.fallback", pa.utf8()),
                ("error.code", pa.utf8()),
                ("error.detail", pa.utf8()),
            ]
        )
        self._sink = io.BytesIO()
        self._writer = pa.ipc.new_stream(self._sink, self._schema)
        self._broken: Trouble | None = None
        self._rows = 0

    def piece(self, piece: Piece) -> bytes:
        """One record batch."""
        self._broken = piece.broken
        self._rows = piece.first + piece.count
        if piece.count:
            self._writer.write_batch(self._batch(piece))
        return self._taken()

    def end(self) -> bytes:
        """The end of the stream; where it was broken, one row without a number says why."""
        if self._broken is not None:
            row: dict[str, Any] = dict.fromkeys(self._schema.names)
            row |= {"error.code": self._broken[0], "error.detail": self._broken[1]}
            batch = pa.RecordBatch.from_pylist([row], schema=self._schema)
            self._writer.write_batch(batch)
        self._writer.close()
        return self._taken()

    def _batch(self, piece: Piece) -> pa.RecordBatch:
        refused = piece.refused()
        columns: dict[str, list[Any]] = {name: [None] * piece.count for name in self._schema.names}
        columns["row"] = list(range(piece.first, piece.first + piece.count))
        for row in range(piece.count):
            code, detail = refused.get(row, ("", ""))
            columns["error.code"][row], columns["error.detail"][row] = code, detail
        if piece.stored is not None and piece.each is not None:
            self._fill(columns, piece)
        return pa.RecordBatch.from_pydict(columns, schema=self._schema)

    def _fill(self, columns: dict[str, list[Any]], piece: Piece) -> None:
        if piece.stored is None or piece.each is None:
            return
        found, decided = piece.stored.found, piece.stored.found.decisions
        told: dict[str, Any] = {
            "decision.outcome": decided.outcome.tolist(),
            "decision.score": decided.score.tolist(),
            "decision.label": decided.label.tolist(),
            "decision.reasons": [
                json.dumps(found.reasons.get(str(row), []), ensure_ascii=False)
                for row in range(len(decided.outcome))
            ],
            "decision.fallback": [piece.stored.fallback] * len(decided.outcome),
        }
        if found.columns is not None:
            for name in self._scalars:
                if name in found.columns:
                    told[name] = np.asarray(found.columns[name]).tolist()
        for name, values in told.items():
            for row, value in zip(piece.each.rows, values, strict=True):
                columns[name][row] = value

    def _taken(self) -> bytes:
        found = self._sink.getvalue()
        self._sink.seek(0)
        self._sink.truncate()
        return found
