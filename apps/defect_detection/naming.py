"""What a file's name or a barcode's text says of a part, by a template such as
``{lot}_{serial}_{view}``.

A template is text with fields in braces. A field takes everything up to the text that follows it;
``{serial:8}`` takes exactly eight characters; ``*`` skips up to the text that follows. Matching
walks once over the name and never backtracks, so no name can make it slow, which a regular
expression of the user's could.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import PurePosixPath

from loupe.contract.runtime.errors import LoupeError

FIELDS = ("lot", "serial", "view", "station")
SKIP = "*"
MOST_WIDTH = 100


class TemplateInvalid(LoupeError):
    """A template cannot be read; the message says where and what is allowed."""

    code = "template_invalid"


@dataclass(frozen=True)
class Piece:
    """A field (or `SKIP`) and the text after it; `width` is 0 where the text ends it."""

    field: str
    width: int
    then: str


@dataclass(frozen=True)
class Template:
    """A parsed template: leading text, then pieces."""

    text: str
    start: str
    pieces: tuple[Piece, ...]

    @staticmethod
    @lru_cache(maxsize=256)
    def parse(text: str) -> "Template":
        """Read a template.

        Raises:
            TemplateInvalid: unknown field, brace without its partner, two fields without text
                between them, a field twice, or none at all.
        """
        return _parse(text)

    @property
    def fields(self) -> tuple[str, ...]:
        """What it names."""
        return tuple(piece.field for piece in self.pieces if piece.field != SKIP)

    def match(self, name: str) -> dict[str, str] | None:
        """What `name` says by this template; None where it does not fit the whole of it."""
        if not name.startswith(self.start):
            return None
        at, said = len(self.start), {}
        for number, piece in enumerate(self.pieces):
            end = _end(name, at, piece, last=number == len(self.pieces) - 1)
            if end < 0 or not name.startswith(piece.then, end):
                return None
            value = name[at:end]
            if piece.field != SKIP:
                if not value.strip():
                    return None
                said[piece.field] = value.strip()
            at = end + len(piece.then)
        return said if at == len(name) else None

    def of_file(self, path: str) -> dict[str, str] | None:
        """What a file's path says. Only as many folders count as the template has, and the ending
        counts only where the template has one."""
        parts = PurePosixPath(path.replace("\\", "/")).parts
        wanted = self.text.count("/") + 1
        if len(parts) < wanted:
            return None
        name = "/".join(parts[len(parts) - wanted :])
        last = self.text.rsplit("/", 1)[-1]
        if "." not in last:
            folder, _, file = name.rpartition("/")
            stem = file.rpartition(".")[0] or file
            name = f"{folder}/{stem}" if folder else stem
        return self.match(name)


def _end(name: str, at: int, piece: Piece, *, last: bool) -> int:
    """Where a piece's value ends; -1 where it does not."""
    if piece.width:
        return at + piece.width if at + piece.width <= len(name) else -1
    if not piece.then:
        return len(name)
    # The last text closes the name, so it is looked for from the end.
    return name.rfind(piece.then, at) if last else name.find(piece.then, at)


def _parse(text: str) -> Template:
    start, rest = _literal(text)
    pieces: list[Piece] = []
    while rest:
        if rest[0] == SKIP:
            field, width, rest = SKIP, 0, rest[1:]
        else:
            inside, closed, rest = rest[1:].partition("}")
            if not closed:
                raise TemplateInvalid(f"{text!r} opens a brace that nothing closes. Add '}}'.")
            field, width = _field(inside, text)
        then, rest = _literal(rest)
        if rest and not then and not width:
            raise TemplateInvalid(
                f"{text!r} has nothing between {_shown(field)} and what follows. Put text between "
                "them, or a width such as {serial:8}."
            )
        pieces.append(Piece(field, width, then))
    fields = [piece.field for piece in pieces if piece.field != SKIP]
    if not fields:
        raise TemplateInvalid(
            f"{text!r} names no field. Name one or more of {_known()}, e.g. {{lot}}_{{serial}}."
        )
    twice = next((field for field in fields if fields.count(field) > 1), None)
    if twice is not None:
        raise TemplateInvalid(f"{text!r} names {{{twice}}} twice. Name it once.")
    return Template(text, start, tuple(pieces))


def _field(inside: str, text: str) -> tuple[str, int]:
    name, colon, width = inside.partition(":")
    if name not in FIELDS:
        raise TemplateInvalid(f"{text!r} names {{{name[:30]}}}; there are {_known()}.")
    if not colon:
        return name, 0
    if not (width.isascii() and width.isdigit() and 1 <= int(width[:4]) <= MOST_WIDTH):
        raise TemplateInvalid(
            f"{text!r}: the width {width[:10]!r} is no number from 1 to {MOST_WIDTH}."
        )
    return name, int(width)


def _literal(text: str) -> tuple[str, str]:
    """The plain text a template begins with, and the rest of it."""
    for place, sign in enumerate(text):
        if sign == "}":
            raise TemplateInvalid(f"{text!r} closes a brace that nothing opened. Remove '}}'.")
        if sign in "{*":
            return text[:place], text[place:]
    return text, ""


def _known() -> str:
    return ", ".join(f"{{{field}}}" for field in FIELDS)


def _shown(field: str) -> str:
    return SKIP if field == SKIP else f"{{{field}}}"


def said_by(template: str, texts: Sequence[str], *, files: bool = False) -> dict[str, str]:
    """What the first of `texts` that fits says; empty where none fits or there is no template."""
    if not template:
        return {}
    parsed = Template.parse(template)
    for text in texts:
        found = parsed.of_file(text) if files else parsed.match(text)
        if found is not None:
            return found
    return {}
