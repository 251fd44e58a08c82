"""Promises of hashes: keyed, apart by kind, stable, and fingerprints without ambiguity."""

import hashlib

import numpy as np
import pytest

from apps.fraud.tables.keys import Hasher, _person
from loupe.contract.runtime.errors import InputRefused

SECRET = b"a secret of the project"


def words(*texts: str) -> np.ndarray:
    return np.array(texts)


def test_a_hash_is_keyed_blake2b_of_the_identifier() -> None:
    found = Hasher(SECRET).hashed("card", words("4111", "", "é"))
    key = hashlib.blake2b(SECRET).digest()
    wanted = [
        hashlib.blake2b(text.encode(), digest_size=16, key=key, person=_person("card")).hexdigest()
        for text in ("4111", "é")
    ]
    assert found.tolist() == [wanted[0], "", wanted[1]]


def test_another_secret_or_kind_gives_another_hash() -> None:
    one = Hasher(SECRET).hashed("card", words("4111"))[0]
    assert one == Hasher(SECRET).hashed("card", words("4111"))[0]
    assert one != Hasher(SECRET).hashed("customer", words("4111"))[0]
    assert one != Hasher(SECRET + b"!").hashed("card", words("4111"))[0]


def test_parts_of_a_fingerprint_do_not_run_into_each_other() -> None:
    hasher = Hasher(SECRET)
    found = hasher.fingerprint("device", [words("ab", "a", "", ""), words("c", "bc", "", "x")])
    assert found[0] != found[1]
    assert found[2] == ""
    assert len({*found.tolist()}) == 4


def test_what_is_remembered_is_bounded_and_stays_right(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apps.fraud.tables.keys._MOST_KEPT", 5)
    hasher = Hasher(SECRET)
    many = words(*(str(number) for number in range(40)))
    first = hasher.hashed("card", many)
    assert hasher.hashed("card", many).tolist() == first.tolist()
    assert Hasher(SECRET).hashed("card", many[3:5]).tolist() == first[3:5].tolist()


def test_a_missing_or_short_secret_is_refused() -> None:
    for secret in (b"", b"short"):
        with pytest.raises(InputRefused, match="hash_key"):
            Hasher(secret)
