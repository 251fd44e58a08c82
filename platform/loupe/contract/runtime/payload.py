"""What flows between steps: named arrays plus plain JSON."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np

JsonValue: TypeAlias = bool | int | float | str | list["JsonValue"] | dict[str, "JsonValue"] | None


@dataclass(frozen=True, kw_only=True)
class Payload:
    """Named arrays (shared memory between processes) and JSON-able `meta`.

    `arrays` maps a tensor name to a C-contiguous array of numbers, truth values or fixed-width
    unicode; `meta` carries what is small: sizes,
    scales, file names. Nothing in `meta` may be an array or bytes.
    """

    arrays: Mapping[str, np.ndarray] = field(default_factory=dict)
    meta: Mapping[str, JsonValue] = field(default_factory=dict)

    def about(self, name: str, facts: Mapping[str, str]) -> "Payload":
        """The same payload, with what its input was called and what was said of it in `meta`."""
        told: dict[str, JsonValue] = {"input_name": name, "facts": dict(facts)}
        return Payload(arrays=self.arrays, meta={**self.meta, **told})

    def over(self, other: "Payload") -> "Payload":
        """What `other` says and, where both say something, what this one says."""
        return Payload(arrays={**other.arrays, **self.arrays}, meta={**other.meta, **self.meta})

    def told(self, **said: JsonValue) -> "Payload":
        """The same arrays, with `said` in `meta`."""
        return Payload(arrays=self.arrays, meta={**self.meta, **said})

    @property
    def nbytes(self) -> int:
        """Bytes of all arrays together."""
        return sum(array.nbytes for array in self.arrays.values())
