"""Identifiers that look like another and are written with other characters.

They stay two identifiers: the sender's system has two. But somebody may have made one to pass for
the other, so people are told. Only letters of other alphabets and shapes that Unicode calls
compatible are looked at: ``O`` and ``0`` are left to the eye.
"""

import unicodedata
from collections.abc import Iterable, Mapping

import numpy as np

from apps.fraud.tables.raw import matrix

_LATIN = {
    # Cyrillic
    "АВЕЅІЈКМНОРСТУХҮԌԚԜ": "ABESIJKMHOPCTYXYGQW",
    "аеѕіјорсухһԁԛԝѵү": "aesijopcyxhdqwvy",
    # Greek
    "ΑΒΕΖΗΙΚΜΝΟΡΤΥΧ": "ABEZHIKMNOPTYX",
    "αινορυχϲϳ": "aivopuxcj",
    # Armenian, and Latin letters without or with another dot
    "օոսհցԼՕՍ": "ounhgLOU",
    "ıɑɡℓ": "iagl",
    # Cherokee capitals
    "ᎪᏴᏟᎠᎬᎻᎫᏦᏞᎷᏢᎡᏚᎢᏙᎳᎩᏃ": "ABCDEHJKLMPRSTVWYZ",
}
_TABLE = {ord(a): b for many, latin in _LATIN.items() for a, b in zip(many, latin, strict=True)}


def skeleton(text: str) -> str:
    """What is left of a text when letters that look alike are one: equal for look-alikes.

    >>> skeleton("раураl"), skeleton("ｐａｙｐａｌ")
    ('paypal', 'paypal')
    """
    flat = unicodedata.normalize("NFKC", text).translate(_TABLE)
    plain = unicodedata.normalize("NFD", flat)
    # Only marks that hardly show: the dot below, the comma below.
    return unicodedata.normalize("NFC", "".join(c for c in plain if c not in "\u0323\u0326"))


def found(words: np.ndarray, others: Iterable[str] = ()) -> Mapping[int, str]:
    """Rows of ``<U`` words that look like something they are not, with what they look like.

    That is another word of the column or of `others`, or plain Latin text where the word mixes
    alphabets.
    """
    codes = matrix(words)
    rows = np.flatnonzero((codes > 0x7E).any(axis=1)) if codes.size else np.empty(0, np.int64)
    if not len(rows):
        return {}
    suspects = {str(words[row]) for row in rows.tolist()}
    bones = {word: skeleton(word) for word in suspects}
    wanted = set(bones.values())
    plain = {word for word in (*others, *set(words.tolist())) if word in wanted}
    first: dict[str, str] = {bone: bone for bone in plain}
    told: dict[str, str] = {}
    for word in sorted(suspects):
        bone = bones[word]
        if bone == word:
            continue
        twin = first.setdefault(bone, word)
        if twin != word:
            told[word] = twin
        elif bone.isascii() and _mixed(word):
            told[word] = bone
    return {row: told[str(words[row])] for row in rows.tolist() if str(words[row]) in told}


def _mixed(word: str) -> bool:
    """Whether letters of ASCII and letters that only look like them stand in one word."""
    return any(c.isascii() and c.isalpha() for c in word) or any(
        unicodedata.normalize("NFKC", c) != c for c in word
    )
