"""Sealed files: only whole, unaltered ones under their own name open."""

import base64
import io
import json
import secrets
import struct
from itertools import zip_longest
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.report_gen.clinical.errors import KeyMissing, Tampered
from apps.report_gen.clinical.keys import Keyring
from apps.report_gen.clinical.sealing import CHUNK, MAGIC, Opened, sealed

RING = Keyring(newest="a", keys={"a": b"k" * 32}, lookup=b"l" * 32)
STEP = CHUNK + 16


def written(content: bytes, name: str = "n", ring: Keyring = RING) -> bytes:
    return joined([content], name, ring)


def joined(pieces: list[bytes], name: str = "n", ring: Keyring = RING) -> bytes:
    return b"".join(bytes(block) for block in sealed(pieces, ring, name))


def opened(blob: bytes, name: str = "n", ring: Keyring = RING) -> bytes:
    return Opened(io.BytesIO(blob), ring, name).read()


def begin(blob: bytes) -> int:
    return len(MAGIC) + 2 + struct.unpack(">H", blob[8:10])[0]


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.binary(max_size=300), max_size=6), st.sampled_from([0, CHUNK - 1, CHUNK, CHUNK + 1])
)
def test_pieces_of_any_size_come_back_as_they_were(pieces: list[bytes], more: int) -> None:
    pieces.append(b"\7" * more)
    assert opened(joined(pieces)) == b"".join(pieces)


def test_two_files_that_are_sealed_at_once_do_not_mix() -> None:
    ours, theirs = secrets.token_bytes(CHUNK + 7), secrets.token_bytes(2 * CHUNK)
    streams = [sealed([content], RING, "n") for content in (ours, theirs)]
    found = [b"", b""]
    for blocks in zip_longest(*streams, fillvalue=b""):
        for at, block in enumerate(blocks):
            found[at] += bytes(block)
    assert [opened(one) for one in found] == [ours, theirs]


def test_a_file_that_is_given_up_half_way_leaves_nothing_to_the_next() -> None:
    stream = sealed([b"1" * CHUNK, b"2"], RING, "n")
    next(stream)
    next(stream)
    del stream
    assert opened(written(b"short")) == b"short"


def test_the_form_is_aes_256_gcm_with_a_derived_key() -> None:
    """Opened here by hand, from what the docstring says."""
    blob = written(b"three words here")
    header = blob[10 : begin(blob)]
    key = HKDF(
        algorithm=SHA256(),
        length=32,
        salt=base64.b64decode(json.loads(header)["salt"]),
        info=header,
    ).derive(b"k" * 32)
    plain = AESGCM(key).decrypt(b"\0" * 11 + b"\1", blob[begin(blob) :], None)
    assert plain == b"three words here"


@pytest.mark.parametrize("where", [0, 9, 30, -1, -20])
def test_one_altered_bit_anywhere_is_named(where: int) -> None:
    blob = bytearray(written(b"x" * 1000))
    blob[where] ^= 1
    with pytest.raises((Tampered, KeyMissing)):
        opened(bytes(blob))


@pytest.mark.parametrize("keep", [0, 5, 200, 1])
def test_a_cut_file_is_refused_before_anything_is_read(keep: int) -> None:
    blob = written(secrets.token_bytes(3 * CHUNK))
    cut = blob[:keep] if keep != 1 else blob[: begin(blob) + 2 * STEP]  # at a chunk's edge
    with pytest.raises(Tampered, match="not as it was written"):
        Opened(io.BytesIO(cut), RING, "n")


def test_chunks_cannot_change_places() -> None:
    blob = written(secrets.token_bytes(3 * CHUNK))
    a = begin(blob)
    swapped = blob[:a] + blob[a + STEP : a + 2 * STEP] + blob[a : a + STEP] + blob[a + 2 * STEP :]
    with pytest.raises(Tampered, match="chunk 1 of 3"):
        opened(swapped)


def test_a_chunk_of_another_file_does_not_open() -> None:
    one, other = written(b"a" * 2 * CHUNK), written(b"b" * 2 * CHUNK)
    a, b = begin(one), begin(other)
    with pytest.raises(Tampered):
        opened(one[:a] + other[b : b + STEP] + one[a + STEP :])


def test_a_whole_file_cannot_take_the_place_of_another() -> None:
    with pytest.raises(Tampered, match="another name"):
        opened(written(b"of somebody else", name="other"))


def test_equal_content_is_sealed_differently_each_time() -> None:
    assert written(b"same")[-20:] != written(b"same")[-20:]


def test_an_old_key_still_opens_and_a_missing_one_is_named() -> None:
    blob = written(b"old")
    rotated = Keyring(newest="b", keys={"b": b"n" * 32, "a": b"k" * 32}, lookup=b"l" * 32)
    assert opened(blob, ring=rotated) == b"old"
    assert json.loads(written(b"new", ring=rotated)[10:].split(b"}")[0] + b"}}")["key"] == "b"
    with pytest.raises(KeyMissing, match="'a' of the clinical store is missing; known are b"):
        opened(blob, ring=Keyring(newest="b", keys={"b": b"n" * 32}, lookup=b"l" * 32))


def test_reading_from_the_middle_gives_the_same_bytes(tmp_path: Path) -> None:
    content = secrets.token_bytes(2 * CHUNK + 77)
    stream = Opened(io.BytesIO(written(content)), RING, "n")
    for at, length in ((CHUNK - 5, 10), (0, 3), (2 * CHUNK + 70, 50), (3 * CHUNK, 5)):
        stream.seek(at)
        assert io.BufferedReader(stream).read(length) == content[at : at + length]
        stream = Opened(io.BytesIO(written(content)), RING, "n")
