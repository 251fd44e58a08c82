"""What is told of a ring: plain values, without a numerical library."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Evidence:
    """One sentence; `weight` from 0 to 1 orders them."""

    key: str
    weight: float
    en: str
    zh: str


@dataclass(frozen=True)
class Tie:
    """Payer `left` paid payer `right`, or used the entity `right` of the type `relation`."""

    relation: str
    left: str
    right: str
    count: int
    amount: int


@dataclass(frozen=True)
class Ring:
    """Payers who act together. Money in minor units, times in milliseconds UTC.

    `key` stays the same while the member who was seen first stays in the ring. `moved` went
    from member to member; `money` is all that members paid in the window in which the ring shows.
    """

    key: str
    members: tuple[str, ...]
    score: float
    first: int
    last: int
    moved: int
    money: int
    evidence: tuple[Evidence, ...]
    ties: tuple[Tie, ...]
    numbers: dict[str, float]

    def as_json(self) -> dict[str, Any]:
        """Plain JSON; `from_json` takes it back."""
        return {**asdict(self), "members": list(self.members)}

    @classmethod
    def from_json(cls, said: Mapping[str, Any]) -> "Ring":
        """The ring that `as_json` told."""
        return cls(
            **{
                **said,
                "members": tuple(said["members"]),
                "evidence": tuple(Evidence(**one) for one in said["evidence"]),
                "ties": tuple(Tie(**one) for one in said["ties"]),
            }
        )
