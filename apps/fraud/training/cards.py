"""Card precision: of the k cards that look worst on a day, how many really are compromised.

As the Fraud Detection Handbook defines it (chapter 4.4): a card's score on a day is its worst
transaction's; a card that was found compromised is not looked at again on later days.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]


@dataclass(frozen=True)
class CardDays:
    """Rows of one table grouped by day and card, once for any number of scores.

    Attributes:
        group: [n] the number of each row's (day, card).
        day, card: [groups], ordered by day, then card.
        fraud: [groups] whether any of its rows is fraud.
    """

    group: Integers
    day: Integers
    card: Integers
    fraud: NDArray[np.bool_]

    @classmethod
    def of(cls, days: NDArray, cards: NDArray, labels: NDArray) -> "CardDays":
        """Group rows; `cards` may be of any type that can be compared."""
        _, card = np.unique(np.asarray(cards), return_inverse=True)
        width = int(card.max()) + 1 if len(card) else 1
        keys, group = np.unique(np.asarray(days, np.int64) * width + card, return_inverse=True)
        fraud = np.zeros(len(keys), np.bool_)
        fraud[group[np.asarray(labels) == 1]] = True
        return cls(group, keys // width, keys % width, fraud)

    def worst(self, scores: NDArray) -> NDArray[np.float64]:
        """[groups] the highest score of each card on each day."""
        highest = np.full(len(self.day), -np.inf)
        np.maximum.at(highest, self.group, np.asarray(scores, np.float64))
        return highest


def card_precisions(groups: CardDays, scores: NDArray, k: int = 100) -> NDArray[np.float64]:
    """The share of compromised cards among the `k` worst of each day, in order of days.

    Where fewer than k cards are left, the share is still of k. Of equal scores the card that comes
    first counts, as in the Handbook.
    """
    worst = groups.worst(scores)
    found: set[int] = set()
    precisions = []
    for day in np.unique(groups.day):
        here = np.flatnonzero(groups.day == day)
        if found:
            here = here[~np.isin(groups.card[here], np.fromiter(found, np.int64))]
        top = here[np.argsort(-worst[here], kind="stable")[:k]]
        hit = groups.card[top[groups.fraud[top]]]
        found.update(hit.tolist())
        precisions.append(len(hit) / k)
    return np.array(precisions)
