"""Arrow batches; loaded by the first of them."""

from typing import Any

import pyarrow as pa

from loupe.contract.runtime.errors import InputRefused


def rows_of(body: bytes) -> list[dict[str, Any]]:
    """The rows of an Arrow IPC stream."""
    try:
        with pa.ipc.open_stream(pa.py_buffer(body)) as reader:
            rows: list[dict[str, Any]] = reader.read_all().to_pylist()
    except (pa.ArrowException, OSError) as error:
        raise InputRefused(f"The body is no Arrow stream: {error}.", code="parse_error") from error
    return rows
