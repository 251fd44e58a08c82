"""A report's life: drafted, edited, reviewed, signed, amended; what is signed never changes."""

from pathlib import Path

import pytest
from django.db import DatabaseError, connection, transaction

from apps.report_gen.bundles.manifest import MEDIA_TYPE, ClinicalText, Manifest
from apps.report_gen.bundles.writing import write_bundle
from apps.report_gen.findings import Lobe, Side, State
from apps.report_gen.models import Report, ReportVersion, Study
from apps.report_gen.report import Part, ReportDocument, Signature
from apps.report_gen.reporting.operations import Say
from apps.report_gen.services.reporting import editing, reports, signing
from apps.report_gen.services.reporting.errors import Blocked, Changed, Claimed, Closed, Unusable
from loupe.audit.models import Event
from loupe.host.blobs import store_bytes
from loupe.host.people import Denied
from loupe.host.signing import PasswordRefused
from loupe.intake.models import Input
from loupe.testing import factories
from tests.apps.report_gen.desk import Desk, fresh
from tests.apps.report_gen.reporting.made import nodule


def states(study: Study) -> list[str]:
    rows = ReportVersion.objects.filter(report__study=study).order_by("number")
    return list(rows.values_list("state", flat=True))


def revision(study: Study) -> int:
    return Report.objects.get(study=study).revision


def sign(desk: Desk, study: Study, **more: str) -> ReportVersion:
    told = {"password": factories.PASSWORD, **more}
    password = told.pop("password")
    return signing.sign(desk.actor(), fresh(study), revision(study), password, **told)  # type: ignore[arg-type]


def test_the_first_version_is_the_models_draft(desk: Desk) -> None:
    whole = reports.opened(desk.study())
    row = whole.report.versions.get()
    assert (row.number, row.state, row.author, row.user) == (1, "draft", "model:chest 1", None)
    assert ReportDocument.model_validate(row.document) == whole.document == whole.draft


def test_opening_twice_begins_one_report(desk: Desk) -> None:
    study = desk.study()
    reports.opened(study)
    reports.opened(study)
    assert states(study) == ["draft"]


def test_a_signature_binds_name_time_meaning_and_content(desk: Desk) -> None:
    study = desk.study()
    desk.confirm_all(study)
    row = sign(desk, study)
    signature = Signature.model_validate(row.signature)
    document = ReportDocument.model_validate(row.document)
    assert signature.name == "ward-reviewer"
    assert signature.version == row.number == 2
    assert signature.content_hash == row.content_hash == document.content_hash()
    assert signature.meaning == signing.MEANING
    assert states(study) == ["draft", "signed"]
    now = fresh(study)
    assert (now.state, now.claimed_by, now.reported_at) == ("reported", None, row.at)
    assert Event.objects.filter(action="report.signed").count() == 1


def test_checks_that_block_stop_the_signature_and_are_named(desk: Desk) -> None:
    study = desk.study()
    reports.opened(study)
    with pytest.raises(Blocked) as caught:
        sign(desk, study)
    assert {one.code for one in caught.value.checks} == {"finding_unaddressed"}
    assert states(study) == ["draft"]


def test_a_wrong_password_signs_nothing(desk: Desk) -> None:
    study = desk.study()
    desk.confirm_all(study)
    for password in ("", "wrong"):
        with pytest.raises(PasswordRefused):
            sign(desk, study, password=password)
    assert states(study) == ["draft"]


def test_a_signed_report_takes_no_edit(desk: Desk) -> None:
    study = desk.study()
    desk.sign(study)
    with pytest.raises(Closed, match="amend"):
        desk.do(study, verb="say", sentence=0, text="Other.")
    with pytest.raises(Closed):
        sign(desk, study)


