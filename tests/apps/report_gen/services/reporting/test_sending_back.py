"""What was signed reaches the node the study came from, whatever is away at that moment."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from celery import current_app
from django.utils import timezone
from kombu.exceptions import OperationalError
from pydicom import Dataset, dcmread
from pydicom.uid import Comprehensive3DSRStorage, SegmentationStorage
from pynetdicom import AE, evt

from apps.report_gen import tasks
from apps.report_gen.clinical import erasing, identity, installed
from apps.report_gen.dicom import outbox
from apps.report_gen.dicom.options import read_options
from apps.report_gen.models import (
    ClinicalObject,
    DicomPeer,
    ReportReturn,
    ReportVersion,
    Sending,
    Study,
    StudyState,
)
from apps.report_gen.services import recovering
from apps.report_gen.services.reporting import outputs, reports, sending_back, signing, volumes
from loupe.blobs import services as blobs
from loupe.contract.runtime.steps import load
from loupe.host.people import SYSTEM
from loupe.intake.models import Input
from loupe.jobs.models import Item, Result
from tests.apps.report_gen import desk as desks
from tests.apps.report_gen.desk import Desk, fresh
from tests.apps.report_gen.services.sending import send
from tests.apps.report_gen.studies import Taken, series, write

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]


class Broker:
    """Messages: lost while it is away, else worked on at once."""

    def __init__(self) -> None:
        self.away = False
        self.lost = 0

    def send_task(self, name: str, args: list[str], **_: object) -> None:
        if self.away:
            self.lost += 1
            raise OperationalError("Connection refused")
        if name in (tasks.send_back.name, tasks.prepare.name):
            current_app.tasks[name](*args)


@pytest.fixture
def broker(monkeypatch: pytest.MonkeyPatch) -> Broker:
    made = Broker()
    monkeypatch.setattr(current_app, "send_task", made.send_task)
    return made


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the engine's sandbox does, in this process."""

    def render(run: str, blob: Any, options: Any, deadline_ms: float) -> bytes:
        with blobs.open_local(blob) as path:
            made: bytes = load(run)(path, options)
        return made

    monkeypatch.setattr(volumes, "render", render)


@pytest.fixture
def pacs() -> Iterator[tuple[int, list[Dataset]]]:
    """A node that takes SR and SEG: its port, and what it has."""
    stored: list[Dataset] = []

    def keep(event: Any) -> int:
        stored.append(event.dataset)
        return 0

    ae = AE(ae_title="PACS")
    for sop_class in (Comprehensive3DSRStorage, SegmentationStorage):
        ae.add_supported_context(sop_class)
    server = ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_STORE, keep)])
    assert server is not None
    yield server.server_address[1], stored
    server.shutdown()


@pytest.fixture
def desk(place: Path, db: None) -> Desk:
    return Desk()


@pytest.fixture
def study(desk: Desk, broker: Broker, pacs: tuple[int, list[Dataset]], tmp_path: Path) -> Study:
    """A chest that came from the node, read and drafted."""
    images = series(Taken(count=30, rows=40, columns=40, spacing=(9.5, 9.5), step=(0, 0, 8.5)))
    send(desk.project, list(write(images, tmp_path / "in").iterdir()))
    found = Study.objects.get()
    item = Item.objects.select_related("job").get()
    job = item.job
    data = desks.result(uid=found.uid).model_dump(mode="json")
    row = Result.objects.create(
        item=item, project=job.project, job=job, app="report_gen", provenance=job.provenance,
        data=data, times_ms={}, outcome="needs_attention", score=0.0,
        created_at=timezone.now(),
    )  # fmt: skip
    peer = DicomPeer.objects.create(
        project=desk.project, title="PACS", host="127.0.0.1", port=pacs[0], allowed=True
    )
    ClinicalObject.objects.filter(study=found, kind="upload").update(sender=peer)
    Study.objects.filter(pk=found.pk).update(state=StudyState.DRAFTED, result=row)
    return fresh(found)


def later(seconds: float) -> None:
    """As if so much time had gone by."""
    for model in (ReportReturn, Sending):
        for row in model.objects.filter(state="waiting"):
            model.objects.filter(pk=row.pk).update(next_at=row.next_at - timedelta(seconds=seconds))


def test_what_was_signed_while_the_broker_was_away_reaches_the_node(
    desk: Desk, study: Study, broker: Broker, engine: None, pacs: tuple[int, list[Dataset]]
) -> None:
    broker.away = True
    desk.sign(study)
    assert broker.lost == 1
    recovering.recover()
    assert (broker.lost, pacs[1], Sending.objects.count()) == (2, [], 0)
    broker.away = False
    recovering.recover()
    assert ReportReturn.objects.get().state == "sent"
    assert outbox.deliver_due(read_options()) == 2
    report, masks = sorted(pacs[1], key=lambda one: one.Modality, reverse=True)
    assert (report.Modality, masks.Modality) == ("SR", "SEG")
    assert report.VerificationFlag == "VERIFIED"
    assert str(report.PatientName) == str(masks.PatientName) == "Muster^Erika"
    person = identity.look(SYSTEM, study, "test")
    assert person is not None
    assert report.StudyInstanceUID == masks.StudyInstanceUID == person.study_uid
    recovering.recover()
    later(86_400)
    assert outbox.deliver_due(read_options()) == 0
    assert len(pacs[1]) == 2


