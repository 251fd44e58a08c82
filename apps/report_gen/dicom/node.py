"""The parts of the node: takers and their front, registering, quiet times, outbox, priors.

Each works by itself: while the database or a peer does not answer, objects are still taken in.
"""

import json
import logging
import os
import signal
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.db import DatabaseError, close_old_connections, connections

from apps.report_gen.clinical import installed
from apps.report_gen.dicom import outbox, priors, quiet
from apps.report_gen.dicom.listening import Associations
from apps.report_gen.dicom.options import Options, read_options, server_tls
from apps.report_gen.dicom.peers import Doorkeeper
from apps.report_gen.dicom.registering import Registering
from apps.report_gen.dicom.storing import Sender, Stored, Storing
from apps.report_gen.dicom.takers import Front, fork
from apps.report_gen.services import recovering
from loupe.contract.runtime.errors import LoupeError
from loupe.host import commands
from loupe.host.people import Project

logger = logging.getLogger("loupe.report_gen")

_HALF_WRITTEN: Final = 600.0
"""Seconds after which nobody goes on writing a file: uploads write to the same store."""
_QUIET_EVERY: Final = 1.0
_RECOVER_EVERY: Final = 30.0
_SEND_EVERY: Final = 2.0
_ASK_EVERY: Final = 5.0
_LISTEN_AGAIN: Final = 10.0


def run() -> int:
    """Run until SIGTERM or SIGINT. Exit status 0; 1 where a part ended by itself, so that it is
    started anew; 2 where settings or keys cannot be used."""
    stop = threading.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, lambda *_: stop.set())
    try:
        node = Node(read_options(), stop)
        node.start()
    except LoupeError as error:
        print(f"{error.message} ({error.code})", flush=True)
        return 2
    stop.wait()
    node.stop()
    return int(node.broken)


class ProjectMissing(LoupeError):
    """There are several projects, and nobody said whose the node's studies are."""

    code = "project_missing"


class Node:
    """Everything the process does.

    Raises:
        KeyRefused: the files for TLS cannot be used.
        KeyMissing: the store's key is gone.
    """

    def __init__(self, options: Options, stop: threading.Event) -> None:
        commands.prepare_for("report_gen")
        self.options = options
        self.broken = False
        self._stop = stop
        self.store = installed.store()
        self.store.restore(older_than=_nobody_writes_since())
        self.door = Doorkeeper(_project(options), anyone=options.anyone)
        tls = server_tls(options)
        connections.close_all()  # a connection must not be shared with the processes forked now

        def associations(stored: Callable[[Stored], None]) -> Associations:
            return Associations(
                options, self.door,
                Storing(self.store, stored, _refused, sync=options.sync_each),
                tls=tls, share=1 / options.processes,
            )  # fmt: skip

        takers = [fork(associations) for _ in range(options.processes if options.port else 0)]
        threading.excepthook = self._part_failed
        self.registering = Registering(self.store, self.door, options.quiet_seconds)
        self.storing = Storing(self.store, self.registering.tell, _refused)
        self.front = Front(
            takers, most=options.associations, each=options.each,
            stored=self.registering.tell, gone=self._end,
        )  # fmt: skip

    def start(self) -> None:
        """Begin with what an earlier process left, then listen."""
        self.registering.start()
        if self.options.port:
            self._loop("listen", _LISTEN_AGAIN, self._listen, once=True)
        self._loop("quiet", _QUIET_EVERY, quiet.close_due)
        self._loop("recover", _RECOVER_EVERY, recovering.recover)
        self._loop("outbox", _SEND_EVERY, partial(outbox.deliver_due, self.options))
        self._loop("priors", _ASK_EVERY, partial(priors.fetch_due, self.storing, self.options))

    def stop(self) -> None:
        """Take no more, and tell the database of what came."""
        status_file().unlink(missing_ok=True)
        self.front.stop()
        self.registering.stop()

    def _listen(self) -> bool:
        """Whether the node listens now; a port that is taken is tried again."""
        try:
            self.front.listen(self.options.host, self.options.port)
        except OSError as error:
            logger.error(
                "The DICOM node cannot listen on %s:%s (%s). Set LOUPE_DICOM_PORT to a free port, "
                "or to 0 for none.",
                self.options.host, self.options.port, error.strerror,
            )  # fmt: skip
            return False
        _write_status(self.options, self.front.port)
        logger.info(
            "DICOM node %s listens on %s:%s",
            self.options.title, self.options.host, self.front.port,
        )  # fmt: skip
        return True

    def _end(self) -> None:
        self.broken = True
        self._stop.set()

    def _part_failed(self, failed: threading.ExceptHookArgs) -> None:
        """A part ended in a way nobody foresaw: better all anew than a node that lacks it."""
        logger.error(
            "A part of the DICOM node failed: it starts anew.",
            exc_info=(failed.exc_type, failed.exc_value, failed.exc_traceback),  # type: ignore[arg-type]
        )
        self._end()

    def _loop(
        self,
        name: str,
        every: float,
        work: Callable[[], object],
        *,
        once: bool = False,
    ) -> None:
        def turn() -> None:
            while not self._stop.is_set():
                done: object = None
                try:
                    close_old_connections()
                    done = work()
                except (DatabaseError, LoupeError, OSError):
                    logger.exception("The DICOM node's part %r failed; it goes on", name)
                if once and done:
                    return
                self._stop.wait(every)

        threading.Thread(target=turn, name=f"dicom-{name}", daemon=True).start()


def _project(options: Options) -> Project:
    """Where unknown nodes are noted, and where what they send goes if anyone may send.

    Raises:
        ProjectMissing: the project that is named is not there, or none is and anyone may send.
    """
    try:
        return commands.project_named(options.project or None)
    except commands.UnknownProject as error:
        first = Project.objects.order_by("created_at", "pk").first()
        if options.project or options.anyone or first is None:
            raise ProjectMissing(
                f"{error} For the DICOM node, name it by LOUPE_DICOM_PROJECT."
            ) from None
        return first


def _nobody_writes_since() -> float:
    """Drafts older than this are nobody's: from before the machine started, or long untouched."""
    for line in Path("/proc/stat").read_text().splitlines():
        if line.startswith("btime "):
            return max(float(line.split()[1]), time.time() - _HALF_WRITTEN)
    return time.time() - _HALF_WRITTEN


def status_file() -> Path:
    """Where the node says that and where it listens."""
    return Path(settings.VAR) / "run" / "dicom.json"


def status() -> dict[str, Any] | None:
    """Title, host and port of the node that runs now; None where none does."""
    try:
        said: dict[str, Any] = json.loads(status_file().read_text())
        os.kill(int(said["pid"]), 0)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return said


def _write_status(options: Options, port: int) -> None:
    path = status_file()
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(f".{os.getpid()}")
    draft.write_text(
        json.dumps({"pid": os.getpid(), "title": options.title, "host": options.host, "port": port})
    )
    draft.replace(path)


def _refused(sender: Sender, why: str) -> None:
    logger.warning("An object of %r from %s was not taken: %s", sender.calling, sender.address, why)
