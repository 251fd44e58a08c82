"""Earlier studies of a patient: asked for at nodes that are set up for it, few and small enough.

When a study is complete, each node with `priors` is asked by C-FIND for CT studies of the same
patient id; the newest ones that are not here yet are fetched, by C-MOVE to this node or by C-GET.
They come in like any other study.
"""

import logging
import uuid
from datetime import datetime, timedelta
from typing import Final

from django.utils import timezone
from pydicom import dcmread
from pydicom.dataset import Dataset
from pynetdicom import build_role, evt
from pynetdicom.presentation import build_context
from pynetdicom.sop_class import (  # type: ignore[attr-defined]
    CTImageStorage,
    EnhancedCTImageStorage,
    StudyRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelGet,
    StudyRootQueryRetrieveInformationModelMove,
)

from apps.report_gen.clinical import installed
from apps.report_gen.dicom.calling import PeerUnreachable, associated
from apps.report_gen.dicom.options import Options, read_options
from apps.report_gen.dicom.storing import Sender, Storing
from apps.report_gen.models import (
    ClinicalObject,
    DicomPeer,
    PriorFetch,
    Priors,
    SendingState,
    Study,
)
from apps.report_gen.reading.faults import DAMAGE
from loupe.contract.runtime.errors import LoupeError

logger = logging.getLogger("loupe.report_gen")

MOST_STUDIES: Final = 2
"""Earlier studies fetched of a node."""
MOST_ANSWERS: Final = 200
MOST_INSTANCES: Final = 3000
"""A study that says it has more is not fetched."""
MOST_TRIES: Final = 6
_FIRST: Final = 10.0
_LATELY: Final = timedelta(days=7)
"""How long after it was asked for a study may still come in as a prior."""
_PENDING: Final = frozenset({0xFF00, 0xFF01})


def plan(study_id: uuid.UUID) -> int:
    """Note which nodes are to be asked for the study; returns how many.

    A study that was itself fetched as a prior is not asked about: that would never end.
    """
    study = Study.objects.get(pk=study_id)
    lately = PriorFetch.objects.filter(answered_at__gt=timezone.now() - _LATELY)
    if lately.filter(study__project=study.project, uids__contains=study.uid).exists():
        return 0
    peers = DicomPeer.objects.filter(project=study.project, port__isnull=False)
    asked = list(peers.exclude(priors=Priors.NONE))
    PriorFetch.objects.bulk_create(
        [PriorFetch(study=study, peer=peer, next_at=timezone.now()) for peer in asked],
        ignore_conflicts=True,
    )
    return len(asked)


def fetch_due(storing: Storing, options: Options | None = None, now: datetime | None = None) -> int:
    """Ask what is due; returns how many nodes answered."""
    options = options or read_options()
    now = now or timezone.now()
    due = PriorFetch.objects.filter(state=SendingState.WAITING, next_at__lte=now)
    answered = 0
    for fetch in due.select_related("study", "peer").order_by("next_at")[:10]:
        answered += _fetched(storing, options, fetch)
    return answered


def _fetched(storing: Storing, options: Options, fetch: PriorFetch) -> bool:
    tries = fetch.tries + 1
    try:
        patient_id, own_uid = _asked_about(fetch.study)
        found = find(options, fetch.peer, patient_id, own_uid) if patient_id else []
        wanted = _not_here(fetch.study, found)[:MOST_STUDIES]
        # Before they come: the first of them may be complete before the last was sent.
        PriorFetch.objects.filter(pk=fetch.pk).update(
            uids=" ".join(installed.pseudonyms().uid(uid) for uid in wanted),
            answered_at=timezone.now(),
        )
        for study_uid in wanted:
            retrieve(options, fetch.peer, study_uid, storing)
    except LoupeError as error:
        again = tries < MOST_TRIES and isinstance(error, PeerUnreachable)
        PriorFetch.objects.filter(pk=fetch.pk).update(
            state=SendingState.WAITING if again else SendingState.DEAD,
            tries=tries,
            next_at=timezone.now() + timedelta(seconds=_FIRST * 2**fetch.tries),
            error=error.message[:300],
        )
        return False
    PriorFetch.objects.filter(pk=fetch.pk).update(
        state=SendingState.SENT, tries=tries, found=len(found), asked_for=len(wanted), error=""
    )
    return True


