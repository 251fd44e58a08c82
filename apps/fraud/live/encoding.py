"""Columns of numpy as Arrow record batches and back, without a Python object for each text."""

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from apps.fraud.events import FEATURE
from apps.fraud.live.compiled import compiled
from apps.fraud.live.hashing import code_points

Columns = Mapping[str, NDArray[np.generic]]
LATE, HISTORY = "late", "history"
_KINDS: dict[str, pa.DataType] = {
    "i": pa.int64(), "f": pa.float64(), "U": pa.utf8(), "b": pa.bool_(),
}  # fmt: skip


def batch(
    columns: Columns, names: Sequence[str] = (), values: Sequence[NDArray[np.float32]] = ()
) -> pa.RecordBatch:
    """One record batch of columns, and of features under their names where they are kept: tables
    [n, F], the rows of one after those of the other."""
    fields: list[pa.Field] = []
    arrays: list[pa.Array] = []
    for name, column in columns.items():
        array = _array(column)
        fields.append(pa.field(name, array.type, nullable=False))
        arrays.append(array)
    if values:
        across = np.empty((len(names), sum(map(len, values))), np.float32)
        at = 0
        for table in values:
            across[:, at : at + len(table)] = table.T
            at += len(table)
        for name, row in zip(names, across, strict=True):
            fields.append(pa.field(FEATURE + name, pa.float32(), nullable=False))
            arrays.append(pa.Array.from_buffers(pa.float32(), len(row), [None, pa.py_buffer(row)]))
    return pa.RecordBatch.from_arrays(arrays, schema=pa.schema(fields))


def column(array: pa.Array | pa.ChunkedArray) -> NDArray[np.generic]:
    """One column as numpy has it: text as fixed-width unicode."""
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
        if isinstance(array, pa.ChunkedArray):  # no chunks at all
            array = pa.concat_arrays(array.chunks) if array.num_chunks else pa.array([], array.type)
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    if pa.types.is_string(array.type):
        return words(array)
    found: NDArray[np.generic] = array.to_numpy(zero_copy_only=False)
    return found


def absent(name: str, count: int) -> NDArray[np.generic]:
    """What stands for a column that a part of the log does not have."""
    if name.startswith(FEATURE):
        return np.full(count, np.nan, np.float32)
    if name in ("label", "label_known_at"):
        return np.full(count, -1, np.int64)
    if name in ("event_time", "known_at", "amount", "amount_original", HISTORY):
        return np.zeros(count, np.int64)
    return np.zeros(count, np.bool_ if name == LATE else "U1")


def _array(column: NDArray[np.generic]) -> pa.Array:
    kind = column.dtype.kind
    if kind == "U":
        return texts(column)
    if kind == "b":
        return pa.array(column)
    wide = np.ascontiguousarray(column, np.float64 if kind == "f" else np.int64)
    return pa.Array.from_buffers(
        _KINDS["f" if kind == "f" else "i"], len(wide), [None, pa.py_buffer(wide)]
    )


def texts(column: NDArray[np.generic]) -> pa.Array:
    """Fixed-width unicode as Arrow's UTF-8; lone surrogates, which UTF-8 has not, become U+FFFD."""
    codes = code_points(column)
    offsets = np.empty(len(codes) + 1, np.int32)
    data = np.empty(_measured(codes, offsets), np.uint8)
    _written(codes, offsets, data)
    return pa.StringArray.from_buffers(len(codes), pa.py_buffer(offsets), pa.py_buffer(data))


def words(array: pa.StringArray) -> NDArray[np.str_]:
    """Arrow's UTF-8 as fixed-width unicode, free of the interpreter's lock.

    Where the bytes are no UTF-8, whatever they say stands there; nothing beside them is read.
    """
    if array.null_count:
        return np.array(array.to_pylist(), np.str_)
    _, places, held = array.buffers()
    if not len(array) or places is None:
        return np.zeros(len(array), "U1")
    offsets = np.frombuffer(places, np.int32)[array.offset : array.offset + len(array) + 1]
    data = np.frombuffer(b"" if held is None else held, np.uint8)
    width = max(1, _widest(offsets, data))
    codes = np.zeros((len(array), width), np.uint32)
    _decoded(offsets, data, codes)
    found: NDArray[np.str_] = codes.view(f"U{width}").reshape(len(array))
    return found


@compiled
def _widest(offsets, data):  # type: ignore[no-untyped-def]
    widest = 0
    for n in range(len(offsets) - 1):
        width = 0
        for at in range(offsets[n], offsets[n + 1]):
            width += (data[at] & 0xC0) != 0x80
        widest = max(widest, width)
    return widest


@compiled
def _decoded(offsets, data, codes):  # type: ignore[no-untyped-def]
    """A byte that goes on belongs to the code point before it."""
    for n in range(len(offsets) - 1):
        to = -1
        for at in range(offsets[n], offsets[n + 1]):
            byte = np.uint32(data[at])
            if byte & 0xC0 != 0x80:
                to += 1
                lead = 0x7F if byte < 0x80 else 0x1F if byte < 0xE0 else 0x0F if byte < 0xF0 else 7
                codes[n, to] = byte & np.uint32(lead)
            elif to >= 0:
                codes[n, to] = (codes[n, to] << np.uint32(6)) | (byte & np.uint32(0x3F))


@compiled
def _measured(codes, offsets):  # type: ignore[no-untyped-def]
    total = 0
    for n in range(codes.shape[0]):
        offsets[n] = total
        size = codes.shape[1]
        while size and codes[n, size - 1] == 0:
            size -= 1
        for at in range(size):
            code = codes[n, at]
            total += 1 if code < 0x80 else 2 if code < 0x800 else 3 if code < 0x10000 else 4
    offsets[codes.shape[0]] = total
    return total


@compiled
def _written(codes, offsets, data):  # type: ignore[no-untyped-def]
    for n in range(codes.shape[0]):
        to = offsets[n]
        at = 0
        while to < offsets[n + 1]:
            code = codes[n, at]
            at += 1
            if 0xD800 <= code < 0xE000:
                code = np.uint32(0xFFFD)
            if code < 0x80:
                data[to] = code
                to += 1
                continue
            more = 1 if code < 0x800 else 2 if code < 0x10000 else 3
            data[to] = ((0xFF00 >> (more + 1)) & 0xFF) | (code >> np.uint32(6 * more))
            to += 1
            for step in range(more - 1, -1, -1):
                data[to] = 0x80 | ((code >> np.uint32(6 * step)) & np.uint32(0x3F))
                to += 1
