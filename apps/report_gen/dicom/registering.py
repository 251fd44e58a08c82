"""Tells the database of what lies in the store's inbox, many objects in one transaction.

What is on the disk and answered is safe already; this may lag, and after a kill it begins with
what the inbox holds. Registering an object twice changes nothing.
"""

import hashlib
import logging
import queue
import threading
from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final

from django.db import DatabaseError, close_old_connections, transaction
from django.db.models import F
from django.utils import timezone
from pydicom import dcmread

from apps.report_gen.clinical import installed
from apps.report_gen.clinical.errors import KeyMissing, Missing, Tampered
from apps.report_gen.clinical.store import ClinicalStore, Sealed
from apps.report_gen.dicom.elements import First
from apps.report_gen.dicom.peers import Doorkeeper
from apps.report_gen.dicom.storing import Stored
from apps.report_gen.models import Arrival, ClinicalObject, DicomPeer, Study, StudyState
from apps.report_gen.models.study import StudyChannel
from apps.report_gen.reading.faults import DAMAGE
from loupe.host.people import Project
from loupe.host.results import new_id

logger = logging.getLogger("loupe.report_gen")

AT_ONCE: Final = 500
_PAUSE: Final = 0.1
_TOGETHER: Final = 0.5
"""Seconds that the first object of a batch waits for others: each batch costs a dozen queries."""
_AFTER_FAILURE: Final = 1.0
_UIDS: Final = ["SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID"]
_CLOSED_FOR_GOOD: Final = (StudyState.REPORTED,)


class Registering:
    """A thread that registers. `tell` hands objects over; `join` waits until all are known."""

    def __init__(self, store: ClinicalStore, door: Doorkeeper, quiet_seconds: int) -> None:
        self._store = store
        self._door = door
        self._quiet_seconds = quiet_seconds
        self._waiting: queue.SimpleQueue[Stored] = queue.SimpleQueue()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="dicom-register", daemon=True)

    def tell(self, stored: Stored) -> None:
        """Hand an object over; returns at once."""
        self._waiting.put(stored)

    def start(self) -> None:
        """Register what an earlier process left in the inbox, then what is handed over."""
        self.recover()
        self._thread.start()

    def stop(self) -> None:
        """Register what was handed over so far, and end."""
        self._stop.set()
        self._thread.join(timeout=20)

    def recover(self) -> int:
        """Register everything in the inbox; returns how many objects."""
        count = 0
        names = self._store.waiting()
        for at in range(0, len(names), AT_ONCE):
            batch = [found for name in names[at : at + AT_ONCE] if (found := self._read(name))]
            register(self._store, self._door, self._quiet_seconds, batch)
            count += len(batch)
        return count

    def _run(self) -> None:
        while True:
            ending = self._stop.is_set()
            batch = self._gathered()
            if batch:
                self._registered(batch)
            elif ending:
                return

    def _gathered(self) -> list[Stored]:
        """What came within `_TOGETHER` of the first; when ending, what is there."""
        batch: list[Stored] = []
        with suppress(queue.Empty):
            batch.append(self._waiting.get(timeout=_PAUSE))
            self._stop.wait(_TOGETHER)
            while len(batch) < AT_ONCE:
                batch.append(self._waiting.get_nowait())
        return batch

    def _registered(self, batch: list[Stored]) -> None:
        """Register until the database takes it; the objects are safe meanwhile."""
        while True:
            try:
                close_old_connections()
                # The database must not name what a loss of power could still take away.
                self._store.sync([one.sealed.name for one in batch])
                register(self._store, self._door, self._quiet_seconds, batch)
                return
            except DatabaseError:
                logger.exception(
                    "The database does not take what came; %s objects wait", len(batch)
                )
                if self._stop.wait(_AFTER_FAILURE):
                    return

    def _read(self, name: str) -> Stored | None:
        """What an earlier process stored and did not register."""
        try:
            note = self._store.note(name)
            with self._store.open(name) as stream:
                size = stream.seek(0, 2)
                stream.seek(0)
                dataset = dcmread(stream, stop_before_pixels=True, specific_tags=_UIDS)
        except (Tampered, KeyMissing, Missing) as error:
            logger.error("%s (%s)", error.message, error.code)
            return None
        except DAMAGE:
            logger.error("The file %s of the inbox is no DICOM file: it stays there.", name)
            return None
        return Stored(
            sealed=Sealed(name=name, sha256=_sha256(self._store, name), bytes=size),
            first=First(
                sop_class=str(dataset.get("SOPClassUID", "")),
                sop_instance=str(dataset.get("SOPInstanceUID", "")),
                study=str(dataset.get("StudyInstanceUID", "")),
                series=str(dataset.get("SeriesInstanceUID", "")),
            ),
            transfer_syntax=str(dataset.file_meta.TransferSyntaxUID),
            calling=note.get("calling", ""),
            received_at=datetime.fromisoformat(note["at"]) if "at" in note else timezone.now(),
        )


