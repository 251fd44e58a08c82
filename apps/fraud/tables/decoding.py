"""Bytes of a text range as UTF-8; line by line where the whole is not in its encoding."""

from dataclasses import dataclass

import numpy as np

from apps.fraud.tables.mapping import Encoding
from apps.fraud.tables.problems import Problem, Problems, shortened


@dataclass(frozen=True)
class Decoded:
    """UTF-8 bytes, and the file's line of each of their lines."""

    data: bytes
    physical: np.ndarray


def decoded(data: bytes, line: int, encoding: Encoding, problems: Problems) -> Decoded:
    """`data`, whose first line is the file's `line`; lines that are not so written are left out."""
    count = data.count(b"\n") + 1
    physical = np.arange(line, line + count, dtype=np.int64)
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        return _by_line(data, physical, encoding, problems)
    return Decoded(data if encoding == "utf-8" else text.encode(), physical)


def _by_line(data: bytes, physical: np.ndarray, encoding: Encoding, problems: Problems) -> Decoded:
    kept: list[bytes] = []
    numbers: list[int] = []
    for number, part in zip(physical.tolist(), data.split(b"\n"), strict=True):
        try:
            text = part.decode(encoding)
        except UnicodeDecodeError:
            shown = shortened(part.decode(encoding, "replace"))
            problems.add(
                Problem(line=number, field="", value=shown, code="bad_encoding", allowed=encoding)
            )
            continue
        kept.append(text.encode())
        numbers.append(number)
    return Decoded(b"\n".join(kept), np.array(numbers or [0], dtype=np.int64))
