"""What a person reads whose rule cannot be used."""

import difflib
from collections.abc import Iterable

from loupe.contract.runtime.errors import InputRefused


class RuleRefused(InputRefused):
    """A rule cannot be read, or does not fit the project.

    Attributes:
        zh: the message in Chinese.
        at: where in the text, from 0; shown from 1.
    """

    code = "rule_refused"

    def __init__(self, en: str, zh: str, at: int = 0) -> None:
        super().__init__(f"Character {at + 1}: {en}")
        self.zh = f"第 {at + 1} 个字符：{zh}"
        self.at = at


def nearest(written: str, known: Iterable[str]) -> tuple[str, str]:
    """“ Did you mean …?” in English and Chinese; empty where nothing is near."""
    near = difflib.get_close_matches(written[:60], list(known)[:5000], n=1, cutoff=0.6)
    return (f" Did you mean {near[0]}?", f"是不是 {near[0]}？") if near else ("", "")


def shown(written: str) -> str:
    """What was written, cut to what a sentence can hold."""
    return repr(written if len(written) <= 40 else written[:39] + "…")
