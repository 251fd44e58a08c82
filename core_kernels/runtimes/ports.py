"""What goes into a network and what comes out of it: names, shapes and types."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from core_kernels.errors import ArgumentRefused

DTYPES = ("float64", "float32", "float16", "int64", "int32", "int16", "int8", "uint8", "bool")
Values = Mapping[str, Any]
"""Named numpy arrays or torch tensors, all of one kind."""


@dataclass(frozen=True, kw_only=True)
class Port:
    """One input or output.

    Attributes:
        name: as the network's file calls it.
        shape: sizes; None is any size. The first one is None where requests can be batched.
        dtype: numpy's name for it, one of `DTYPES`.
    """

    name: str
    shape: tuple[int | None, ...]
    dtype: str

    def check(self, value: Any) -> None:
        """Refuse what does not fit.

        Raises:
            ArgumentRefused: the shape or the dtype differs.
        """
        shape, dtype = tuple(value.shape), dtype_name(value)
        fits = len(shape) == len(self.shape) and all(
            wanted in (None, size) for wanted, size in zip(self.shape, shape, strict=True)
        )
        if not fits or dtype != self.dtype:
            wanted = ", ".join("any" if size is None else str(size) for size in self.shape)
            raise ArgumentRefused(
                f"The input {self.name!r} is {dtype} {list(shape)}; give {self.dtype} [{wanted}]."
            )

    def to_json(self) -> dict[str, Any]:
        """As a manifest holds it."""
        return {"name": self.name, "shape": list(self.shape), "dtype": self.dtype}

    @classmethod
    def from_json(cls, said: Mapping[str, Any]) -> "Port":
        """Read it from a manifest.

        Raises:
            ArgumentRefused: a field is missing or has a value that is not allowed.
        """
        try:
            port = cls(
                name=str(said["name"]),
                shape=tuple(None if size is None else int(size) for size in said["shape"]),
                dtype=str(said["dtype"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ArgumentRefused(f"{said!r} describes no input or output: {error!r}.") from error
        if port.dtype not in DTYPES:
            raise ArgumentRefused(
                f"{port.name!r} has the dtype {port.dtype!r}; allowed are {', '.join(DTYPES)}."
            )
        return port


def dtype_name(value: Any) -> str:
    """numpy's name for the dtype of an array or a tensor: ``float32``, ``bool``."""
    return str(value.dtype).removeprefix("torch.")


def is_tensor(value: Any) -> bool:
    """Whether it is a torch tensor, without importing torch."""
    return type(value).__module__.partition(".")[0] == "torch"


def ordered(ports: Sequence[Port], given: Values) -> list[Any]:
    """The values in the order of the ports, each checked.

    Raises:
        ArgumentRefused: one is missing, unknown or does not fit.
    """
    names = [port.name for port in ports]
    if sorted(given) != sorted(names):
        raise ArgumentRefused(
            f"The inputs are {', '.join(map(repr, given)) or 'none'}; this network takes "
            f"{', '.join(map(repr, names))}."
        )
    for port in ports:
        port.check(given[port.name])
    return [given[port.name] for port in ports]


def example_of(ports: Sequence[Port], batch: int, seed: int = 0) -> dict[str, Any]:
    """Inputs to measure with: normal numbers, zeros where no float is taken; None is `batch`."""
    draw = np.random.default_rng(seed)
    return {
        port.name: draw.standard_normal(
            [batch if size is None else size for size in port.shape]
        ).astype(port.dtype)
        if port.dtype.startswith("float")
        else np.zeros([batch if size is None else size for size in port.shape], port.dtype)
        for port in ports
    }
