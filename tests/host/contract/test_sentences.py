"""Chinese for what was said in English: parameters are found again and carried over."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loupe.contract.sentences import LONGEST, Sentence, Sentences, read

TABLE = Sentences(
    [
        Sentence("cut", "{count} boxes of {name} were cut.", "{name} 的 {count} 个框已截断。"),
        Sentence("cut", "{count} boxes were cut.", "{count} 个框已截断。"),
        Sentence("", "{file}: {sentence} Leave it out.", "{file}：{sentence}请略去。"),
        Sentence("", "{name} twice {name}.", "{name} 两次。"),
    ]
)


def test_parameters_are_carried_over() -> None:
    assert TABLE.in_chinese("3 boxes of a.jpg were cut.", "cut") == "a.jpg 的 3 个框已截断。"


def test_the_most_particular_template_is_taken() -> None:
    assert TABLE.in_chinese("3 boxes were cut.") == "3 个框已截断。"


def test_another_code_is_another_sentence() -> None:
    assert TABLE.in_chinese("3 boxes were cut.", "lost") is None


def test_a_sentence_within_a_sentence_is_looked_up_too() -> None:
    found = TABLE.in_chinese("a.txt: 3 boxes were cut. Leave it out.")
    assert found == "a.txt：3 个框已截断。请略去。"
    assert TABLE.in_chinese("a: Who knows. Leave it out.") == "a：Who knows.请略去。"


def test_a_slot_used_twice_means_the_same_both_times() -> None:
    assert TABLE.in_chinese("a twice a.") == "a 两次。"
    assert TABLE.in_chinese("a twice b.") is None


@given(st.text(max_size=200), st.integers())
def test_whatever_is_in_a_slot_comes_out_as_it_was(name: str, count: int) -> None:
    said = f"{count} boxes of {name} were cut."
    assert TABLE.in_chinese(said, "cut") == f"{name} 的 {count} 个框已截断。"


@given(st.text(max_size=300))
def test_what_no_template_says_is_left_alone(said: str) -> None:
    if not said.endswith((" were cut.", " Leave it out.")) and " twice " not in said:
        assert TABLE.in_chinese(said) is None


def test_an_endless_sentence_is_not_looked_up() -> None:
    assert TABLE.in_chinese("3 boxes of " + "a" * LONGEST + " were cut.") is None


def test_slots_must_be_the_same_in_both_languages() -> None:
    with pytest.raises(ValueError, match="must be the same"):
        Sentence("", "{count} boxes.", "{number} 个框。")


def test_a_file_of_sentences_is_read_and_a_wrong_one_refused(tmp_path: Path) -> None:
    file = tmp_path / "sentences.json"
    file.write_text(json.dumps([{"code": "a", "en": "It is {x}.", "zh": "{x}。"}]))
    assert read(file) == (Sentence("a", "It is {x}.", "{x}。"),)
    file.write_text(json.dumps([{"code": "a", "en": "It is {x}.", "zh": "。"}]))
    with pytest.raises(ValueError, match="must be the same"):
        read(file)
