"""BLEU and ROUGE-L between texts: reported last, and uninformative.

They rank a report with a wrong fact above a right one in other words; a constant report scores like
published models. BLEU after Papineni et al. (2002) with a smoothed higher order (Chen and Cherry,
2014, method 1), ROUGE-L after Lin (2004), F with β = 1. Words are lower-cased; a Chinese character
is a word.
"""

import math
import re
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

WARNING: Final = (
    "uninformative: these reward wording, not facts; a constant report scores as well as a model"
)
_WORD = re.compile(r"[\u4e00-\u9fff]|[a-z0-9]+(?:[.][0-9]+)?")


def words(text: str) -> list[str]:
    """The words of a text."""
    return _WORD.findall(text.lower())


def bleu(said: Sequence[str], true: Sequence[str], order: int) -> float:
    """Of a corpus, up to n-grams of `order`."""
    hit, total = [0] * order, [0] * order
    length = reference = 0
    for one, other in zip(said, true, strict=True):
        mine, theirs = words(one), words(other)
        length, reference = length + len(mine), reference + len(theirs)
        for n in range(1, order + 1):
            grams, kept = _grams(mine, n), _grams(theirs, n)
            hit[n - 1] += sum(min(count, kept[gram]) for gram, count in grams.items())
            total[n - 1] += sum(grams.values())
    if not length or not hit[0]:
        return 0.0
    logs = [math.log((h or 0.1) / max(1, t)) for h, t in zip(hit, total, strict=True)]
    brevity = min(0.0, 1 - reference / length)
    return math.exp(brevity + sum(logs) / order)


def rouge_l(said: Sequence[str], true: Sequence[str]) -> float:
    """The mean over texts of F from the longest common subsequence."""
    found = []
    for one, other in zip(said, true, strict=True):
        mine, theirs = words(one), words(other)
        common = _common(mine, theirs)
        found.append(2 * common / max(1, len(mine) + len(theirs)))
    return sum(found) / max(1, len(found))


def wording(said: Sequence[str], true: Sequence[str]) -> dict[str, Any]:
    """All of them, with the warning first; and what a constant report scores."""
    constant = [said[0]] * len(said) if said else []
    return {
        "warning": WARNING,
        "bleu_1": round(bleu(said, true, 1), 4),
        "bleu_4": round(bleu(said, true, 4), 4),
        "rouge_l": round(rouge_l(said, true), 4),
        "of_a_constant_report": {
            "bleu_1": round(bleu(constant, true, 1), 4),
            "bleu_4": round(bleu(constant, true, 4), 4),
            "rouge_l": round(rouge_l(constant, true), 4),
        },
    }


def _grams(told: list[str], n: int) -> Counter[tuple[str, ...]]:
    return Counter(tuple(told[at : at + n]) for at in range(len(told) - n + 1))


def _common(one: list[str], other: list[str]) -> int:
    """Length of the longest common subsequence."""
    before = [0] * (len(other) + 1)
    for word in one:
        now = [0]
        for at, same in enumerate(other, 1):
            now.append(before[at - 1] + 1 if word == same else max(before[at], now[-1]))
        before = now
    return before[-1]
