"""A report that was worked on beside a newer draft: what is kept, and what the reader chose."""

from typing import Any

import pytest

from apps.report_gen.findings import State
from apps.report_gen.report import Box, Origin, Part, ReportDocument
from apps.report_gen.reporting import operations
from apps.report_gen.reporting.beside import Beside, Choice, beside
from apps.report_gen.reporting.merging import merged
from apps.report_gen.reporting.refusing import EditRefused
from tests.apps.report_gen.reporting.made import EFFUSION, NODULE, document, index_of, nodule

OPACITY = nodule(id="consolidation", kind="consolidation", size_mm=None, label=0, centre=None,
                 box=None)  # fmt: skip
BEFORE = document(NODULE, EFFUSION)


def still(box: Box) -> Box:
    """Both readings are of one volume."""
    return box


def edited(*records: dict[str, Any], start: ReportDocument = BEFORE) -> ReportDocument:
    made = start
    for record in records:
        made = operations.apply(made, operations.read(record))
    return made


def laid(mine: ReportDocument, draft: ReportDocument) -> Beside:
    return beside(mine, draft, BEFORE, still)


def texts(made: ReportDocument) -> list[str]:
    return [each.text for each in made.sentences]


def test_a_report_nobody_touched_becomes_the_newer_draft() -> None:
    draft = document(nodule(size_mm=12.0), EFFUSION)
    two = laid(BEFORE, draft)
    assert two.by_hand == 0
    assert merged(two, {}) == draft


def test_a_sentence_that_was_reworded_stays_beside_that_of_the_newer_draft() -> None:
    number = index_of(BEFORE, "lung_nodule.1")
    mine = edited({"verb": "say", "sentence": number, "text": "A nodule, seen before."})
    draft = document(nodule(size_mm=12.0), EFFUSION)
    two = laid(mine, draft)
    (row,) = (each for each in two.sentences if each.by_hand)
    assert row.yours is not None
    assert row.newer is not None
    assert (row.yours.text, row.choice) == ("A nodule, seen before.", Choice.YOURS)
    assert "12" in row.newer.text
    kept = merged(two, {})
    assert "A nodule, seen before." in texts(kept)
    assert row.newer.text not in texts(kept)
    other = merged(two, {row.key: Choice.NEWER})
    assert "A nodule, seen before." not in texts(other)
    assert other == draft
    both = merged(two, {row.key: Choice.BOTH})
    at = texts(both).index("A nodule, seen before.")
    assert texts(both)[at + 1] == row.newer.text


def test_a_nodule_of_another_number_is_found_by_its_place() -> None:
    number = index_of(BEFORE, "lung_nodule.1")
    mine = edited({"verb": "say", "sentence": number, "text": "Mine."})
    draft = document(nodule(id="lung_nodule.2"), nodule(
        id="lung_nodule.1", centre=(60.0, 200.0, 200.0),
        box=((56.0, 64.0), (196.0, 204.0), (196.0, 204.0)),
    ), EFFUSION)  # fmt: skip
    kept = next(each for each in merged(laid(mine, draft), {}).sentences if each.text == "Mine.")
    assert kept.findings == ("lung_nodule.2",)


def test_what_was_changed_in_a_finding_stays_and_the_newer_place_and_mask_are_taken() -> None:
    mine = edited({"verb": "change_finding", "finding": "lung_nodule.1", "size_mm": 9.5})
    draft = document(nodule(size_mm=12.0, centre=(41.0, 60.0, 80.0), label=3), EFFUSION)
    two = laid(mine, draft)
    (row,) = two.findings
    found = next(each for each in merged(two, {}).findings if each.id == "lung_nodule.1")
    assert (found.size_mm, found.label, found.centre) == (9.5, 3, (41.0, 60.0, 80.0))
    assert (found.changed, found.confirmed) == (True, True)
    newer = merged(two, {row.key: Choice.NEWER})
    assert next(each for each in newer.findings if each.id == "lung_nodule.1").size_mm == 12.0


def test_a_finding_that_was_removed_stays_away_with_what_would_be_said_of_it() -> None:
    mine = edited(
        {"verb": "remove_sentence", "sentence": index_of(BEFORE, "pleural_effusion")},
        {"verb": "remove_finding", "finding": "pleural_effusion"},
    )
    two = laid(mine, document(nodule(size_mm=12.0), EFFUSION))
    made = merged(two, {})
    assert "pleural_effusion" not in {each.id for each in made.findings}
    told = [each for each in made.sentences if each.part is Part.FINDINGS]
    assert not any("pleural_effusion" in each.findings for each in told)
    everything = dict.fromkeys(two.choices, Choice.NEWER)
    assert "pleural_effusion" in {each.id for each in merged(two, everything).findings}


