"""This installation's clinical store, and what is made with its keys."""

import hashlib
import hmac
import logging
import os
from functools import lru_cache
from pathlib import Path

from django.conf import settings

from apps.report_gen.clinical import keys
from apps.report_gen.clinical.errors import KeyMissing
from apps.report_gen.clinical.store import INBOX, OBJECTS, ClinicalStore
from apps.report_gen.deid.pseudonyms import Pseudonyms
from loupe.host import environment

logger = logging.getLogger("loupe.report_gen")


def root() -> Path:
    """The folder of the store."""
    return Path(settings.VAR) / "clinical"


def keyring() -> keys.Keyring:
    """The keys in use; on first use of an empty store a file of keys is made.

    Raises:
        KeyMissing: the store holds files and there is no key.
        KeyRefused: keys cannot be used as they are.
    """
    return _store(str(root())).keyring


def store() -> ClinicalStore:
    """The store.

    Raises:
        KeyMissing: it holds files and there is no key.
        KeyRefused: keys cannot be used as they are.
    """
    return _store(str(root()))


def keyed_hash(kind: str, value: str) -> str:
    """What an identifier is looked up by: HMAC-SHA-256 in hex, unlike for every other kind."""
    key = keyring().secret("lookup")
    return hmac.new(key, f"{kind}\0{value.strip()}".encode(), hashlib.sha256).hexdigest()


def pseudonyms() -> Pseudonyms:
    """What de-identified studies of this installation are called by; equal for equal input."""
    return Pseudonyms(keyring().secret("pseudonyms"))


def forget() -> None:
    """Read keys and settings anew when they are next needed."""
    _store.cache_clear()


def key_file() -> Path:
    """Where keys lie that the environment does not give."""
    return root() / keys.FILE


@lru_cache(maxsize=4)
def _store(place: str) -> ClinicalStore:
    folder = Path(place)
    found = keys.from_environment(os.environ) or keys.from_file(folder / keys.FILE)
    if found is None:
        if _holds_files(folder):
            raise KeyMissing(
                f"{folder} holds encrypted studies and there is no key: restore {keys.FILE} from a "
                f"backup, or set {keys.KEYS} and {keys.LOOKUP}. No new key is made in their place."
            )
        found = keys.make_file(folder / keys.FILE)
        logger.warning(
            "Made the key of the clinical store, %s. Back it up apart from the data: without it "
            "patients' names and studies cannot be read again.",
            folder / keys.FILE,
        )
    return ClinicalStore(
        folder,
        found,
        least_free=settings.MIN_FREE_BYTES,
        most=environment.number("LOUPE_DICOM_MAX_OBJECT_BYTES", 1 << 30, at_least=1),
    )


def _holds_files(folder: Path) -> bool:
    return any(path.is_file() for part in (INBOX, OBJECTS) for path in (folder / part).glob("**/*"))
