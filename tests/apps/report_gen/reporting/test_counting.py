"""Corrections are counted by what became of findings and sentences; labels are a plain table."""

import csv
import io
from datetime import UTC, datetime

from apps.report_gen.examples import results
from apps.report_gen.findings import FINDINGS, Side, State
from apps.report_gen.report import Part
from apps.report_gen.reporting import findings, sentences
from apps.report_gen.reporting.chain import GENESIS, Link, broken_at, digest
from apps.report_gen.reporting.counting import corrections
from apps.report_gen.reporting.drafting import drafted, without_draft
from apps.report_gen.reporting.labels import columns, write
from tests.apps.report_gen.reporting.made import document


def test_an_untouched_draft_has_no_corrections() -> None:
    made = document()
    counted = corrections(made, document(confirmed=True)).as_record()
    assert {name: count for name, count in counted.items() if count} == {
        "findings_kept": len(made.findings),
        "sentences_kept": len(made.sentences),
    }


def test_what_was_changed_removed_and_added_is_counted_once_each() -> None:
    before = document()
    after = findings.change(before, "pleural_effusion", side=Side.RIGHT)
    after = findings.remove(after, "lung_nodule.1")
    after = findings.add(after, "cardiomegaly")
    counted = corrections(before, after)
    assert (counted.findings_changed, counted.findings_removed, counted.findings_added) == (1, 1, 1)
    assert counted.sentences_added == 1


def test_a_reworded_sentence_is_changed_and_not_removed_and_added() -> None:
    before = document()
    counted = corrections(before, sentences.say(before, 0, "Otherwise."))
    assert (counted.sentences_changed, counted.sentences_removed, counted.sentences_added) == (
        1, 0, 0,
    )  # fmt: skip


def test_the_table_of_labels_has_a_column_a_kind_and_leaves_doubt_empty() -> None:
    made = findings.change(document(), "pleural_effusion", state=State.UNCERTAIN)
    out = io.StringIO()
    assert write([("2.25.7", made)], out) == 1
    head, row = csv.reader(io.StringIO(out.getvalue()))
    told = dict(zip(head, row, strict=True))
    assert head == columns()
    assert len(head) == len(FINDINGS) + 1
    assert told["VolumeName"] == "2.25.7"
    assert (told["Lung nodule"], told["Pleural effusion"], told["Cardiomegaly"]) == ("1", "", "0")
    assert told["Lung mass"] == "0"


def _links() -> list[tuple[Link, str]]:
    made: list[tuple[Link, str]] = []
    before = GENESIS
    for number in (1, 2, 3):
        link = Link(
            report="r", number=number, state="draft", content_hash="c" * 64, author="user:a",
            at=datetime(2026, 11, number, tzinfo=UTC), reason="", signature=None, previous=before,
        )  # fmt: skip
        before = digest(link)
        made.append((link, before))
    return made


def test_a_chain_holds_and_says_where_it_was_broken() -> None:
    links = _links()
    assert broken_at(links) is None
    assert broken_at([links[0], links[2]]) == 3
    changed = Link(**{**links[1][0].__dict__, "author": "user:b"})
    assert broken_at([links[0], (changed, links[1][1]), links[2]]) == 2


def test_a_draft_tells_how_the_study_was_made_and_what_was_asked() -> None:
    made = drafted(results()[1], "en", " Cough,\n weight loss ")
    assert made.text(Part.INDICATION) == "Cough, weight loss"
    assert made.text(Part.TECHNIQUE) == "CT of the chest, 320 slices at 1.0 mm."
    assert made.not_assessed


def test_a_rejected_draft_leaves_what_its_reader_wrote() -> None:
    made = sentences.add(document(), Part.IMPRESSION, "My own words.")
    made = findings.add(made, "cardiomegaly")
    left = without_draft(made)
    assert [each.kind for each in left.findings] == ["cardiomegaly"]
    assert "My own words." in [each.text for each in left.sentences]
    assert all(each.origin.value == "reader" for each in left.sentences)
