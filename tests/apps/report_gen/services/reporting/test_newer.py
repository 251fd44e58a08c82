"""A study that was read again: the newer draft lies beside the report, and nothing is lost."""

import pytest

from apps.report_gen.models import Report, ReportVersion, Study
from apps.report_gen.report import Origin, Part, ReportDocument
from apps.report_gen.reporting.beside import Choice
from apps.report_gen.reporting.differences import Mark
from apps.report_gen.reporting.refusing import EditRefused
from apps.report_gen.services.reporting import editing, newer, reports
from apps.report_gen.services.reporting.errors import Changed, Closed
from loupe.audit.models import Event
from loupe.host.people import Denied
from loupe.host.results import Result
from tests.apps.report_gen.desk import Desk, fresh, result
from tests.apps.report_gen.reporting.made import EFFUSION, NODULE, nodule


def read_again(desk: Desk, study: Study, uid: str = "9") -> None:
    """A newer model sees the effusion alone, and another nodule."""
    other = desk.study(nodule(id="lung_nodule.1", size_mm=12.0), EFFUSION, uid=f"{study.uid}.{uid}")
    row = Result.objects.get(pk=other.result_id or 0)
    row.data = result(nodule(size_mm=12.0), EFFUSION, uid=study.uid).model_dump(mode="json")
    row.save()
    Study.objects.filter(pk=study.pk).update(result_id=row.pk)


def revision(study: Study) -> int:
    return Report.objects.get(study=study).revision


def worked_on(desk: Desk) -> Study:
    """A draft that a reader changed, with a finding drawn and a sentence of their own."""
    study = desk.study()
    desk.do(study, verb="say", sentence=1, text="A nodule of 8 mm, looked at twice.")
    desk.do(study, verb="add_finding", kind="mass", side="left",
            drawn=((30.0, 60.0), (40.0, 60.0), (50.0, 90.0)))  # fmt: skip
    desk.do(study, verb="add_sentence", part="impression", text="Compare with the outside CT.")
    read_again(desk, study)
    return study


def offered(study: Study) -> newer.Newer:
    found = newer.newer(reports.opened(fresh(study)))
    assert found is not None
    return found


def test_both_are_shown_side_by_side_before_anything_changes(desk: Desk) -> None:
    study = worked_on(desk)
    before = revision(study)
    found = offered(study)
    row = next(
        each for each in found.beside.sentences if each.yours and each.newer and each.by_hand
    )
    assert "looked at twice" in "".join(
        each.text for each in row.yours_marked if each.mark is Mark.REMOVED
    )
    assert "12" in "".join(each.text for each in row.newer_marked if each.mark is Mark.ADDED)
    # The sentence, the mass and its sentence, the comparison.
    assert (found.beside.by_hand, found.kept) == (4, True)
    assert revision(study) == before


def test_what_the_reader_had_is_a_version_and_what_was_done_by_hand_stays(desk: Desk) -> None:
    study = worked_on(desk)
    mine = reports.opened(fresh(study)).document
    newer.take(desk.actor(), fresh(study), revision(study))
    rows = list(ReportVersion.objects.filter(report__study=study).order_by("number"))
    assert [row.author for row in rows] == ["model:chest 1", "user:ward-reviewer", "model:chest 1"]
    assert ReportDocument.model_validate(rows[1].document) == mine
    assert rows[1].reason
    whole = reports.opened(fresh(study))
    assert reports.broken_version(whole.report) is None
    kinds = [(one.kind, one.origin) for one in whole.document.findings if one.state == "present"]
    assert ("mass", Origin.READER) in kinds
    assert next(one for one in whole.document.findings if one.kind == "lung_nodule").size_mm == 12
    assert "Compare with the outside CT." in whole.document.text(Part.IMPRESSION)
    assert "looked at twice" in whole.document.text(Part.FINDINGS)
    assert "mass" in whole.document.text(Part.FINDINGS).lower()
    # Nobody has confirmed what the newer model says.
    assert not any(one.confirmed for one in whole.document.findings if one.origin == "model")
    # What stays is a step of its own.
    editing.undo(desk.actor(), fresh(study), revision(study))
    whole = reports.opened(fresh(study))
    assert whole.document == whole.draft
    assert newer.newer(whole) is None
    assert Event.objects.filter(action="report.newer_draft").count() == 1


def test_the_reader_chooses_sentence_by_sentence(desk: Desk) -> None:
    study = worked_on(desk)
    found = offered(study)
    row = next(
        each for each in found.beside.sentences if each.yours and each.newer and each.by_hand
    )
    newer.take(
        desk.actor(), fresh(study), revision(study), {row.key: Choice.NEWER}, result=found.result
    )
    said = reports.opened(fresh(study)).document.text(Part.FINDINGS)
    assert "looked at twice" not in said
    assert row.newer is not None
    assert row.newer.text in said
    told = Event.objects.get(action="report.newer_draft").details
    assert (told["by_hand"], told["otherwise"]) == (4, 1)


def test_choices_on_a_draft_that_is_no_longer_the_newest_are_refused(desk: Desk) -> None:
    study = worked_on(desk)
    seen = offered(study).result
    read_again(desk, study, "again")
    with pytest.raises(Changed, match="read once more"):
        newer.take(desk.actor(), fresh(study), revision(study), result=seen)
    newer.take(desk.actor(), fresh(study), revision(study), result=offered(study).result)


def test_a_choice_that_is_none_stores_nothing(desk: Desk) -> None:
    study = worked_on(desk)
    before = revision(study)
    with pytest.raises(EditRefused, match="cannot be chosen"):
        newer.take(desk.actor(), fresh(study), before, {"s999": Choice.NEWER})
    assert revision(study) == before
    assert ReportVersion.objects.filter(report__study=study).count() == 1


def test_what_was_drawn_stays_where_it_was_drawn(desk: Desk) -> None:
    study = worked_on(desk)
    newer.take(desk.actor(), fresh(study), revision(study))
    (mass,) = (one for one in reports.opened(fresh(study)).document.findings
               if one.origin == "reader")  # fmt: skip
    assert mass.box == ((50.0, 90.0), (40.0, 60.0), (30.0, 60.0))


def test_an_untouched_report_takes_the_newer_draft_by_itself(desk: Desk) -> None:
    study = desk.study()
    reports.opened(fresh(study))
    read_again(desk, study)
    whole = reports.opened(fresh(study))
    assert newer.newer(whole) is None
    assert next(one for one in whole.document.findings if one.kind == "lung_nodule").size_mm == 12


def test_a_signed_report_is_never_replaced(desk: Desk) -> None:
    study = desk.study(NODULE)
    desk.sign(study)
    read_again(desk, study)
    assert newer.newer(reports.opened(fresh(study))) is None
    with pytest.raises(Closed):
        newer.take(desk.actor(), fresh(study), revision(study))


def test_it_is_taken_once_by_who_may_and_on_the_state_that_was_seen(desk: Desk) -> None:
    study = worked_on(desk)
    with pytest.raises(Denied):
        newer.take(desk.actor("viewer"), fresh(study), revision(study))
    with pytest.raises(Changed):
        newer.take(desk.actor(), fresh(study), revision(study) - 1)
    newer.take(desk.actor(), fresh(study), revision(study))
    with pytest.raises(Closed, match="no newer draft"):
        newer.take(desk.actor(), fresh(study), revision(study))
