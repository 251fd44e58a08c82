"""Two readers, two windows, two workers at the same moment: one of them is first, nothing is lost.

`tests/apps/report_gen/test_on_postgresql.py` runs them there, where rows are locked.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier
from typing import Any

import pytest
from django.db import connections
from django.utils import timezone

from apps.report_gen.models import Report, ReportReturn, ReportStep, ReportVersion, Study
from apps.report_gen.reporting.operations import Say
from apps.report_gen.services.reporting import (
    claims,
    editing,
    newer,
    reports,
    sending_back,
    signing,
    worklist,
)
from apps.report_gen.services.reporting.errors import Changed, Claimed, Closed
from loupe.audit.models import Event
from loupe.contract.runtime.errors import LoupeError
from loupe.testing import factories
from tests.apps.report_gen.desk import Desk, fresh
from tests.apps.report_gen.services.reporting.test_newer import read_again

pytestmark = pytest.mark.django_db(transaction=True)
ROUNDS = 5


@pytest.fixture
def desk(transactional_db: None) -> Desk:
    return Desk()


def at_once(*works: Callable[[], Any]) -> list[Any]:
    """What each came to, a refusal in its place; all begin at the same moment."""
    begin = Barrier(len(works))

    def one(work: Callable[[], Any]) -> Any:
        begin.wait(120)
        try:
            return work()
        except LoupeError as error:
            return error
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(one, works))


def revision(study: Study) -> int:
    return Report.objects.get(study=study).revision


def refused(found: list[Any]) -> list[type]:
    return [type(each) for each in found if isinstance(each, LoupeError)]


def test_a_study_that_two_claim_at_once_is_one_readers(desk: Desk) -> None:
    for number in range(ROUNDS):
        study = desk.study(uid=f"2.25.1{number}")
        found = at_once(
            partial(claims.claim, desk.actor(), study),
            partial(claims.claim, desk.actor("other"), study),
        )
        assert refused(found) == [Claimed]
        won = next(each for each in found if isinstance(each, Study))
        assert fresh(study).claimed_by == won.claimed_by
        taken = Event.objects.filter(action="study.claimed", subject=f"study:{study.pk}")
        assert taken.count() == 1


def test_a_study_that_is_given_back_while_another_claims_it_is_never_both_readers(
    desk: Desk,
) -> None:
    for number in range(ROUNDS):
        study = desk.study(uid=f"2.25.1{number}")
        claims.claim(desk.actor(), fresh(study))
        found = at_once(
            partial(claims.release, desk.actor(), study),
            partial(claims.claim, desk.actor("other"), study),
        )
        late = refused(found)
        assert late in ([], [Claimed])
        holder = claims.holder(fresh(study))
        assert holder == (None if late else desk.people["other"])


def test_a_report_that_is_opened_at_once_is_begun_once(desk: Desk) -> None:
    study = desk.study()
    found = at_once(*[lambda: reports.opened(fresh(study)).report.pk] * 4)
    assert len(set(found)) == 1
    assert ReportVersion.objects.filter(report__study=study).count() == 1


def test_of_edits_on_one_state_of_a_report_one_is_stored(desk: Desk) -> None:
    study = desk.study()
    reports.opened(study)

    edits = [Say(verb="say", sentence=1, text=text) for text in ("One.", "Two.", "Three.")]
    found = at_once(*(partial(editing.edit, desk.actor(), study, 0, each) for each in edits))
    assert refused(found) == [Changed, Changed]
    assert revision(study) == 1
    (step,) = ReportStep.objects.filter(report__study=study)
    assert step.document["sentences"][1]["text"] in {"One.", "Two.", "Three."}


def test_a_signature_and_an_edit_at_once_leave_what_was_signed(desk: Desk) -> None:
    for number in range(ROUNDS):
        study = desk.study(uid=f"2.25.1{number}")
        desk.confirm_all(study)
        seen = revision(study)
        edit = Say(verb="say", sentence=1, text="A nodule.")
        found = at_once(
            partial(signing.sign, desk.actor(), study, seen, factories.PASSWORD),
            partial(editing.edit, desk.actor(), study, seen, edit),
        )
        assert refused(found) in ([Changed], [Closed])
        report = Report.objects.get(study=study)
        assert reports.broken_version(report) is None
        signed = reports.signed_version(report)
        edited = isinstance(found[0], LoupeError)
        assert (signed is None) is edited
        assert report.step == (len(ReportStep.objects.filter(report=report)) if edited else 0)


def test_a_newer_draft_is_taken_once(desk: Desk) -> None:
    study = desk.study()
    desk.do(study, verb="say", sentence=1, text="Mine.")
    read_again(desk, study)
    seen = revision(study)
    found = at_once(*[partial(newer.take, desk.actor(), study, seen)] * 3)
    assert refused(found) == [Changed, Changed]
    report = Report.objects.get(study=study)
    assert (report.number, reports.broken_version(report)) == (3, None)


def test_a_signed_version_is_sent_back_by_one_worker(desk: Desk) -> None:
    study = desk.study()
    reports.opened(study)
    ReportReturn.objects.create(
        project=desk.project, study=study, version=1, next_at=timezone.now()
    )
    at_once(*[partial(sending_back.send_back, study.pk)] * 4)
    row = ReportReturn.objects.get(study=study)
    assert (row.state, row.tries) == ("sent", 1)


def test_the_worklist_is_read_while_studies_are_claimed(desk: Desk) -> None:
    studies = [desk.study(uid=f"2.25.2{number}") for number in range(4)]

    def look() -> int:
        rows = worklist.matching(desk.actor(), desk.project, worklist.Filters())
        return len(worklist.page(rows).rows)

    taking = [partial(claims.claim, desk.actor(), study) for study in studies]
    found = at_once(look, look, *taking)
    assert refused(found) == []
    assert found[:2] == [4, 4]