def test_nothing_is_lost_between_the_signature_and_its_message(
    desk: Desk, study: Study, broker: Broker
) -> None:
    """The row is of the signature's own transaction: both are there, or none."""
    desk.confirm_all(study)
    revision = reports.opened(fresh(study)).report.revision
    with pytest.raises(Exception, match="password"):
        signing.sign(desk.actor(), fresh(study), revision, "wrong")
    assert not ReportReturn.objects.exists()
    broker.away = True
    desk.sign(study)
    row = ReportReturn.objects.get()
    signed = ReportVersion.objects.get(report__study=study, state="signed")
    assert (row.version, row.state, row.tries) == (signed.number, "waiting", 0)


def test_an_engine_that_is_away_is_tried_again_and_given_up_in_the_end(
    desk: Desk, study: Study, broker: Broker, pacs: tuple[int, list[Dataset]],
    request: pytest.FixtureRequest,
) -> None:  # fmt: skip
    before = timezone.now()
    desk.sign(study)
    row = ReportReturn.objects.get()
    assert (row.state, row.tries, bool(row.error)) == ("waiting", 1, True)
    assert row.next_at > before + timedelta(seconds=3)
    ReportReturn.objects.update(next_at=timezone.now() + timedelta(minutes=5))
    recovering.recover()
    assert ReportReturn.objects.get().tries == 1, "tried before its time"
    ReportReturn.objects.update(tries=outbox.MOST_TRIES - 1)
    later(400)
    recovering.recover()
    assert ReportReturn.objects.get().state == "dead"
    assert not Sending.objects.exists()
    request.getfixturevalue("engine")
    assert outbox.replay(SYSTEM, desk.project) == 1
    recovering.recover()
    assert outbox.deliver_due(read_options()) == 2
    assert {one.Modality for one in pacs[1]} == {"SR", "SEG"}


def test_a_worker_that_is_killed_keeps_nobody_from_sending_it_later(
    desk: Desk, study: Study, broker: Broker, engine: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> dict[str, bytes]:
        raise KeyboardInterrupt

    broker.away = True
    desk.sign(study)
    with monkeypatch.context() as broken:
        broken.setattr(outputs, "to_send_back", killed)
        with pytest.raises(KeyboardInterrupt):
            sending_back.send_back(study.pk)
    assert sending_back.send_back(study.pk) == 0, "somebody else holds it"
    later(sending_back.LEASE.total_seconds())
    assert sending_back.send_back(study.pk) == 2


def test_what_kills_every_worker_is_given_up(desk: Desk, study: Study, broker: Broker) -> None:
    broker.away = True
    desk.sign(study)
    ReportReturn.objects.update(tries=outbox.MOST_TRIES)
    assert sending_back.send_back(study.pk) == 0
    row = ReportReturn.objects.get()
    assert (row.state, row.error_code) == ("dead", "workers_lost")


def test_images_that_are_gone_end_with_the_reason(
    desk: Desk, study: Study, broker: Broker, engine: None
) -> None:
    desk.confirm_all(study)
    Input.objects.update(blob=None)
    desk.sign(study)
    row = ReportReturn.objects.get()
    assert (row.state, row.tries) == ("dead", 1)
    assert row.error == "The images of this study are not kept any more."


def test_an_amendment_goes_back_after_what_it_amends(
    desk: Desk, study: Study, broker: Broker, engine: None
) -> None:
    broker.away = True
    desk.sign(study)
    signing.amend(desk.actor(), fresh(study), reports.opened(fresh(study)).report.revision)
    desk.do(study, verb="say", sentence=0, text="Comparison: none.")
    desk.sign(study, reason="Said more")
    assert sending_back.send_back(study.pk) == 4
    made = [_file(one) for one in Sending.objects.filter(label="SR").order_by("created_at")]
    assert len({one.SOPInstanceUID for one in made}) == 2
    first, second = sorted(made, key=lambda one: "PredecessorDocumentsSequence" in one)
    assert "PredecessorDocumentsSequence" not in first
    predecessor = second.PredecessorDocumentsSequence[0].ReferencedSeriesSequence[0]
    assert predecessor.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == first.SOPInstanceUID


@pytest.mark.parametrize(
    "changed",
    [
        lambda: DicomPeer.objects.update(returns=False),
        lambda: ClinicalObject.objects.update(sender=None),
    ],
    ids=["takes none back", "came by upload"],
)
def test_what_goes_back_to_nobody_is_done_at_once(
    changed: Callable[[], int], desk: Desk, study: Study, broker: Broker
) -> None:
    changed()
    desk.sign(study)
    assert ReportReturn.objects.get().state == "sent"
    assert not Sending.objects.exists()


def test_what_is_erased_is_sent_back_no_more(desk: Desk, study: Study, broker: Broker) -> None:
    broker.away = True
    desk.sign(study)
    erasing.erase(SYSTEM, fresh(study), "asked for")
    assert not ReportReturn.objects.exists()
    assert sending_back.send_back(study.pk) == 0


def _file(row: Sending) -> Dataset:
    with installed.store().open(row.kept.sealed) as stream:
        return dcmread(BytesIO(stream.read()))
