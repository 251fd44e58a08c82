"""Promises of identifiers: kept as they are, odd ones refused, look-alikes told and kept apart."""

import unicodedata

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.fraud.tables import lookalikes
from apps.fraud.tables.raw import Raw, text_column
from apps.fraud.tables.words import distinct, printed_integers, read_words

PLAIN = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=40)


@settings(deadline=None)
@given(st.lists(PLAIN, min_size=1, max_size=20))
def test_plain_texts_are_kept_to_the_letter(texts: list[str]) -> None:
    found = read_words(text_column(list(texts)))
    fine = [not bad for bad in (found.control | found.long).tolist()]
    for text, value, good in zip(texts, found.values.tolist(), fine, strict=True):
        assert value == text.strip()
        assert good or any(unicodedata.category(char) in {"Mn", "So", "Lo"} for char in text)


@settings(deadline=None)
@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=20))
def test_whole_numbers_are_written_as_python_writes_them(values: list[int]) -> None:
    assert printed_integers(np.array(values, dtype=np.int64)).tolist() == [str(v) for v in values]
    small = [abs(value) % 10**17 for value in values]
    assert printed_integers(np.array(small, dtype=np.int64)).tolist() == [str(v) for v in small]


@settings(deadline=None)
@given(st.lists(st.sampled_from(["a", "b", "ab", "", "é", "aa"]), min_size=1, max_size=30))
def test_distinct_values_are_those_of_a_set(texts: list[str]) -> None:
    words = np.array(texts, dtype=np.str_)
    found, which = distinct(words)
    assert sorted(found.tolist()) == sorted(set(texts))
    assert found[which].tolist() == texts


def test_numbers_that_became_floats_lose_their_point() -> None:
    raw = Raw(np.array([596.0, 0.0, 7.0]), np.array([False, True, False]))
    assert read_words(raw).values.tolist() == ["596", "", "7"]
    raw = Raw(np.array([1.5, 2.0]), np.zeros(2, dtype=np.bool_))
    assert read_words(raw).values.tolist() == ["1.5", "2"]


@pytest.mark.parametrize(
    "text",
    ["a\0", "a\0b", "a\tb", "a\x1b[31m", "a\u202eb", "a\u200bb", "\ufeffa", "a\ud800", "a\x85b"],
)
def test_control_characters_and_invisible_marks_are_found(text: str) -> None:
    found = read_words(text_column([text, "plain"]))
    assert found.control.tolist() == [True, False]


def test_too_long_texts_are_marked_and_never_taken_for_their_beginning() -> None:
    found = read_words(text_column(["x" * 128, "x" * 129, "x" * 100_000]))
    assert found.long.tolist() == [False, True, True]


@pytest.mark.parametrize(
    ("odd", "plain"),
    [
        ("рaypal", "paypal"),
        ("ｐａｙｐａｌ", "paypal"),
        ("Αmazon", "Amazon"),
        ("micro\u0455oft", "microsoft"),
    ],
)
def test_look_alikes_are_told_and_stay_two(odd: str, plain: str) -> None:
    words = np.array([plain, odd, "other"])
    assert lookalikes.found(words) == {1: plain}
    assert lookalikes.found(np.array([odd])) == {0: plain}
    assert len(set(read_words(text_column(words.tolist())).values.tolist())) == 3


def test_words_of_one_alphabet_are_nobodys_look_alikes() -> None:
    words = np.array(["Москва", "Αθήνα", "Zürich", "北京", "café", "plain"])
    assert lookalikes.found(words) == {}


def test_two_odd_twins_are_told_of_each_other() -> None:
    assert lookalikes.found(np.array(["сор", "соp"])) == {1: "соp"} or lookalikes.found(
        np.array(["сор", "соp"])
    ) == {0: "соp", 1: "cop"}
