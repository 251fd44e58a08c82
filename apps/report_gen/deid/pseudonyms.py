"""Keyed pseudonyms: equal input gives equal output, and nobody without the key can go back."""

import hashlib
import hmac
import re
from dataclasses import dataclass
from typing import Final

from loupe.contract.runtime.errors import InputRefused

LEAST_KEY: Final = 16
_STANDARD: Final = "1.2.840.10008."
_UID: Final = re.compile(r"^[0-9.]{1,64}$")


@dataclass(frozen=True, slots=True)
class Pseudonyms:
    """Made with one secret key, at least 16 bytes. One key for a whole installation keeps studies
    of a patient together; a key for each export keeps exports apart."""

    key: bytes

    def __post_init__(self) -> None:
        if len(self.key) < LEAST_KEY:
            raise InputRefused(
                f"The key of pseudonyms has {len(self.key)} bytes; at least {LEAST_KEY} are needed."
                " Use secrets.token_bytes(32).",
                code="key_too_short",
            )

    def uid(self, uid: str) -> str:
        """Another UID under 2.25 (PS3.5 B.2), always the same one; those of the standard stay.

        A value that is no UID is text, perhaps a name: it gets another UID as well.
        """
        word = uid.strip("\0 ")
        if not word or (word.startswith(_STANDARD) and _UID.match(word)):
            return word
        return f"2.25.{int.from_bytes(self._digest('uid', word)[:16], 'big')}"

    def patient(self, patient_id: str, issuer: str = "") -> str:
        """A name for a patient, from the identifier, however a machine spaces or cases it, and who
        issued it."""
        plain = " ".join(patient_id.upper().split())
        return f"P{self._digest('patient', f'{issuer}/{plain}').hex()[:16].upper()}"

    def number(self, kind: str, value: str) -> str:
        """A name for any other identifier, such as an accession number; at most 16 characters."""
        return f"N{self._digest(kind, value).hex()[:15].upper()}"

    def _digest(self, kind: str, value: str) -> bytes:
        return hmac.new(self.key, f"{kind}\0{value}".encode(), hashlib.sha256).digest()
