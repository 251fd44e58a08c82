"""How entities are named in the tables: ids that follow from the name, text that can be kept."""

import hashlib
from collections.abc import Iterable
from uuid import UUID

from django.utils.translation import gettext as _

from apps.fraud.services.errors import Unusable

LONGEST_KEY = 256
LONGEST_TRANSACTION = 256


def entity_id(project_id: UUID, type_: str, key: str) -> UUID:
    """The id of an entity: the first 128 bits of BLAKE2b over project, type and identifier.

    It follows from the name, so that a whole block is written without looking anything up.
    """
    return UUID(bytes=entity_digests(project_id, type_, [as_bytes(key)])[0])


def as_bytes(key: str) -> bytes:
    """An identifier, whatever it holds, as UTF-8."""
    return key.encode("utf-8", "surrogatepass")


def entity_digests(project_id: UUID, type_: str, keys: Iterable[bytes]) -> list[bytes]:
    """The bytes of `entity_id` of many identifiers of one type, much quicker than one by one."""
    start = hashlib.blake2b(digest_size=16)
    for part in (project_id.bytes, type_.encode()):
        start.update(len(part).to_bytes(4, "big") + part)
    found = []
    for key in keys:
        digest = start.copy()
        digest.update(len(key).to_bytes(4, "big") + key)
        found.append(digest.digest())
    return found


def storable(text: str, longest: int) -> str:
    """`text` as both databases can keep it: without U+0000 and lone surrogates, and cut."""
    if text.isascii() and "\x00" not in text:
        return text[:longest]
    clean = text.replace("\x00", "\ufffd").encode("utf-8", "replace").decode()
    return clean[:longest]


def required(text: str, name: str, longest: int) -> str:
    """`text` without outer blanks.

    Raises:
        Unusable: it is empty, too long, or holds U+0000.
    """
    text = text.strip()
    if not 1 <= len(text) <= longest or storable(text, longest) != text:
        raise Unusable(
            _("%(name)s has 1 to %(longest)s characters of plain text.")
            % {"name": name, "longest": longest},
            field=name,
        )
    return text
