"""The form of an encrypted file: AES-256-GCM in chunks, each bound to its file and its place.

    magic "LOUPEC1\\n" · length of the header (2 bytes) · header (JSON) · chunks

The header holds the key's id, a salt of 32 bytes, the name of the file, the size of a chunk and a
note of the writer's (who sent it; readable without a key, so never a patient).
A key of the file's own is derived from the salt and the whole header (HKDF-SHA-256, RFC 5869), so
a header that was altered, or a file under another's name, opens nothing. Chunk number i has the
nonce i (11 bytes) · last? (1 byte), the STREAM construction (Hoang, Reyhanitabar, Rogaway and
Vizár 2015): a chunk that is missing, cut, moved or taken from another file does not open. The salt
is random, so no key sees a nonce twice.
"""

import base64
import io
import json
import secrets
import struct
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, BinaryIO, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from apps.report_gen.clinical.errors import Tampered
from apps.report_gen.clinical.keys import Keyring

MAGIC: Final = b"LOUPEC1\n"
CHUNK: Final = 1 << 20
_TAG: Final = 16
_LARGEST_HEADER: Final = 4096
_LARGEST_CHUNK: Final = 1 << 24


def sealed(
    pieces: Iterable[bytes | memoryview],
    keyring: Keyring,
    name: str,
    note: Mapping[str, str] | None = None,
) -> Iterator[bytes | memoryview]:
    """The sealed form of the pieces put together, bound to `name`; at most a chunk in memory.

    A block holds until the next one is asked for.
    """
    header = json.dumps(
        {
            "key": keyring.newest,
            "salt": base64.b64encode(secrets.token_bytes(32)).decode(),
            "name": name,
            "chunk": CHUNK,
            "note": dict(note or {}),
        }
    ).encode()
    if len(header) > _LARGEST_HEADER:
        raise ValueError(f"A note may make the header {_LARGEST_HEADER} bytes long at most.")
    cipher = _cipher(keyring.get(keyring.newest), header)
    yield MAGIC + struct.pack(">H", len(header)) + header
    room = _ROOMS.pop() if _ROOMS else _Room()
    try:
        for number, last in enumerate(room.chunks(pieces)):
            yield room.sealed(cipher, _nonce(number, last=last))
    finally:
        _ROOMS.append(room)


class _Room:
    """A chunk and its sealed form, used again and again.

    Fresh memory of that size comes from the system page by page, which takes ten times as long as
    the encryption.
    """

    def __init__(self) -> None:
        self._plain = bytearray()
        self._sealed = bytearray()
        self._have = 0

    def chunks(self, pieces: Iterable[bytes | memoryview]) -> Iterator[bool]:
        """Fill with one chunk after the other; whether it is the last, which may be empty."""
        self._have = 0
        for piece in pieces:
            view = memoryview(piece)
            while len(view):
                if self._have == CHUNK:  # it is not the last: something comes after it
                    yield False
                    self._have = 0
                taken = min(len(view), CHUNK - self._have)
                self._add(view[:taken])
                view = view[taken:]
        yield True

    def sealed(self, cipher: AESGCM, nonce: bytes) -> memoryview:
        """The chunk's sealed form."""
        length = self._have + _TAG
        if len(self._sealed) < length:
            self._sealed = bytearray(length)
        result = memoryview(self._sealed)[:length]
        cipher.encrypt_into(nonce, memoryview(self._plain)[: self._have], None, result)
        return result.toreadonly()

    def _add(self, view: memoryview) -> None:
        end = self._have + len(view)
        if end > len(self._plain):
            self._plain = self._plain[: self._have] + bytearray(max(end - self._have, self._have))
        memoryview(self._plain)[self._have : end] = view
        self._have = end


_ROOMS: Final[deque[_Room]] = deque(maxlen=8)
"""Those nobody fills now."""


