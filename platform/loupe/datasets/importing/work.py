"""Works on one import: claims it, goes through its phases, ends it."""

import logging
import time
import uuid
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from pathlib import Path

from django.conf import settings

from loupe.blobs import services as blobs
from loupe.contract.app import DomainApp
from loupe.contract.labelling import Labelling
from loupe.contract.runtime.errors import LoupeError, TemporarilyUnavailable
from loupe.datasets import vocabulary
from loupe.datasets.importing import adding, plan, scratch, storing, unpacking
from loupe.datasets.importing.lease import Lease, Lost, claim
from loupe.datasets.importing.plan import Plan
from loupe.datasets.importing.scratch import Scratch
from loupe.datasets.models import Import, ImportPhase
from loupe.plugins import registry
from loupe.sandbox.pool import SandboxPool

log = logging.getLogger(__name__)

READ_SECONDS = 600.0
TELL_SECONDS = 1.0


def work(import_id: uuid.UUID, seconds: float = 20.0) -> bool:
    """Work on an import for about `seconds`. Returns whether there is more to do.

    Only storing stops in between; a phase before it runs to its end under the renewed lease.
    """
    lease = claim(import_id)
    if lease is None:
        return False
    place = scratch.of(import_id)
    try:
        more = _Phases(lease, place, time.monotonic() + seconds).run()
    except Lost:
        log.info("import %s was cancelled or taken over", import_id)
        scratch.sweep()
        return False
    except TemporarilyUnavailable as error:
        lease.postpone(error.message)
        return False
    except LoupeError as error:
        lease.fail(error.code, error.message)
        place.remove()
        return False
    if more:
        lease.release()
    else:
        place.remove()
    return more


class _Phases:
    """One turn at an import."""

    def __init__(self, lease: Lease, place: Scratch, until: float) -> None:
        self._lease = lease
        self._scratch = place
        self._until = until
        self._row = Import.objects.select_related("dataset__project", "blob", "created_by").get(
            pk=lease.import_id
        )
        self._app: type[DomainApp] = registry.get(self._row.dataset.app)
        self._labelling: Labelling = vocabulary.labelling_of(self._row.dataset.app)

    def run(self) -> bool:
        """Whatever is not done yet; returns whether some is left for the next turn."""
        self._scratch.make()
        if not self._scratch.hashes.exists():
            self._unpack()
        known = {
            str(line["name"]): (str(line["sha256"]), int(line["size"]))
            for line in plan.lines_of(self._scratch.hashes)
        }
        options = self._row.options
        with SandboxPool(1, settings.SANDBOX_MEMORY_BYTES, READ_SECONDS) as pool:
            if not self._scratch.plan.exists():
                self._lease.enter(ImportPhase.READING, 0)
                data = read(
                    pool, self._labelling, self._scratch.unpacked, options, self._lease.renew
                )
                plan.parse(data, self._labelling, self._scratch.unpacked)
                near = self._scratch.plan.with_suffix(".new")
                near.write_bytes(data)
                near.replace(self._scratch.plan)
            planned = plan.parse(
                self._scratch.plan.read_bytes(), self._labelling, self._scratch.unpacked
            )
            if not self._store(planned, known, pool):
                return True
        self._lease.enter(ImportPhase.ADDING, len(planned.records))
        adding.add(
            self._lease,
            self._row.dataset,
            planned,
            list(storing.stored_in(self._scratch.stored)),
            plan.problems_in(self._scratch.found),
            str(options.get("group_by", "")),
            self._row.created_by,
        )
        return False

    def _unpack(self) -> None:
        if self._row.blob is None:
            raise Lost
        self._lease.enter(ImportPhase.UNPACKING, 0)
        largest = max(storing_limit(self._app), 512 * 2**20)
        tell = _now_and_then(lambda done: self._lease.renew(done=done))
        with blobs.open_local(self._row.blob) as archive:
            unpacking.unpack(archive, self._scratch, largest, tell)

    def _store(self, planned: Plan, known: dict[str, tuple[str, int]], pool: SandboxPool) -> bool:
        self._lease.enter(ImportPhase.STORING, len(planned.records))

        def go_on(done: int) -> bool:
            self._lease.renew(done=done, losses=0)
            return time.monotonic() < self._until

        source = storing.Source(self._scratch.unpacked, known)
        return storing.store(
            self._app,
            self._labelling,
            source,
            planned.records,
            self._scratch.stored,
            pool,
            go_on,
        )


def storing_limit(app: type[DomainApp]) -> int:
    """The most bytes that any file of the app may have."""
    return max(kind.max_bytes for kind in app.inputs)


def read(
    pool: SandboxPool,
    labelling: Labelling,
    folder: Path,
    options: dict[str, object],
    alive: Callable[[], None],
) -> bytes:
    """The app's reader over `folder`, in the sandbox; `alive` is called while it works.

    Raises:
        InputRefused: no layout recognises it, or its reader refuses it.
    """
    wanted = str(options.get("layout", ""))
    layouts = [
        [each.key, each.recognise, each.read]
        for each in labelling.layouts
        if wanted in {"", each.key}
    ]
    given: dict[str, object] = {
        "layouts": layouts,
        "reader": {"unlabelled": str(options.get("unlabelled", ""))},
    }
    with ThreadPoolExecutor(1) as thread:
        answer: Future[bytes] = thread.submit(
            pool.render,
            "loupe.datasets.importing.reading:as_lines",
            folder,
            given,  # type: ignore[arg-type]
            name=str(options.get("name", "The dataset")),
        )
        while True:
            try:
                return answer.result(timeout=settings.LEASE_SECONDS / 4)
            except NotYet:
                alive()


def _now_and_then(tell: Callable[[int], None]) -> Callable[[int], None]:
    last = 0.0

    def told(done: int) -> None:
        nonlocal last
        if time.monotonic() - last >= TELL_SECONDS:
            last = time.monotonic()
            tell(done)

    return told
