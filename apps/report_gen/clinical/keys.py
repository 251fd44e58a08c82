"""The keys of the clinical store: several that open files, one that seals new ones.

Keys come from the environment or from a file below the variable folder:

* ``LOUPE_CLINICAL_KEYS``: ``id:base64,id:base64``, the newest first, 32 bytes each, and
  ``LOUPE_CLINICAL_LOOKUP_KEY``: base64, 32 bytes, which never changes (lookups and pseudonyms);
* else ``clinical/keys.json`` below LOUPE_VAR, mode 0600, made when the store is first used and
  holds nothing yet.

A key that is gone makes what it sealed unreadable for good, so no key is ever made in place of one
that is missing.
"""

import base64
import binascii
import hashlib
import hmac
import json
import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from apps.report_gen.clinical.errors import KeyMissing, KeyRefused

KEYS: Final = "LOUPE_CLINICAL_KEYS"
LOOKUP: Final = "LOUPE_CLINICAL_LOOKUP_KEY"
FILE: Final = "keys.json"
LENGTH: Final = 32
_ID: Final = re.compile(r"^[a-z0-9-]{1,32}$")


@dataclass(frozen=True, slots=True)
class Keyring:
    """Keys of 32 bytes by their ids; `newest` seals, `lookup` hashes identifiers and stays."""

    newest: str
    keys: Mapping[str, bytes] = field(repr=False)
    lookup: bytes = field(repr=False)

    def get(self, key_id: str) -> bytes:
        """The key that sealed a file.

        Raises:
            KeyMissing: it is not among the keys given.
        """
        try:
            return self.keys[key_id]
        except KeyError:
            known = ", ".join(sorted(self.keys))
            raise KeyMissing(
                f"The key {key_id!r} of the clinical store is missing; known are {known}. Put it "
                f"back into {KEYS} or {FILE}: what it sealed cannot be read without it."
            ) from None

    def secret(self, purpose: str) -> bytes:
        """A key of 32 bytes for one purpose, derived from `lookup` (HMAC-SHA-256)."""
        return hmac.new(self.lookup, purpose.encode(), hashlib.sha256).digest()


def from_environment(environment: Mapping[str, str]) -> Keyring | None:
    """The keys the environment gives; None where it gives none.

    Raises:
        KeyRefused: a key has another form.
        KeyMissing: there are sealing keys and no key for lookups.
    """
    written = environment.get(KEYS, "").strip()
    if not written:
        return None
    keys: dict[str, bytes] = {}
    for word in written.split(","):
        key_id, colon, value = word.strip().partition(":")
        if not colon:
            raise KeyRefused(f"{KEYS} holds an entry without a colon: write id:base64,id:base64.")
        keys[_checked_id(key_id, KEYS)] = _decoded(value, f"{KEYS}, key {key_id!r}")
    lookup = environment.get(LOOKUP, "").strip()
    if not lookup:
        raise KeyMissing(
            f"{KEYS} is set and {LOOKUP} is not: give it 32 bytes in base64, the same ones for as "
            "long as the store lives. Patients are looked up and pseudonyms are made by it."
        )
    return Keyring(newest=next(iter(keys)), keys=keys, lookup=_decoded(lookup, LOOKUP))


def from_file(path: Path) -> Keyring | None:
    """The keys of the file; None where there is no file.

    Raises:
        KeyRefused: it is damaged, or others than its owner may read it.
    """
    try:
        mode = path.stat().st_mode & 0o777
        text = path.read_text()
    except FileNotFoundError:
        return None
    if mode & 0o077:
        raise KeyRefused(
            f"{path} may be read by others (mode {mode:o}): set it to 600, and take new keys if "
            "others could have read it."
        )
    try:
        body = json.loads(text)
        keys = {
            _checked_id(key_id, str(path)): _decoded(value, f"{path}, key {key_id!r}")
            for key_id, value in body["keys"].items()
        }
        newest, lookup = body["newest"], _decoded(body["lookup"], f"{path}, lookup")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise KeyRefused(
            f"{path} is damaged ({type(error).__name__}): restore it from a backup."
        ) from None
    if newest not in keys:
        raise KeyRefused(f"{path} calls {newest!r} the newest key and does not hold it.")
    return Keyring(newest=newest, keys=keys, lookup=lookup)


def make_file(path: Path) -> Keyring:
    """New keys in a new file of mode 0600; if another process was first, its keys.

    Raises:
        KeyRefused: the file that was there is damaged.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = Keyring(
        newest="k1", keys={"k1": secrets.token_bytes(LENGTH)}, lookup=secrets.token_bytes(LENGTH)
    )
    draft = _written(path, fresh)
    try:
        os.link(draft, path)  # fails where the file is there: nobody's keys are overwritten
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    made = from_file(path)
    if made is None:
        raise KeyMissing(f"{path} was there a moment ago and is gone: start again.")
    return made


def rotate_file(path: Path) -> Keyring:
    """Add a key that seals from now on; the others still open what they sealed.

    Raises:
        KeyMissing: there is no file.
        KeyRefused: it is damaged.
    """
    old = from_file(path)
    if old is None:
        raise KeyMissing(f"There is no {path}: keys from {KEYS} are rotated there.")
    number = 1 + sum(1 for _ in old.keys)
    while f"k{number}" in old.keys:
        number += 1
    key_id = f"k{number}"
    new = Keyring(
        newest=key_id,
        keys={key_id: secrets.token_bytes(LENGTH), **old.keys},
        lookup=old.lookup,
    )
    _written(path, new).replace(path)
    return new


def _written(path: Path, keyring: Keyring) -> Path:
    """The keys in a file beside `path`, on the disk."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as stream:
        json.dump(
            {
                "newest": keyring.newest,
                "keys": {
                    name: base64.b64encode(key).decode() for name, key in keyring.keys.items()
                },
                "lookup": base64.b64encode(keyring.lookup).decode(),
            },
            stream,
            indent=1,
        )
        stream.flush()
        os.fsync(stream.fileno())
    return draft


def _checked_id(key_id: str, where: str) -> str:
    if not _ID.match(key_id):
        raise KeyRefused(
            f"{where} has a key called {key_id!r}: use 1 to 32 lower-case letters, digits, hyphens."
        )
    return key_id


def _decoded(value: str, where: str) -> bytes:
    try:
        key = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        raise KeyRefused(f"{where} is not base64.") from None
    if len(key) != LENGTH:
        raise KeyRefused(f"{where} has {len(key)} bytes: {LENGTH} are needed.")
    return key
