"""What every runtime offers."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from loupe.contract.runtime.lanes import Batching


class Looks(Protocol):
    """Something that sees one picture at a time."""

    def look(self, square: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Run one picture, BGR [S, S, 3], and return the head's output, batch first.

        The network sees it as `letterbox.to_network` writes it.
        """


class Runtime(Looks, Protocol):
    """A compiled network. All but `close` may be called from several threads at once.

    `batching` is what one call gains from several pictures.
    """

    name: str
    batching: Batching

    def look_at_all(self, squares: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Run pictures [N, S, S, 3] of a call, N up to ``batching.max_items``."""

    def forward(self, blob: NDArray[np.float32]) -> NDArray[np.float32]:
        """Run [1, 3, S, S] fp32 and return the head's output, batch first."""

    def close(self) -> None:
        """Free the network."""