@pytest.mark.parametrize("statement", ["UPDATE {} SET reason = 'x'", "DELETE FROM {}"])
def test_the_database_itself_refuses_to_change_or_delete_a_version(
    desk: Desk, statement: str
) -> None:
    desk.sign(desk.study())
    with (
        pytest.raises(DatabaseError, match="never changed or deleted"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement.format(ReportVersion._meta.db_table))


def test_an_amendment_is_a_new_version_with_a_reason(desk: Desk) -> None:
    study = desk.study()
    desk.sign(study)
    signed = ReportVersion.objects.get(report__study=study, state="signed")
    signing.amend(desk.actor(), fresh(study), revision(study))
    desk.do(study, verb="change_finding", finding="lung_nodule.1", size_mm=9.4)
    at = next(
        index
        for index, each in enumerate(reports.opened(fresh(study)).document.sentences)
        if "lung_nodule.1" in each.findings
    )
    desk.do(study, verb="word_again", sentence=at)
    with pytest.raises((Unusable, Blocked)):
        sign(desk, study)
    last = len(reports.opened(fresh(study)).document.sentences)
    for index in range(last):
        whole = reports.opened(fresh(study))
        if "lung_nodule.1" in whole.document.sentences[index].findings:
            desk.do(study, verb="word_again", sentence=index)
    with pytest.raises(Unusable, match="reason"):
        sign(desk, study)
    row = sign(desk, study, reason="Measured again")
    assert (row.state, row.reason, row.number) == ("amended", "Measured again", 3)
    assert row.previous_hash == signed.hash
    assert ReportVersion.objects.get(pk=signed.pk).document == signed.document
    assert reports.broken_version(Report.objects.get(study=study)) is None


def test_an_amendment_that_changes_nothing_is_not_signed_and_can_be_dropped(desk: Desk) -> None:
    study = desk.study()
    desk.sign(study)
    signing.amend(desk.actor(), fresh(study), revision(study))
    with pytest.raises(Closed, match="Nothing was changed"):
        sign(desk, study, reason="No reason")
    desk.do(study, verb="say", sentence=0, text="Other.")
    signing.give_up(desk.actor(), fresh(study), revision(study))
    whole = reports.opened(fresh(study))
    assert not whole.report.amending
    assert whole.document.sentences[0].text != "Other."


def test_reviewing_keeps_a_version_that_is_not_signed(desk: Desk) -> None:
    study = desk.study()
    desk.do(study, verb="confirm", finding="lung_nodule.1")
    row = signing.review(desk.actor(), fresh(study), revision(study))
    assert (row.state, row.signature) == ("reviewed", None)
    desk.do(study, verb="confirm", finding="pleural_effusion")
    assert states(study) == ["draft", "reviewed"]


def test_a_rejected_draft_stays_among_the_versions_and_an_own_report_can_be_signed(
    desk: Desk,
) -> None:
    study = desk.study()
    reports.opened(study)
    with pytest.raises(Unusable):
        signing.reject(desk.actor(), fresh(study), revision(study), "  ")
    signing.reject(desk.actor(), fresh(study), revision(study), "Wrong patient position")
    whole = reports.opened(fresh(study))
    assert whole.document.findings == ()
    desk.do(study, verb="add_sentence", part="findings", text="Lungs are clear.")
    desk.do(study, verb="add_sentence", part="impression", text="Normal.")
    sign(desk, study)
    assert states(study) == ["draft", "rejected", "signed"]


def test_two_people_never_overwrite_one_another(desk: Desk) -> None:
    study = desk.study()
    reports.opened(study)
    seen = revision(study)
    desk.do(study, verb="say", sentence=1, text="Mine.")
    edit = Say(verb="say", sentence=1, text="Late.")
    with pytest.raises(Claimed, match="ward-reviewer"):
        editing.edit(desk.actor("other"), fresh(study), seen, edit)
    with pytest.raises(Changed, match="ward-reviewer"):
        editing.edit(desk.actor(), fresh(study), seen, edit)
    assert reports.opened(fresh(study)).document.sentences[1].text == "Mine."


def test_undo_and_redo_walk_the_steps_and_a_new_edit_forgets_what_was_undone(desk: Desk) -> None:
    study = desk.study()
    desk.do(study, verb="confirm", finding="lung_nodule.1")
    desk.do(study, verb="remove_finding", finding="pleural_effusion")
    editing.undo(desk.actor(), fresh(study), revision(study))
    kinds = {
        each.kind
        for each in reports.opened(fresh(study)).document.findings
        if each.state is State.PRESENT
    }
    assert kinds == {"lung_nodule", "pleural_effusion"}
    editing.redo(desk.actor(), fresh(study), revision(study))
    assert len(reports.opened(fresh(study)).document.findings) == 13 - 1
    editing.undo(desk.actor(), fresh(study), revision(study))
    desk.do(study, verb="confirm", finding="pleural_effusion")
    before = revision(study)
    editing.redo(desk.actor(), fresh(study), before)
    assert revision(study) == before


def test_typing_in_one_sentence_is_one_step(desk: Desk) -> None:
    study = desk.study()
    for text in ("A", "A nod", "A nodule."):
        desk.do(study, verb="say", sentence=1, text=text)
    assert Report.objects.get(study=study).step == 1


def test_a_viewer_edits_and_signs_nothing(desk: Desk) -> None:
    study = desk.study()
    reports.opened(study)
    with pytest.raises(Denied):
        desk.do(study, role="viewer", verb="confirm", finding="lung_nodule.1")
    with pytest.raises(Denied):
        signing.sign(desk.actor("viewer"), fresh(study), 0, factories.PASSWORD)


def test_a_critical_finding_that_a_reader_adds_has_to_be_acknowledged(desk: Desk) -> None:
    study = desk.study()
    desk.do(study, verb="add_finding", kind="mass", lobes=["left_upper"], size_mm=44)
    assert fresh(study).critical


def test_an_untouched_draft_gives_way_to_a_newer_result_and_a_touched_one_does_not(
    desk: Desk,
) -> None:
    study = desk.study()
    reports.opened(study)
    newer = desk.study(nodule(side=Side.LEFT, lobes=(Lobe.LEFT_UPPER,)), uid="2.25.99")
    Study.objects.filter(pk=study.pk).update(result=newer.result)
    assert len(reports.opened(fresh(study)).document.findings) == 13
    assert states(study) == ["draft", "draft"]
    desk.do(study, verb="confirm", finding="lung_nodule.1")
    Study.objects.filter(pk=study.pk).update(result=desk.study(uid="2.25.100").result)
    reports.opened(fresh(study))
    assert states(study) == ["draft", "draft"]


def test_the_draft_begins_with_what_was_asked_as_the_bundle_has_it(
    desk: Desk, tmp_path: Path
) -> None:
    path = tmp_path / "study"
    asked = ClinicalText(indication="Cough for weeks")
    write_bundle(path, [], Manifest(study_uid="2.25.7", clinical=asked))
    blob = store_bytes(path.read_bytes(), MEDIA_TYPE)
    study = desk.study()
    row = fresh(study).result
    assert row is not None
    assert row.item.input is not None
    Input.objects.filter(pk=row.item.input.pk).update(blob=blob)
    assert reports.opened(fresh(study)).document.text(Part.INDICATION) == "Cough for weeks"
