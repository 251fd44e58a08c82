"""Readings as JSON lines, and one reading as text."""

import json
from collections.abc import Iterable
from typing import BinaryIO

from loupe.contract.results import ResultView


def write_lines(results: Iterable[ResultView], file: BinaryIO) -> None:
    """One JSON object a line."""
    for result in results:
        line = {"name": result.name, **result.data.model_dump(), **result.decision.model_dump()}
        file.write(json.dumps(line).encode() + b"\n")


def write_text(results: Iterable[ResultView], file: BinaryIO) -> None:
    """The one reading, for people."""
    for result in results:
        file.write(f"{result.name}: {result.decision.outcome}\n".encode())
