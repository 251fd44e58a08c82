"""What blocks a signature: each check by a report that is wrong in one way."""

import pytest

from apps.report_gen.findings import Lobe, Side, State
from apps.report_gen.report import Part, ReportDocument
from apps.report_gen.reporting import findings, sentences
from apps.report_gen.reporting.checks import Level, blocking, checks
from tests.apps.report_gen.reporting.made import EFFUSION, document, index_of, nodule


def codes(made: ReportDocument, *, acknowledged: bool = True) -> set[str]:
    return {check.code for check in blocking(checks(made, acknowledged=acknowledged))}


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_confirmed_draft_that_says_what_was_found_can_be_signed(language: str) -> None:
    made = document(language=language, confirmed=True)  # type: ignore[arg-type]
    assert checks(made, acknowledged=True) == ()


def test_each_finding_that_nobody_looked_at_blocks() -> None:
    found = blocking(checks(document(), acknowledged=True))
    assert {(one.code, one.finding) for one in found} == {
        ("finding_unaddressed", "lung_nodule.1"),
        ("finding_unaddressed", "pleural_effusion"),
    }


def test_confirming_changing_or_removing_addresses_a_finding() -> None:
    made = findings.confirm(document(), "lung_nodule.1")
    made = findings.change(made, "pleural_effusion", state=State.ABSENT)
    assert "finding_unaddressed" not in codes(made)
    removed = findings.remove(document(), "lung_nodule.1")
    assert [
        one.finding
        for one in checks(removed, acknowledged=True)
        if one.code == "finding_unaddressed"
    ] == ["pleural_effusion"]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_sentence_on_the_wrong_side_blocks_until_it_is_worded_anew(language: str) -> None:
    made = document(language=language, confirmed=True)  # type: ignore[arg-type]
    made = findings.change(made, "pleural_effusion", side=Side.RIGHT)
    found = [one for one in checks(made, acknowledged=True) if one.code == "side_contradiction"]
    assert {one.level for one in found} == {Level.BLOCK}
    assert {one.finding for one in found} == {"pleural_effusion"}
    for one in found:
        assert one.sentence is not None
        made = sentences.word_again(made, one.sentence)
    assert codes(made) == set()


def test_another_lobe_of_the_same_side_is_a_contradiction_too() -> None:
    made = findings.change(document(confirmed=True), "lung_nodule.1", lobes=(Lobe.RIGHT_LOWER,))
    assert "side_contradiction" in codes(made)


def test_free_words_about_the_other_side_only_warn() -> None:
    made = document(confirmed=True)
    at = index_of(made, "pleural_effusion")
    made = sentences.say(made, at, "Fluid layers along the right chest wall.")
    found = [one for one in checks(made, acknowledged=True) if one.sentence == at]
    assert [(one.code, one.level) for one in found] == [("side_contradiction", Level.WARN)]


@pytest.mark.parametrize(
    "words", ["Nodule of 14 mm.", "Nodule of 1.4 cm.", "结节，14毫米。", "Nodule, 14 x 8 mm."]
)
def test_a_length_that_no_cited_finding_bears_out_blocks(words: str) -> None:
    made = document(confirmed=True)
    made = sentences.say(made, index_of(made, "lung_nodule.1"), words)
    assert "number_without_finding" in codes(made)


@pytest.mark.parametrize(
    "words", ["Nodule of 8 mm.", "Nodule of 0.8 cm.", "CT again in 12 months."]
)
def test_measured_lengths_and_numbers_that_are_none_pass(words: str) -> None:
    made = document(confirmed=True)
    made = sentences.say(made, index_of(made, "lung_nodule.1"), words)
    assert "number_without_finding" not in codes(made)


def test_a_length_in_a_sentence_that_cites_nothing_blocks() -> None:
    made = sentences.add(document(confirmed=True), Part.FINDINGS, "A cyst of 8 mm in the liver.")
    assert "number_without_finding" in codes(made)


def test_a_sentence_about_a_removed_finding_blocks_and_says_how_to_mend_it() -> None:
    made = findings.remove(document(confirmed=True), "lung_nodule.1")
    found = [one for one in checks(made, acknowledged=True) if one.code == "removed_finding_cited"]
    assert {one.mends for one in found} == {"remove_sentence"}
    for one in sorted(found, key=lambda check: -(check.sentence or 0)):
        made = sentences.remove(made, one.sentence or 0)
    assert codes(made) == set()


def test_a_finding_that_no_sentence_speaks_of_blocks() -> None:
    made = document(confirmed=True)
    for at in (index_of(made, "pleural_effusion", Part.IMPRESSION),):
        made = sentences.remove(made, at)
    made = sentences.remove(made, index_of(made, "pleural_effusion"))
    assert "finding_unmentioned" in codes(made)
    assert "finding_unmentioned" not in codes(findings.mention(made, "pleural_effusion"))


def test_saying_that_something_found_is_absent_blocks() -> None:
    made = sentences.add(document(confirmed=True), Part.FINDINGS, "No pleural effusion.")
    assert "state_contradiction" in codes(made)


def test_saying_that_something_absent_is_there_blocks() -> None:
    made = sentences.add(document(confirmed=True), Part.FINDINGS, "There is cardiomegaly.")
    assert "state_contradiction" in codes(made)


@pytest.mark.parametrize("part", [Part.FINDINGS, Part.IMPRESSION])
def test_an_empty_part_that_a_report_needs_blocks(part: Part) -> None:
    made = document(confirmed=True)
    kept = tuple(each for each in made.sentences if each.part is not part)
    assert f"{part.value}_empty" in codes(made.model_copy(update={"sentences": kept}))


def test_a_critical_finding_blocks_until_somebody_acknowledged_it() -> None:
    mass = nodule(id="mass.1", kind="mass", size_mm=42.0)
    made = document(mass, confirmed=True)
    assert "critical_unacknowledged" in codes(made, acknowledged=False)
    assert codes(made, acknowledged=True) == set()


def test_an_uncertain_finding_only_warns_once_it_was_looked_at() -> None:
    unsure = nodule(state=State.UNCERTAIN)
    made = document(unsure, EFFUSION, confirmed=True)
    found = checks(made, acknowledged=True)
    assert [(one.code, one.level) for one in found] == [("finding_uncertain", Level.WARN)]


def test_a_mass_without_a_size_asks_to_be_measured_and_does_not_block() -> None:
    mass = nodule(id="mass.1", kind="mass", size_mm=None)
    found = checks(document(mass, confirmed=True), acknowledged=True)
    assert ("finding_unmeasured", Level.WARN, "mass.1") in [
        (one.code, one.level, one.finding) for one in found
    ]
    measured = nodule(id="mass.1", kind="mass", size_mm=42.0)
    assert "finding_unmeasured" not in codes(document(measured, confirmed=True), acknowledged=True)


def test_every_check_speaks_both_languages() -> None:
    made = findings.remove(document(), "lung_nodule.1")
    made = sentences.add(made, Part.FINDINGS, "")
    for one in checks(made, acknowledged=False):
        assert one.text.en
        assert any("\u4e00" <= sign <= "\u9fff" for sign in one.text.zh)
