"""Chinese for sentences that are made where no page is: in readers, sandboxes and the engine.

Such code knows no languages. Its refusals are English, with a stable code, and REST answers with
them. A page looks a sentence up among the app's and the host's `Sentence`s: the English template
gives the parameters back, and the Chinese one takes them.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

LONGEST = 4000
"""Characters of a sentence that is looked up; longer ones are shown as they are."""
_SLOT = re.compile(r"\{(\w+)\}")
NESTED = "sentence"
"""A slot of this name holds a sentence, which is looked up in turn."""


@dataclass(frozen=True)
class Sentence:
    """One sentence in both languages, with named slots such as ``{count}``.

    Attributes:
        code: the code it comes with; empty: any.
    """

    code: str
    en: str
    zh: str

    def __post_init__(self) -> None:
        slots, own = set(_SLOT.findall(self.en)), set(_SLOT.findall(self.zh))
        if not own <= slots or not slots <= own:
            raise ValueError(
                f"{self.en!r} has the slots {sorted(slots)}, its Chinese {sorted(own)}: they "
                "must be the same."
            )

    @cached_property
    def _pattern(self) -> "re.Pattern[str]":
        """The English as an expression that takes the parameters out again."""
        parts, seen, at = [], set(), 0
        for slot in _SLOT.finditer(self.en):
            parts.append(re.escape(self.en[at : slot.start()]))
            name = slot[1]
            parts.append(f"(?P={name})" if name in seen else f"(?P<{name}>.*?)")
            seen.add(name)
            at = slot.end()
        parts.append(re.escape(self.en[at:]))
        return re.compile("".join(parts), re.DOTALL)

    @property
    def fixed(self) -> int:
        """How much of the English is no slot: the most particular template is right."""
        return len(_SLOT.sub("", self.en))

    def parameters(self, said: str) -> dict[str, str] | None:
        """What `said` puts into the slots; None where it is another sentence."""
        found = self._pattern.fullmatch(said)
        return None if found is None else found.groupdict()


class Sentences:
    """A table of sentences, asked by what was said."""

    def __init__(self, sentences: Iterable[Sentence]) -> None:
        ordered = sorted(sentences, key=lambda one: -one.fixed)
        self._all: Sequence[Sentence] = ordered

    def in_chinese(self, said: str, code: str = "") -> str | None:
        """`said` in Chinese; None where the table does not know it.

        Args:
            code: what it came with; sentences of other codes are passed over.
        """
        if len(said) > LONGEST:
            return None
        for one in self._all:
            if code and one.code and one.code != code:
                continue
            found = one.parameters(said)
            if found is not None:
                return one.zh.format_map(self._spoken(found))
        return None

    def _spoken(self, parameters: Mapping[str, str]) -> dict[str, str]:
        nested = parameters.get(NESTED)
        if nested is None:
            return dict(parameters)
        return {**parameters, NESTED: self.in_chinese(nested) or nested}


def read(path: Path) -> tuple[Sentence, ...]:
    """The sentences of a JSON file: a list of objects with ``code``, ``en`` and ``zh``.

    Raises:
        ValueError: slots differ between the two languages, or it is no such file.
    """
    rows = json.loads(path.read_text(encoding="utf-8"))
    return tuple(Sentence(code=row["code"], en=row["en"], zh=row["zh"]) for row in rows)
