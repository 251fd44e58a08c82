"""The checksum of one part, as tus has it: ``sha1 <base64 of the digest>``."""

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass

from loupe.uploads.errors import ChecksumUnknown

ALGORITHMS = ("sha1", "sha256", "md5")


@dataclass(frozen=True, kw_only=True)
class Checksum:
    """What a part's bytes shall hash to."""

    algorithm: str
    digest: bytes

    def new(self) -> "hashlib._Hash":
        """A running hash; these only tell damage, nothing rests on their strength."""
        return hashlib.new(self.algorithm, usedforsecurity=False)

    def holds(self, running: "hashlib._Hash") -> bool:
        """Whether `running` came to the announced digest."""
        return hmac.compare_digest(running.digest(), self.digest)


def read(header: str) -> Checksum:
    """The value of ``Upload-Checksum``.

    Raises:
        ChecksumUnknown: malformed, or another algorithm.
    """
    algorithm, _, encoded = header.strip().partition(" ")
    if algorithm not in ALGORITHMS:
        raise ChecksumUnknown(
            f"The checksum method {algorithm[:30]!r} is not offered: use one of "
            f"{', '.join(ALGORITHMS)}."
        )
    try:
        digest = base64.b64decode(encoded.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeError):
        digest = b""
    if len(digest) != hashlib.new(algorithm, usedforsecurity=False).digest_size:
        raise ChecksumUnknown(
            f"Upload-Checksum is {header[:80]!r}: send '{algorithm} <base64 of the digest>'."
        )
    return Checksum(algorithm=algorithm, digest=digest)
