"""Differences word by word: joined again they are the two texts."""

from hypothesis import given
from hypothesis import strategies as st

from apps.report_gen.report import Part
from apps.report_gen.reporting import sentences
from apps.report_gen.reporting.differences import Mark, differences, of_reports
from tests.apps.report_gen.reporting.made import document

WORDS = st.lists(st.sampled_from(["nodule", "8", "mm", "右", "肺", ".", "No", "left"]), max_size=12)


@given(WORDS, WORDS)
def test_pieces_join_to_what_was_and_to_what_is(old: list[str], new: list[str]) -> None:
    before, after = " ".join(old), " ".join(new)
    pieces = differences(before, after)
    assert "".join(one.text for one in pieces if one.mark is not Mark.ADDED) == before
    assert "".join(one.text for one in pieces if one.mark is not Mark.REMOVED) == after


@given(st.text(max_size=40), st.text(max_size=40))
def test_any_text_is_taken_apart_and_joined(before: str, after: str) -> None:
    pieces = differences(before, after)
    assert "".join(one.text for one in pieces if one.mark is not Mark.ADDED) == before
    assert "".join(one.text for one in pieces if one.mark is not Mark.REMOVED) == after


def test_one_changed_word_is_the_one_marked() -> None:
    pieces = differences(
        "There is a nodule on the left side.", "There is a nodule on the right side."
    )
    assert [(one.mark, one.text) for one in pieces if one.mark is not Mark.SAME] == [
        (Mark.REMOVED, "left"),
        (Mark.ADDED, "right"),
    ]


def test_chinese_is_compared_by_character() -> None:
    pieces = differences("左侧胸腔积液。", "右侧胸腔积液。")
    assert [(one.mark, one.text) for one in pieces] == [
        (Mark.REMOVED, "左"),
        (Mark.ADDED, "右"),
        (Mark.SAME, "侧胸腔积液。"),
    ]


def test_a_report_says_which_parts_changed() -> None:
    before = document()
    after = sentences.add(before, Part.IMPRESSION, "Compare with earlier studies.")
    changed = {one.part: one.changed for one in of_reports(before, after)}
    assert changed == {Part.FINDINGS: False, Part.IMPRESSION: True}
