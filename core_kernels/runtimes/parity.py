"""How far a runtime's answers lie from those of the eager fp32 oracle."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core_kernels.runtimes.base import Runtime
from core_kernels.runtimes.ports import Port

TOLERANCE = {"fp32": 1e-3, "fp16": 2e-2, "bf16": 1e-1, "int8": None}
"""What an error may be, by precision. fp32 leaves room for TF32 and for another order of sums; a
runtime that computes in bf16 behind one's back is ten times outside. int8 is judged by the task's
own figures, never by this one."""
BATCHES = (1, 3)
"""Batches compared beside the example: one that fills a bucket, one that is padded."""

Arrays = Mapping[str, NDArray[Any]]
Answer = tuple[Arrays, Arrays]
"""Inputs by name, and what the oracle gave for them."""


@dataclass(frozen=True, kw_only=True)
class Parity:
    """What was found over all inputs and outputs.

    Attributes:
        error: the largest ``|a − b| / (|b| + min(1, max |b|))``: relative where values are large,
            absolute below one, and relative to the output's scale where all of it is small.
        absolute: the largest ``|a − b|``.
        tolerance: what `error` may be; None where it is not judged.
        inputs: how many were compared.
        held: no value is missing or not finite where the oracle's is, and the error is allowed.
    """

    error: float
    absolute: float
    tolerance: float | None
    inputs: int
    held: bool

    def to_json(self) -> dict[str, Any]:
        """As a manifest holds it."""
        return asdict(self)


def difference(found: Arrays, expected: Arrays) -> tuple[float, float]:
    """`Parity.error` and `Parity.absolute` of one answer; infinite where shapes or names differ."""
    error = absolute = 0.0
    if sorted(found) != sorted(expected):
        return np.inf, np.inf
    for name, wanted in expected.items():
        got = np.asarray(found[name])
        if got.shape != wanted.shape:
            return np.inf, np.inf
        if not wanted.size:
            continue
        a, b = got.astype(np.float64), wanted.astype(np.float64)
        finite = np.isfinite(b)
        # Where the oracle has nan or inf, the same is wanted.
        if not np.array_equal(
            np.where(finite, 0, b), np.where(np.isfinite(a), 0, a), equal_nan=True
        ):
            return np.inf, np.inf
        a, b = np.where(finite, a, 0), np.where(finite, b, 0)
        apart, size = np.abs(a - b), np.abs(b)
        absolute = max(absolute, float(apart.max()))
        floor = min(1.0, float(size.max()))
        whole = size + floor
        ratio = np.divide(apart, whole, out=np.where(apart > 0, np.inf, 0.0), where=whole > 0)
        error = max(error, float(ratio.max()))
    return error, absolute


def compare(runtime: Runtime, answers: Sequence[Answer]) -> Parity:
    """Run each input and compare with what the oracle gave for it."""
    error = absolute = 0.0
    for given, expected in answers:
        one, apart = difference(runtime(given), expected)
        error, absolute = max(error, one), max(absolute, apart)
    tolerance = TOLERANCE[runtime.precision]
    held = bool(np.isfinite(error)) and (tolerance is None or error <= tolerance)
    return Parity(
        error=error, absolute=absolute, tolerance=tolerance, inputs=len(answers), held=held
    )


def varied(example: Arrays, ports: Sequence[Port], *, batched: bool) -> Iterator[dict[str, Any]]:
    """The example, and inputs made of it that a wrongly frozen branch would answer wrongly.

    Its rows repeated to `BATCHES`; its sign turned; zeros; ten times the values. Integers are only
    repeated, since other values may mean nothing to the network.
    """
    yield dict(example)
    if batched:
        for count in BATCHES:
            yield {name: _repeated(value, count) for name, value in example.items()}
    for change in (-1.0, 0.0, 10.0):
        if any(port.dtype.startswith("float") for port in ports):
            yield {
                name: (value * change).astype(value.dtype) if value.dtype.kind == "f" else value
                for name, value in example.items()
            }


def _repeated(value: NDArray[Any], count: int) -> NDArray[Any]:
    """`count` rows, each moved a little further along the first."""
    rows = np.concatenate([value] * -(-count // len(value)))[:count].copy()
    if rows.dtype.kind == "f":
        scale = 1 + 0.1 * np.arange(count, dtype=rows.dtype)
        rows *= scale.reshape(-1, *[1] * (rows.ndim - 1))
    return rows
