"""What a model takes and gives, as the Open Inference Protocol tells it to clients."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Tensor:
    """One tensor of a model; a size of -1 may be any.

    Attributes:
        datatype: the protocol's word, such as ``UINT8`` or ``FP32``.
    """

    name: str
    datatype: str
    shape: tuple[int, ...]

    def described(self) -> dict[str, Any]:
        """In the protocol's shape."""
        return {"name": self.name, "datatype": self.datatype, "shape": list(self.shape)}


@dataclass(frozen=True, kw_only=True)
class Signature:
    """The tensors of a `Runner`: its class may state them as the attribute ``SIGNATURE``."""

    inputs: tuple[Tensor, ...] = ()
    outputs: tuple[Tensor, ...] = ()