class Opened(io.RawIOBase):
    """A sealed file as a readable, seekable stream of what it holds.

    Every chunk is checked when it is read. The end is checked at the start, so a file that was cut
    is refused before anything is given out.

    Raises:
        Tampered: the file is not as it was written, or was not written under this name.
        KeyMissing: the key that sealed it is not there.
    """

    def __init__(self, file: BinaryIO, keyring: Keyring, name: str) -> None:
        super().__init__()
        self._file = file
        self.name = name  # as files have one: pydicom asks for it
        header = self._header()
        self.note: dict[str, str] = header["note"]
        self._size: int = header["chunk"]
        self._cipher = _cipher(keyring.get(header["key"]), self._raw_header)
        whole = file.seek(0, io.SEEK_END) - self._begin
        self._count = max(1, -(-whole // (self._size + _TAG)))
        self.length = whole - self._count * _TAG
        if self.length < 0:
            raise self._tampered("it is cut")
        self._at = 0
        self._held: tuple[int, bytes] = (-1, b"")
        self._chunk(self._count - 1)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self.length}[whence]
        self._at = max(0, base + offset)
        return self._at

    def readinto(self, buffer: "memoryview | bytearray") -> int:  # type: ignore[override]
        if self._at >= self.length:
            return 0
        number, offset = divmod(self._at, self._size)
        part = self._chunk(number)[offset : offset + len(buffer)]
        buffer[: len(part)] = part
        self._at += len(part)
        return len(part)

    def close(self) -> None:
        self._file.close()
        super().close()

    def _chunk(self, number: int) -> bytes:
        if self._held[0] != number:
            self._file.seek(self._begin + number * (self._size + _TAG))
            last = number == self._count - 1
            try:
                opened = self._cipher.decrypt(
                    _nonce(number, last=last), self._file.read(self._size + _TAG), None
                )
            except InvalidTag:
                raise self._tampered(f"chunk {number + 1} of {self._count} does not open") from None
            self._held = (number, opened)
        return self._held[1]

    def _header(self) -> dict[str, Any]:
        start = self._file.read(len(MAGIC) + 2)
        if len(start) < len(MAGIC) + 2 or not start.startswith(MAGIC):
            raise self._tampered("it does not begin as a sealed file")
        (length,) = struct.unpack(">H", start[len(MAGIC) :])
        self._raw_header = self._file.read(min(length, _LARGEST_HEADER))
        self._begin = len(MAGIC) + 2 + length
        try:
            header: dict[str, Any] = json.loads(self._raw_header)
            base64.b64decode(header["salt"], validate=True)
            usable = (
                isinstance(header["key"], str)
                and isinstance(header["note"], dict)
                and isinstance(header["chunk"], int)
                and 0 < header["chunk"] <= _LARGEST_CHUNK
            )
        except (ValueError, KeyError, TypeError):
            usable = False
        if not usable:
            raise self._tampered("its header cannot be read")
        if header.get("name") != self.name:
            raise self._tampered("it was written under another name")
        return header

    def _tampered(self, why: str) -> Tampered:
        return Tampered(
            f"The file {self.name} of the clinical store is not as it was written: {why}. Restore "
            "it from a backup, and find out who could write there."
        )


def _cipher(key: bytes, header: bytes) -> AESGCM:
    salt = base64.b64decode(json.loads(header)["salt"])
    return AESGCM(HKDF(algorithm=SHA256(), length=32, salt=salt, info=header).derive(key))


def _nonce(number: int, *, last: bool) -> bytes:
    return number.to_bytes(11, "big") + (b"\1" if last else b"\0")


def seal_small(content: bytes, keyring: Keyring, place: str) -> bytes:
    """A few kilobytes, for a column of the database, bound to `place`."""
    return b"".join(bytes(block) for block in sealed([content], keyring, place))


def open_small(blob: bytes, keyring: Keyring, place: str) -> bytes:
    """What `seal_small` sealed for the same place.

    Raises:
        Tampered: it is not as it was written, or was written for another place.
        KeyMissing: its key is not there.
    """
    with Opened(io.BytesIO(blob), keyring, place) as stream:
        return stream.read()
