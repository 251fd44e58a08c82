"""What every runtime offers: a callable on named values that says what it takes and holds."""

import threading
from abc import ABC, abstractmethod
from collections.abc import Sequence
from types import TracebackType
from typing import Any, ClassVar, Self

import numpy as np

from core_kernels.errors import ArgumentRefused, RuntimeClosed
from core_kernels.runtimes.buckets import check_buckets, pieces
from core_kernels.runtimes.freeing import free_host_memory
from core_kernels.runtimes.ports import Port, Values, is_tensor, ordered

PRECISIONS = ("fp32", "fp16", "bf16", "int8")


class Runtime(ABC):
    """A network that can be called. Calls may come from several threads at once.

    Args:
        inputs, outputs: what it takes and gives, in the order of the network.
        device: ``cpu``, ``cuda:0`` or the name of a device that a third party brings.
        precision: of its arithmetic, one of `PRECISIONS`.
        buckets: static batch sizes; empty takes any batch as it comes. Batches in between are
            padded with zeros, larger ones cut.
    """

    name: ClassVar[str]

    def __init__(
        self,
        inputs: Sequence[Port],
        outputs: Sequence[Port],
        *,
        device: str,
        precision: str,
        buckets: Sequence[int] = (),
    ) -> None:
        self.inputs, self.outputs = tuple(inputs), tuple(outputs)
        self.device, self.precision = device, precision
        self.buckets = check_buckets(buckets) if buckets else ()
        self._calls = threading.Condition()
        self._running = 0
        self._closed = False

    def __call__(self, given: Values) -> dict[str, Any]:
        """Run the network.

        Args:
            given: every input by name; all numpy arrays, or all torch tensors.

        Returns:
            every output by name: arrays for arrays, tensors on this runtime's device for tensors.
            They belong to the caller.

        Raises:
            ArgumentRefused: an input is missing, unknown or of another shape or dtype.
            RuntimeClosed: `close` was called.
        """
        values = ordered(self.inputs, given)
        with self._calls:
            if self._closed:
                raise RuntimeClosed(
                    f"The runtime {self.name} on {self.device} was closed; open it again."
                )
            self._running += 1
        try:
            found = self._in_buckets(values) if self.buckets else self._run(values)
        finally:
            with self._calls:
                self._running -= 1
                self._calls.notify_all()
        return dict(zip((port.name for port in self.outputs), found, strict=True))

    def close(self) -> None:
        """Free everything, once the calls that run have ended; closing again does nothing."""
        with self._calls:
            if self._closed:
                return
            self._closed = True
            self._calls.wait_for(lambda: not self._running)
        self._free()
        free_host_memory()

    @property
    @abstractmethod
    def nbytes(self) -> int:
        """Bytes of memory it holds on its device, as far as its library tells."""

    @abstractmethod
    def _run(self, values: list[Any]) -> list[Any]:
        """Run one batch; with buckets, one of exactly such a size."""

    @abstractmethod
    def _free(self) -> None:
        """Let go of the network."""

    def _in_buckets(self, values: list[Any]) -> list[Any]:
        count = _batch_of(values)
        found = [
            [_cut(output, piece.count) for output in self._run(
                [_padded(_rows(v, piece.start, piece.count), piece.bucket) for v in values]
            )]
            for piece in pieces(count, self.buckets)
        ]  # fmt: skip
        return found[0] if len(found) == 1 else [_joined(parts) for parts in zip(*found)]  # noqa: B905

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _batch_of(values: list[Any]) -> int:
    counts = {int(value.shape[0]) for value in values}
    if len(counts) != 1 or 0 in counts:
        raise ArgumentRefused(
            f"The inputs have batches of {sorted(counts)}; give one number of rows, at least 1."
        )
    return counts.pop()


def _rows(value: Any, start: int, count: int) -> Any:
    return value if start == 0 and len(value) == count else value[start : start + count]


def _cut(value: Any, count: int) -> Any:
    return value if len(value) == count else value[:count]


def _padded(value: Any, bucket: int) -> Any:
    """Rows of zeros appended until there are `bucket`."""
    if len(value) == bucket:
        return value
    shape = (bucket, *value.shape[1:])
    whole = value.new_zeros(shape) if is_tensor(value) else np.zeros(shape, value.dtype)
    whole[: len(value)] = value
    return whole


def _joined(parts: Sequence[Any]) -> Any:
    if not is_tensor(parts[0]):
        return np.concatenate(parts)
    whole = parts[0].new_empty((sum(len(part) for part in parts), *parts[0].shape[1:]))
    start = 0
    for part in parts:
        whole[start : start + len(part)] = part
        start += len(part)
    return whole
