"""What goes back: tried again with growing pauses, given up in the end, sent again when asked."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connections
from django.utils import timezone
from pydicom import dcmread

from apps.report_gen.clinical import installed
from apps.report_gen.dicom import outbox
from apps.report_gen.dicom.options import read_options
from apps.report_gen.dicom.outbox import MOST_TRIES, wait_seconds
from apps.report_gen.dicom.sending import NotSent
from apps.report_gen.models import DicomPeer, Sending, Study
from apps.report_gen.services.chinese import in_chinese
from loupe.accounts.errors import Denied
from loupe.accounts.models import Role
from loupe.accounts.policy import SYSTEM, Actor
from loupe.testing import factories
from tests.apps.report_gen.dicom.peers import structured_report
from tests.apps.report_gen.studies import Taken, series


@pytest.fixture
def report() -> bytes:
    return structured_report(series(Taken(count=1))[0])


def test_a_report_is_posted_to_who_sent_the_study_and_wants_it(
    study: Study, peer: DicomPeer, report: bytes
) -> None:
    assert [row.peer for row in outbox.post(SYSTEM, study, {"SR": report})] == [peer]
    DicomPeer.objects.update(returns=False)
    assert outbox.post(SYSTEM, study, {"SR": report}) == []


def test_what_is_no_dicom_file_is_refused(study: Study) -> None:
    with pytest.raises(NotSent, match="is no DICOM file"):
        outbox.post(SYSTEM, study, {"SR": b"PK\3\4"})


def test_a_node_that_is_away_is_tried_again_later_and_given_up_in_the_end(
    study: Study, report: bytes
) -> None:
    [row] = outbox.post(SYSTEM, study, {"SR": report})
    before = timezone.now()
    assert outbox.deliver_due(read_options()) == 0
    row.refresh_from_db()
    assert (row.state, row.tries) == ("waiting", 1)
    assert "PACS at 127.0.0.1:9 does not answer" in row.error
    assert row.error_code == "peer_unreachable"
    assert in_chinese(row.error, row.error_code).startswith("节点 PACS（127.0.0.1:9）没有应答")
    assert row.next_at > before + timedelta(seconds=3)
    Sending.objects.update(next_at=timezone.now() + timedelta(minutes=5))
    assert outbox.deliver_due(read_options()) == 0
    row.refresh_from_db()
    assert row.tries == 1, "sent before its time"
    Sending.objects.update(tries=MOST_TRIES - 1, next_at=timezone.now())
    outbox.deliver_due(read_options())
    row.refresh_from_db()
    assert row.state == "dead"


def test_a_file_that_was_altered_is_not_sent_and_it_is_said_in_both_languages(
    study: Study, report: bytes
) -> None:
    outbox.post(SYSTEM, study, {"SR": report})
    row = Sending.objects.select_related("kept").get()
    stored = next(installed.store().root.rglob(row.kept.sealed))
    stored.write_bytes(stored.read_bytes()[:-1] + b"?")
    outbox.deliver_due(read_options())
    row.refresh_from_db()
    assert (row.state, row.error_code) == ("dead", "clinical_tampered")
    told = in_chinese(row.error, row.error_code)
    assert "与写入时不一致" in told
    assert "无法打开" in told


@pytest.mark.django_db(transaction=True)
def test_two_processes_that_deliver_at_once_try_it_once(
    transactional_db: None, study: Study, report: bytes
) -> None:
    outbox.post(SYSTEM, study, {"SR": report})

    def deliver(number: int) -> int:
        try:
            return outbox.deliver_due(read_options())
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(deliver, range(4))) == [0] * 4
    row = Sending.objects.get()
    assert (row.state, row.tries, row.error_code) == ("waiting", 1, "peer_unreachable")


def test_what_was_given_up_is_sent_again_by_who_may_say_where_data_goes(
    study: Study, report: bytes
) -> None:
    [row] = outbox.post(SYSTEM, study, {"SR": report})
    Sending.objects.update(state="dead", tries=12, error_code="not_stored_there", error="No.")
    reviewer = Actor.of(factories.person("rita", study.project, Role.REVIEWER))
    with pytest.raises(Denied):
        outbox.replay(reviewer, study.project)
    admin = Actor.of(factories.person("ada", study.project, Role.ADMIN))
    assert outbox.replay(admin, study.project, row.pk) == 1
    row.refresh_from_db()
    assert (row.state, row.tries, row.error, row.error_code) == ("waiting", 0, "", "")


def test_pauses_double_up_to_an_hour() -> None:
    assert [wait_seconds(each) for each in (0, 1, 2, 20, 99)] == [5, 10, 20, 3600, 3600]


def test_a_posted_file_is_kept_encrypted(study: Study, report: bytes) -> None:
    outbox.post(SYSTEM, study, {"SR": report})
    row = Sending.objects.select_related("kept").get()
    stored = next(installed.store().root.rglob(row.kept.sealed))
    assert b"Muster" not in stored.read_bytes()
    with installed.store().open(row.kept.sealed) as stream:
        assert str(dcmread(stream).PatientName) == "Muster^Erika"
