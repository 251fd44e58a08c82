"""What a check found, and what to write instead."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from loupe.contract.app import DomainApp


@dataclass(frozen=True)
class Problem:
    """One breach of the contract: a full sentence, and a hint that says what to do."""

    sentence: str
    hint: str


Check: TypeAlias = Callable[[type[DomainApp]], Iterator[Problem]]
