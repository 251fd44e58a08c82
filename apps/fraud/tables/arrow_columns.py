"""Columns of Arrow as plain arrays."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from apps.fraud.tables.raw import LONGEST_TEXT, Raw, absent, text_column
from loupe.contract.runtime.errors import InputRefused


@contextmanager
def readable(damaged: Callable[[Exception], InputRefused]) -> Iterator[None]:
    """What pyarrow says of damaged bytes becomes a refusal; that memory is short stays as it is."""
    try:
        yield
    except MemoryError:
        raise
    except (pa.ArrowException, OSError, UnicodeDecodeError, OverflowError) as error:
        raise damaged(error) from error


def check_types(schema: pa.Schema, names: tuple[str, ...]) -> None:
    """Refuse columns that hold more than one value a row.

    Raises:
        InputRefused: the first of them, by name.
    """
    for name in names:
        index = schema.get_field_index(name)
        if index >= 0 and not _readable(schema.field(index).type):
            raise InputRefused(
                f"Column {name!r} is of type {str(schema.field(index).type)[:80]}: a column that "
                "is mapped has text, numbers, truth values or times. Flatten it, or map another.",
                code="nested_type",
            )


def flat_names(schema: pa.Schema) -> tuple[str, ...]:
    """The columns that `check_types` does not refuse."""
    return tuple(field.name for field in schema if _readable(field.type))


def raw_of(column: pa.ChunkedArray | pa.Array) -> Raw:
    """A column as it is mapped.

    Raises:
        InputRefused: it is of a type that `check_types` refuses.
    """
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if isinstance(array, pa.ChunkedArray):
        array = pa.concat_arrays(array.chunks) if array.num_chunks else pa.nulls(0)
    kind = array.type
    if pa.types.is_dictionary(kind):
        if pa.types.is_string_view(kind.value_type):
            # There is no kernel that takes from views.
            plain = array.dictionary.cast(pa.large_string())
            array = pa.DictionaryArray.from_arrays(array.indices, plain)
        array = array.dictionary_decode()
        kind = array.type
    if pa.types.is_null(kind):
        return absent(len(array))
    if pa.types.is_decimal(kind) or kind == pa.uint64() or pa.types.is_string_view(kind):
        array = array.cast(pa.large_string())
        kind = array.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return _texts(array)
    missing = _mask(array)
    if pa.types.is_boolean(kind):
        return Raw(_filled(array, False).to_numpy(zero_copy_only=False), missing)
    if pa.types.is_integer(kind):
        return Raw(_filled(array, 0).to_numpy(zero_copy_only=False).astype(np.int64), missing)
    if pa.types.is_floating(kind):
        values = _filled(array, 0.0).to_numpy(zero_copy_only=False)
        return Raw(_decimal_floats(values), missing)
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        zoned = pa.types.is_timestamp(kind) and kind.tz is not None
        milliseconds = array.cast(pa.timestamp("ms"), safe=False).cast(pa.int64())
        values = _filled(milliseconds, 0).to_numpy(zero_copy_only=False)
        return Raw(values.view("datetime64[ms]"), missing, zoned=zoned)
    raise InputRefused(f"A column is of type {str(kind)[:80]}.", code="nested_type")


def _readable(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        return _readable(kind.value_type) and not pa.types.is_dictionary(kind.value_type)
    return any(
        is_it(kind)
        for is_it in (
            *(pa.types.is_null, pa.types.is_boolean, pa.types.is_integer, pa.types.is_floating),
            *(pa.types.is_decimal, pa.types.is_string, pa.types.is_large_string),
            *(pa.types.is_string_view, pa.types.is_timestamp, pa.types.is_date),
        )
    )


def _mask(array: pa.Array) -> np.ndarray:
    if not array.null_count:
        return np.zeros(len(array), dtype=np.bool_)
    found: np.ndarray = pc.is_null(array).to_numpy(zero_copy_only=False)
    return found


def _filled(array: pa.Array, value: object) -> pa.Array:
    return array.fill_null(value) if array.null_count else array


def _decimal_floats(values: np.ndarray) -> np.ndarray:
    """float64; of a float32 the number that its shortest decimal means."""
    if values.dtype == np.float64:
        return values
    with np.errstate(over="ignore", invalid="ignore"):
        found: np.ndarray = values.astype(np.str_).astype(np.float64)
    return found


def _texts(array: pa.Array) -> Raw:
    """Plain text becomes a block of code points at once, other text goes through Python."""
    array = _filled(array, "")
    count = len(array)
    if not count:
        return absent(0)
    kind = np.int64 if pa.types.is_large_string(array.type) else np.int32
    _, offset_buffer, data_buffer = array.buffers()
    offsets = np.frombuffer(offset_buffer, dtype=kind, count=count + 1 + array.offset)
    offsets = offsets[array.offset :].astype(np.int64)
    lengths = np.diff(offsets)
    if data_buffer is None or not lengths.any():
        return absent(count)
    data = np.frombuffer(data_buffer, dtype=np.uint8)[offsets[0] : offsets[-1]]
    widest = int(lengths.max())
    if widest > LONGEST_TEXT or (data >= 0x80).any() or (data == 0).any():
        _check_room(lengths)
        return text_column(array.to_pylist())
    words = np.zeros((count, widest), dtype=np.uint32)
    if (lengths == widest).all():
        words[:] = data.reshape(count, widest)
    else:
        words[np.arange(widest) < lengths[:, None]] = data
    return Raw(words.view(f"<U{widest}").reshape(count), lengths == 0)


def _check_room(lengths: np.ndarray) -> None:
    """A column of a range that is larger than any sensible range of the whole table."""
    total = int(lengths.sum())
    if total > 256 * 2**20:
        raise InputRefused(
            f"A column holds {total:,} bytes of text in {len(lengths):,} rows, which are no "
            "transactions.",
            code="values_too_large",
        )