def test_a_sentence_that_was_removed_does_not_come_back_by_itself() -> None:
    number = index_of(BEFORE, "pleural_effusion")
    mine = edited({"verb": "remove_sentence", "sentence": number})
    two = laid(mine, document(nodule(size_mm=12.0), EFFUSION))
    row = next(each for each in two.sentences if each.by_hand)
    assert (row.yours, row.choice) == (None, Choice.YOURS)
    assert row.newer is not None
    assert row.newer.text not in texts(merged(two, {}))
    assert row.newer.text in texts(merged(two, {row.key: Choice.NEWER}))


def test_a_finding_of_the_readers_own_goes_along_without_a_mask_that_is_another_ones() -> None:
    box = [[30.0, 60.0], [40.0, 60.0], [50.0, 90.0]]
    mine = edited({"verb": "add_finding", "kind": "lung_nodule", "side": "left", "box": box})
    own = next(each for each in mine.findings if each.origin is Origin.READER)
    far = nodule(
        id=own.id, centre=(200.0, 9.0, 9.0), box=((196.0, 204.0), (5.0, 13.0), (5.0, 13.0))
    )
    made = merged(laid(mine, document(NODULE, far, EFFUSION)), {})
    (kept,) = (each for each in made.findings if each.origin is Origin.READER)
    assert kept.id != own.id
    assert (kept.label, kept.box) == (0, own.box)
    assert any(each.findings == (kept.id,) for each in made.sentences)
    assert len({each.id for each in made.findings}) == len(made.findings)


def test_what_both_say_of_a_finding_that_is_there_once_is_one_finding() -> None:
    mine = edited({"verb": "add_finding", "kind": "consolidation", "side": "left"})
    two = laid(mine, document(NODULE, EFFUSION, OPACITY))
    (row,) = two.findings
    made = merged(two, {})
    (kept,) = (each for each in made.findings if each.kind == "consolidation")
    assert (kept.origin, kept.side) == (Origin.READER, "left")
    assert [each.text for each in made.sentences if "consolidation" in each.findings]
    newer = merged(two, {row.key: Choice.NEWER})
    (theirs,) = (each for each in newer.findings if each.kind == "consolidation")
    assert (theirs.origin, theirs.side) == (Origin.MODEL, "right")


def test_a_former_sentence_that_is_chosen_brings_the_finding_it_speaks_of() -> None:
    two = laid(BEFORE, document(EFFUSION))
    row = next(
        each for each in two.sentences if each.yours and "lung_nodule.1" in each.yours.findings
    )
    assert (row.newer, row.by_hand, row.choice) == (None, False, Choice.NEWER)
    assert merged(two, {}) == document(EFFUSION)
    made = merged(two, {row.key: Choice.YOURS})
    (kept,) = (each for each in made.findings if each.kind == "lung_nodule")
    assert (kept.state, kept.origin, kept.label) == (State.PRESENT, Origin.READER, 0)
    assert any(each.findings == (kept.id,) for each in made.sentences)


def test_a_draft_that_was_rejected_leaves_the_newer_one_whole() -> None:
    mine = BEFORE.model_copy(update={"findings": (), "sentences": ()})
    draft = document(nodule(size_mm=12.0), EFFUSION)
    assert merged(beside(mine, draft, None, still), {}) == draft


def test_a_place_outside_the_newer_volume_is_dropped_and_the_finding_is_not() -> None:
    def outside(box: Box) -> Box:
        raise EditRefused("outside")

    box = [[30.0, 60.0], [40.0, 60.0], [50.0, 90.0]]
    mine = edited({"verb": "add_finding", "kind": "mass", "side": "left", "box": box})
    for move in (outside, None):
        made = merged(beside(mine, document(EFFUSION), BEFORE, move), {})
        (kept,) = (each for each in made.findings if each.kind == "mass")
        assert (kept.box, kept.centre, kept.state) == (None, None, State.PRESENT)


@pytest.mark.parametrize("choices", [{"s999": Choice.NEWER}, {"f0": Choice.BOTH}])
def test_what_cannot_be_chosen_is_refused(choices: dict[str, Choice]) -> None:
    mine = edited({"verb": "change_finding", "finding": "lung_nodule.1", "size_mm": 9.5})
    with pytest.raises(EditRefused, match="cannot be chosen"):
        merged(laid(mine, document(nodule(size_mm=12.0), EFFUSION)), choices)
