"""What every runtime offers."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class Runtime(Protocol):
    """A compiled network. `forward` and `look` may be called from several threads at once."""

    name: str

    def look(self, square: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Run one picture, BGR [S, S, 3], and return the head's output, batch first.

        The network sees it as `letterbox.to_network` writes it.
        """

    def forward(self, blob: NDArray[np.float32]) -> NDArray[np.float32]:
        """Run [1, 3, S, S] fp32 and return the head's output, batch first."""

    def close(self) -> None:
        """Free the network."""
