"""Words to tokens: byte-level pairs (Sennrich et al., 2016), learned from the grammar."""

from functools import cache
from pathlib import Path
from typing import Final

from tokenizers import Tokenizer

SHIPPED: Final = Path(__file__).with_name("tokenizer.json")
SPECIAL: Final = (
    "[PAD]", "[UNK]", "[CLS]", "[EN]", "[ZH]", "[FINDINGS]", "[IMPRESSION]", "[END]", "[STOP]",
)  # fmt: skip
PAD, CLS, END, STOP = (SPECIAL.index(name) for name in ("[PAD]", "[CLS]", "[END]", "[STOP]"))
LANGUAGE: Final = {"en": SPECIAL.index("[EN]"), "zh": SPECIAL.index("[ZH]")}
SECTION: Final = {
    "findings": SPECIAL.index("[FINDINGS]"), "impression": SPECIAL.index("[IMPRESSION]"),
}  # fmt: skip
LONGEST_TEXT: Final = 20_000
"""Characters of a clinical text; what follows is not read."""


@cache
def tokenizer(path: Path = SHIPPED) -> Tokenizer:
    """The vocabulary that the model was trained with."""
    return Tokenizer.from_file(str(path))


@cache
def sentence_tokens(text: str) -> tuple[int, ...]:
    """A sentence with its end."""
    return (*tokenizer().encode(text).ids, END)


def text_tokens(text: str, most: int) -> list[int]:
    """A clinical text, at most `most` tokens of it."""
    return [CLS, *tokenizer().encode(text[:LONGEST_TEXT]).ids][:most]