def register(
    store: ClinicalStore, door: Doorkeeper, quiet_seconds: int, batch: Sequence[Stored]
) -> None:
    """Make rows of the objects, and take them out of the inbox.

    Raises:
        DatabaseError: nothing was registered.
    """
    groups: dict[tuple[str, str], list[Stored]] = defaultdict(list)
    for stored in batch:
        groups[(stored.calling, stored.first.study)].append(stored)
    accepted: list[str] = []
    repeated: list[str] = []
    with transaction.atomic():
        for (calling, study_uid), objects in groups.items():
            peer = door.peer(calling)
            new, again = _of_study(
                peer.project if peer is not None else door.project,
                peer, study_uid, objects, quiet_seconds,
            )  # fmt: skip
            accepted += new
            repeated += again
    for name in accepted:
        store.accept(name)
    for name in repeated:
        store.delete(name)


def _of_study(
    project: Project,
    peer: DicomPeer | None,
    study_uid: str,
    objects: list[Stored],
    quiet_seconds: int,
) -> tuple[list[str], list[str]]:
    """Names that are new, and names whose content is kept already under another."""
    now = timezone.now()
    study, _made = Study.objects.get_or_create(
        project=project,
        uid=installed.pseudonyms().uid(study_uid),
        defaults={
            "channel": StudyChannel.DICOM,
            "arrived_at": objects[0].received_at,
            "last_image_at": objects[0].received_at,
        },
    )
    hashes = {
        one.sealed.name: installed.keyed_hash("sop", one.first.sop_instance) for one in objects
    }
    known: dict[str, dict[str, str]] = defaultdict(dict)
    rows = ClinicalObject.objects.filter(project=project, sop_hash__in=set(hashes.values()))
    for sop_hash, sha256, sealed in rows.values_list("sop_hash", "sha256", "sealed"):
        known[sop_hash][sha256] = sealed
    made: list[ClinicalObject] = []
    registered: list[str] = []
    repeated: list[str] = []
    conflicts = 0
    for one in objects:
        sop_hash, name = hashes[one.sealed.name], one.sealed.name
        same = known[sop_hash].get(one.sealed.sha256)
        if same is not None:
            # A batch that is registered a second time finds its own rows: those files stay.
            (registered if same == name else repeated).append(name)
            continue
        conflict = bool(known[sop_hash])
        conflicts += conflict
        known[sop_hash][one.sealed.sha256] = name
        made.append(
            ClinicalObject(
                id=new_id(), project=project, study=study, sealed=name, sop_hash=sop_hash,
                sha256=one.sealed.sha256, bytes=one.sealed.bytes,
                transfer_syntax=one.transfer_syntax[:64], sender=peer, conflict=conflict,
                received_at=one.received_at,
            )
        )  # fmt: skip
    ClinicalObject.objects.bulk_create(made, batch_size=100)
    if conflicts:
        logger.warning("Study %s: %s instances came again with other content", study.pk, conflicts)
        several = [sop_hash for sop_hash, by_content in known.items() if len(by_content) > 1]
        ClinicalObject.objects.filter(project=project, sop_hash__in=several).update(conflict=True)
    _arrived(study, peer, made, len(repeated), conflicts, now, quiet_seconds)
    return [*registered, *(row.sealed for row in made)], repeated


def _arrived(
    study: Study,
    peer: DicomPeer | None,
    made: list[ClinicalObject],
    repeats: int,
    conflicts: int,
    now: datetime,
    quiet_seconds: int,
) -> None:
    """Count, and begin to wait for quiet anew."""
    if peer is not None and peer.quiet_seconds is not None:
        quiet_seconds = peer.quiet_seconds
    due = now + timedelta(seconds=quiet_seconds)
    arrival, fresh = Arrival.objects.get_or_create(
        study=study, defaults={"peer": peer, "due_at": due, "open": bool(made)}
    )
    changes: dict[str, object] = {
        "images": F("images") + len(made),
        "repeats": F("repeats") + repeats,
        "conflicts": F("conflicts") + conflicts,
    }
    # What comes again with the same content makes nobody read the study a second time.
    if made or arrival.open:
        changes |= {"due_at": due, "open": True, "peer": peer or arrival.peer}
    Arrival.objects.filter(pk=arrival.pk).update(**changes)
    if not made:
        return
    last = max(row.received_at for row in made)
    Study.objects.filter(pk=study.pk).update(
        files=F("files") + len(made),
        bytes=F("bytes") + sum(row.bytes for row in made),
        last_image_at=last,
    )
    open_again = Study.objects.filter(pk=study.pk).exclude(state__in=_CLOSED_FOR_GOOD)
    open_again.update(state=StudyState.ARRIVING, complete_at=None)
    if fresh:
        logger.info("Study %s began to arrive", study.pk)


def _sha256(store: ClinicalStore, name: str) -> str:
    digest = hashlib.sha256()
    with store.open(name) as stream:
        while piece := stream.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()