def find(options: Options, peer: DicomPeer, patient_id: str, but: str) -> list[tuple[str, str]]:
    """CT studies of a patient at a node, newest first: date, Study Instance UID.

    Args:
        patient_id: exactly; wildcards in it are refused by asking for nothing.
        but: a Study Instance UID to leave out.

    Raises:
        PeerUnreachable: the node does not answer or cannot be asked.
    """
    if any(mark in patient_id for mark in "*?\\"):
        return []
    query = Dataset()
    query.QueryRetrieveLevel = "STUDY"
    query.PatientID = patient_id
    query.ModalitiesInStudy = "CT"
    query.StudyInstanceUID = ""
    query.StudyDate = ""
    query.NumberOfStudyRelatedInstances = ""
    found: list[tuple[str, str]] = []
    contexts = [build_context(StudyRootQueryRetrieveInformationModelFind)]
    with associated(options, peer, contexts) as association:
        answers = association.send_c_find(query, StudyRootQueryRetrieveInformationModelFind)
        for count, (status, answer) in enumerate(answers):
            if "Status" not in status:
                raise PeerUnreachable(f"The node {peer.title} broke off while it was asked.")
            if status.Status in _PENDING and answer is not None and count < MOST_ANSWERS:
                uid = _said(answer, "StudyInstanceUID")
                same = _said(answer, "PatientID") in ("", patient_id)
                if uid and uid != but and same and _size(answer) <= MOST_INSTANCES:
                    found.append((_said(answer, "StudyDate"), uid))
            elif status.Status not in (*_PENDING, 0x0000):
                raise PeerUnreachable(
                    f"The node {peer.title} cannot be asked (0x{int(status.Status):04X})."
                )
    return sorted(found, reverse=True)


def retrieve(options: Options, peer: DicomPeer, study_uid: str, storing: Storing) -> None:
    """Have a study sent here by the node.

    Raises:
        PeerUnreachable: it is not sent.
    """
    identifier = Dataset()
    identifier.QueryRetrieveLevel = "STUDY"
    identifier.StudyInstanceUID = study_uid
    if peer.priors == Priors.GET:
        _got(options, peer, identifier, storing)
        return
    move = StudyRootQueryRetrieveInformationModelMove
    with associated(options, peer, [build_context(move)]) as association:
        _ended(peer, association.send_c_move(identifier, options.title, move))


def _got(options: Options, peer: DicomPeer, identifier: Dataset, storing: Storing) -> None:
    """C-GET: the objects come through the association that asks for them."""

    def taken(event: evt.Event) -> int:
        sender = Sender(calling=peer.title, called=options.title, address=peer.host)
        with event.request.DataSet.getbuffer() as content:  # type: ignore[union-attr]
            return storing.take(content, str(event.context.transfer_syntax), sender)

    get = StudyRootQueryRetrieveInformationModelGet
    images = [CTImageStorage, EnhancedCTImageStorage]
    with associated(
        options, peer, [build_context(get), *(build_context(uid) for uid in images)],
        roles=[build_role(uid, scp_role=True) for uid in images],
        handlers=[(evt.EVT_C_STORE, taken)],
    ) as association:  # fmt: skip
        _ended(peer, association.send_c_get(identifier, get))


def _ended(peer: DicomPeer, answers: object) -> None:
    last = None
    for status, _identifier in answers:  # type: ignore[attr-defined]
        last = status
    code = int(last.Status) if last is not None and "Status" in last else None
    if code is None:
        raise PeerUnreachable(f"The node {peer.title} broke off while it was sending a study.")
    if code not in (0x0000, 0xB000):
        raise PeerUnreachable(
            f"The node {peer.title} does not send the study (0x{code:04X}): see that it knows this "
            "node's AE title, host and port."
        )


def _asked_about(study: Study) -> tuple[str, str]:
    """Patient id and Study Instance UID, from one image of the study; empty where it has none."""
    row = ClinicalObject.objects.filter(study=study, kind="image").order_by("received_at").first()
    if row is None:
        return "", ""
    with installed.store().open(row.sealed) as stream:
        try:
            head = dcmread(
                stream, stop_before_pixels=True, specific_tags=["PatientID", "StudyInstanceUID"]
            )
        except DAMAGE:
            return "", ""
    return _said(head, "PatientID"), _said(head, "StudyInstanceUID")


def _not_here(study: Study, found: list[tuple[str, str]]) -> list[str]:
    names = installed.pseudonyms()
    uids = {uid: names.uid(uid) for _date, uid in found}
    here = Study.objects.filter(project=study.project, uid__in=uids.values())
    known = set(here.values_list("uid", flat=True))
    return [uid for _date, uid in found if uids[uid] not in known]


def _said(dataset: Dataset, keyword: str) -> str:
    return str(dataset.get(keyword) or "").strip("\0 ")


def _size(answer: Dataset) -> int:
    text = _said(answer, "NumberOfStudyRelatedInstances")
    return int(text) if text.isdecimal() else 0
