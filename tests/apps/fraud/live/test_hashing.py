"""Hashes of columns are SipHash-2-4 of each text, whatever the width of the column."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.fraud.live import hashing

MASK = 2**64 - 1
KEY = (0x0706050403020100, 0x0F0E0D0C0B0A0908)


def rotated(value: int, bits: int) -> int:
    return (value << bits | value >> (64 - bits)) & MASK


def siphash(data: bytes, key: tuple[int, int], *, double: bool) -> list[int]:
    """SipHash-2-4 from its paper, with 128 bits where `double`."""
    v = [
        key[0] ^ 0x736F6D6570736575, key[1] ^ 0x646F72616E646F6D,
        key[0] ^ 0x6C7967656E657261, key[1] ^ 0x7465646279746573,
    ]  # fmt: skip
    v[1] ^= 0xEE if double else 0

    def rounds(count: int) -> None:
        for _ in range(count):
            v[0] = (v[0] + v[1]) & MASK
            v[1] = rotated(v[1], 13) ^ v[0]
            v[0] = rotated(v[0], 32)
            v[2] = (v[2] + v[3]) & MASK
            v[3] = rotated(v[3], 16) ^ v[2]
            v[0] = (v[0] + v[3]) & MASK
            v[3] = rotated(v[3], 21) ^ v[0]
            v[2] = (v[2] + v[1]) & MASK
            v[1] = rotated(v[1], 17) ^ v[2]
            v[2] = rotated(v[2], 32)

    padded = data + bytes(-(len(data) + 1) % 8) + bytes([len(data) % 256])
    for at in range(0, len(padded), 8):
        word = int.from_bytes(padded[at : at + 8], "little")
        v[3] ^= word
        rounds(2)
        v[0] ^= word
    v[2] ^= 0xEE if double else 0xFF
    rounds(4)
    told = [v[0] ^ v[1] ^ v[2] ^ v[3]]
    if double:
        v[1] ^= 0xDD
        rounds(4)
        told.append(v[0] ^ v[1] ^ v[2] ^ v[3])
    return told


def test_the_oracle_gives_the_published_vectors() -> None:
    assert siphash(bytes(range(15)), KEY, double=False) == [0xA129CA6149BE45E5]
    empty = b"".join(part.to_bytes(8, "little") for part in siphash(b"", KEY, double=True))
    assert empty.hex() == "a3817f04ba25a8e66df67214c7550293"


@settings(deadline=None)
@given(st.lists(st.text(st.characters(exclude_characters="\0"), max_size=40), min_size=1))
def test_identities_are_siphash_of_the_text(texts: list[str]) -> None:
    high, low = hashing.identities(np.array(texts), KEY)
    expected = [
        siphash(text.encode("utf-32-le", "surrogatepass"), KEY, double=True) for text in texts
    ]
    assert [[int(a), int(b)] for a, b in zip(high, low, strict=True)] == expected


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(0, MASK),
            st.text(st.characters(exclude_characters="\0"), max_size=9),
            st.integers(-(2**63), 2**63 - 1),
        ),
        min_size=1,
    )
)
def test_chains_take_text_and_numbers_in_turn(rows: list[tuple[int, str, int]]) -> None:
    before = np.array([row[0] for row in rows], np.uint64)
    middle = hashing.chained(before, np.array([row[1] for row in rows]), KEY)
    after = hashing.chained(middle, np.array([row[2] for row in rows]), KEY)
    for row, (start, text, number) in enumerate(rows):
        (first,) = siphash(
            start.to_bytes(8, "little") + text.encode("utf-32-le", "surrogatepass"), KEY,
            double=False,
        )  # fmt: skip
        data = first.to_bytes(8, "little") + number.to_bytes(8, "little", signed=True)
        assert [int(after[row])] == siphash(data, KEY, double=False)


def test_the_width_of_a_column_does_not_matter() -> None:
    texts = ["a", "", "名前"]
    narrow, wide = np.array(texts), np.array(texts, "U70")
    for one, other in zip(
        hashing.identities(narrow, KEY), hashing.identities(wide, KEY), strict=True
    ):
        assert one.tolist() == other.tolist()
