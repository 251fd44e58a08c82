"""Keys of identifiers: SipHash as published, the same whatever the array's width."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.fraud.features.hashing import combined, keys_of
from loupe.contract.runtime.errors import InputRefused

MASK = 2**64 - 1


def siphash(key: bytes, message: bytes) -> int:
    """SipHash-2-4 over bytes, as its paper has it."""
    k0, k1 = int.from_bytes(key[:8], "little"), int.from_bytes(key[8:], "little")
    v = [
        k0 ^ 0x736F6D6570736575,
        k1 ^ 0x646F72616E646F6D,
        k0 ^ 0x6C7967656E657261,
        k1 ^ 0x7465646279746573,
    ]

    def left(value: int, count: int) -> int:
        return (value << count | value >> (64 - count)) & MASK

    def rounds(count: int) -> None:
        for _ in range(count):
            v[0] = (v[0] + v[1]) & MASK
            v[1] = left(v[1], 13) ^ v[0]
            v[0] = left(v[0], 32)
            v[2] = (v[2] + v[3]) & MASK
            v[3] = left(v[3], 16) ^ v[2]
            v[0] = (v[0] + v[3]) & MASK
            v[3] = left(v[3], 21) ^ v[0]
            v[2] = (v[2] + v[1]) & MASK
            v[1] = left(v[1], 17) ^ v[2]
            v[2] = left(v[2], 32)

    padded = message + bytes(7 - len(message) % 8) + bytes([len(message) & 255])
    for at in range(0, len(padded), 8):
        word = int.from_bytes(padded[at : at + 8], "little")
        v[3] ^= word
        rounds(2)
        v[0] ^= word
    v[2] ^= 255
    rounds(4)
    return v[0] ^ v[1] ^ v[2] ^ v[3]


def test_the_tests_own_siphash_gives_the_papers_number() -> None:
    assert siphash(bytes(range(16)), bytes(range(15))) == 0xA129CA6149BE45E5


@settings(deadline=None)
@given(
    st.lists(
        st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=70),
        max_size=8,
    ),
    st.binary(min_size=16, max_size=16),
)
def test_a_key_is_the_siphash_of_the_code_points(words: list[str], secret: bytes) -> None:
    keys = keys_of(np.array(words, np.str_), secret).view(np.uint64).tolist()
    told = [siphash(secret, word.encode("utf-32-le")) if word else 0 for word in words]
    assert keys == told


def test_a_key_does_not_depend_on_the_width_or_byte_order_of_the_array() -> None:
    words = np.array(["a", "né", "中文", "", "\U0001f600"])
    for kind in ("<U5", ">U9", "<U300"):
        np.testing.assert_array_equal(keys_of(words.astype(kind)), keys_of(words))
    np.testing.assert_array_equal(keys_of(np.repeat(words, 2)[::2]), keys_of(words))


@settings(deadline=None)
@given(st.lists(st.integers(-(2**63) + 1, 2**63 - 1), min_size=1, max_size=9))
def test_a_whole_number_has_the_key_of_its_digits(numbers: list[int]) -> None:
    keys = keys_of(np.array(numbers, np.int64))
    np.testing.assert_array_equal(keys, keys_of(np.array([str(one) for one in numbers])))


def test_look_alikes_are_told_apart() -> None:
    words = np.array(["paypal", "pаypal", "pay\u200bpal", "paypal "])
    assert len(set(keys_of(words).tolist())) == 4


def test_keys_of_several_depend_on_their_order() -> None:
    one, other = keys_of(np.array(["a", "b"])), keys_of(np.array(["b", "a"]))
    assert not (combined(one, other) == combined(other, one)).any()


@pytest.mark.parametrize("words", [np.zeros(2), np.array([["a"]]), np.array([b"a"])])
def test_what_is_no_text_is_refused(words: np.ndarray) -> None:
    with pytest.raises(InputRefused, match="unicode or of whole numbers"):
        keys_of(words)


def test_a_secret_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="give 16"):
        keys_of(np.array(["a"]), b"short")
