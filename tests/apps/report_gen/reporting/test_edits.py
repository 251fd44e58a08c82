"""Edits of sentences and findings: documents stay valid, nothing else changes."""

import pytest

from apps.report_gen.findings import Lobe, Side, State
from apps.report_gen.report import Origin, Part, ReportDocument
from apps.report_gen.reporting import operations
from apps.report_gen.reporting.refusing import EditRefused
from tests.apps.report_gen.reporting.made import document, index_of


def edited(made: ReportDocument, **record: object) -> ReportDocument:
    return operations.apply(made, operations.read(record))


def test_other_words_make_a_sentence_the_readers() -> None:
    made = edited(document(), verb="say", sentence=0, text="  Two\nspaces   go. ")
    assert made.sentences[0].text == "Two spaces go."
    assert made.sentences[0].origin is Origin.READER
    assert made.sentences[1:] == document().sentences[1:]


def test_the_same_words_change_nothing() -> None:
    before = document()
    assert edited(before, verb="say", sentence=0, text=before.sentences[0].text) == before


def test_a_sentence_goes_behind_another_or_to_the_end_of_its_part() -> None:
    before = document()
    made = edited(before, verb="add_sentence", part="findings", text="One.", after=0)
    assert made.sentences[1].text == "One."
    made = edited(before, verb="add_sentence", part="technique", text="Plain CT.")
    assert made.sentences[0].text == "Plain CT."
    made = edited(before, verb="add_sentence", part="impression", text="Last.")
    assert made.sentences[-1].text == "Last."


def test_moving_within_a_part_and_to_another_keeps_every_sentence() -> None:
    before = document()
    made = edited(before, verb="move_sentence", sentence=0, part="findings", place=1)
    assert [each.text for each in made.sentences[:2]] == [
        before.sentences[1].text,
        before.sentences[0].text,
    ]
    made = edited(before, verb="move_sentence", sentence=0, part="impression")
    assert made.sentences[-1].text == before.sentences[0].text
    assert sorted(each.text for each in made.sentences) == sorted(
        each.text for each in before.sentences
    )


def test_text_of_parts_stays_in_the_order_of_a_report_however_sentences_move() -> None:
    made = document()
    for part in ("comparison", "indication"):
        made = edited(made, verb="move_sentence", sentence=0, part=part)
    order = list(Part)
    places = [order.index(each.part) for each in made.sentences]
    assert places == sorted(places)


def test_a_changed_side_drops_lobes_of_the_other_one_and_counts_as_looked_at() -> None:
    made = edited(document(), verb="change_finding", finding="lung_nodule.1", side="left")
    found = made.findings[0]
    assert (found.side, found.lobes, found.changed, found.confirmed) == (Side.LEFT, (), True, True)


def test_lobes_decide_the_side() -> None:
    made = edited(
        document(), verb="change_finding", finding="lung_nodule.1",
        lobes=["left_upper", "right_upper"],
    )  # fmt: skip
    assert made.findings[0].side is Side.BOTH


def test_a_comment_alone_is_no_change_of_the_finding() -> None:
    made = edited(document(), verb="change_finding", finding="lung_nodule.1", comment="Old scar?")
    assert made.findings[0].comment == "Old scar?"
    assert not made.findings[0].changed


def test_properties_that_a_kind_does_not_have_are_refused() -> None:
    with pytest.raises(EditRefused, match="has no size") as caught:
        edited(document(), verb="change_finding", finding="pleural_effusion", size_mm=4)
    assert caught.value.code == "property_refused"


def test_an_added_finding_comes_with_a_sentence_and_takes_the_place_of_its_absence() -> None:
    made = edited(
        document(), verb="add_finding", kind="mass", lobes=["left_lower"], size_mm=41,
        box=[[1, 42], [3, 44], [5, 46]],
    )  # fmt: skip
    mass = next(each for each in made.findings if each.kind == "mass")
    assert mass.state is State.PRESENT
    assert mass.origin is Origin.READER
    assert mass.centre == (21.5, 23.5, 25.5)
    assert mass.lobes == (Lobe.LEFT_LOWER,)
    sentence = made.sentences[index_of(made, mass.id)]
    assert sentence.text == "There is a 41 mm lung mass in the left lower lobe."


def test_a_finding_on_another_side_than_its_lobes_is_not_added() -> None:
    add = {"verb": "add_finding", "kind": "mass", "side": "left", "lobes": ["right_upper"]}
    with pytest.raises(EditRefused, match="side is left, but the lobes lie on this side: right"):
        edited(document(), **add)
    made = edited(document(), **(add | {"side": "right"})).findings[-1]
    assert (made.side, made.lobes) == (Side.RIGHT, (Lobe.RIGHT_UPPER,))


def test_ids_of_removed_findings_are_never_given_again() -> None:
    made = edited(document(), verb="remove_finding", finding="lung_nodule.1")
    made = edited(made, verb="add_finding", kind="lung_nodule", lobes=["left_upper"], size_mm=5)
    ids = [each.id for each in made.findings if each.kind == "lung_nodule"]
    assert ids == ["lung_nodule.r1"]


def test_a_kind_that_is_there_once_is_not_added_twice() -> None:
    with pytest.raises(EditRefused, match="already"):
        edited(document(), verb="add_finding", kind="pleural_effusion", side="right")


def test_a_sentence_is_worded_anew_from_what_its_findings_are_now() -> None:
    made = edited(document(), verb="change_finding", finding="lung_nodule.1", size_mm=11)
    made = edited(made, verb="word_again", sentence=index_of(made, "lung_nodule.1"))
    text = made.sentences[index_of(made, "lung_nodule.1")].text
    assert text == "There is an 11 mm pulmonary nodule in the right upper lobe."


@pytest.mark.parametrize(
    "record",
    [
        {"verb": "say", "sentence": 99, "text": "x"},
        {"verb": "say", "sentence": -1, "text": "x"},
        {"verb": "say", "sentence": 0, "text": "x" * 2001},
        {"verb": "say", "sentence": 0},
        {"verb": "burn"},
        {"verb": "confirm", "finding": "mass.9"},
        {"verb": "tie", "sentence": 0, "findings": ["mass.9"]},
        {"verb": "add_finding", "kind": "dragon"},
        {"verb": "change_finding", "finding": "lung_nodule.1", "size_mm": 0},
        {"verb": "change_finding", "finding": "lung_nodule.1", "side": "middle"},
        {"verb": "change_finding", "finding": "lung_nodule.1", "size_mm": float("nan")},
        {"verb": "remove_sentence", "sentence": 0, "more": 1},
        [],
        None,
        "undo",
    ],
)
def test_what_cannot_be_done_is_refused_with_a_sentence(record: object) -> None:
    with pytest.raises(EditRefused) as caught:
        operations.apply(document(), operations.read(record))
    assert caught.value.message.endswith(".")
