"""Other DICOM nodes: who they are, what they may do, when they were last seen."""

import re
import threading
import time
import uuid
from dataclasses import dataclass
from typing import Any, Final

from django.db import DatabaseError, IntegrityError, connection, transaction
from django.db.models import F, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.report_gen.models import DicomPeer, Priors
from loupe.contract.runtime.errors import InputRefused
from loupe.host.people import Action, Actor, NotVisible, Project, record_audit, require, visible

MOST_STRANGERS: Final = 200
"""Unknown AE titles that are remembered, so that a flood of names fills no table."""
_KEPT_SECONDS: Final = 2.0
_HOST: Final = re.compile(r"^[A-Za-z0-9._:\-\[\]]{0,253}$")


@dataclass(frozen=True, kw_only=True, slots=True)
class PeerForm:
    """What a person says about a node."""

    title: str
    host: str = ""
    port: int | None = None
    tls: bool = False
    allowed: bool = True
    returns: bool = True
    priors: str = ""
    quiet_seconds: int | None = None


class PeerRefused(InputRefused):
    """What was said about a node cannot be."""

    code = "peer_refused"


def of_project(actor: Actor, project: Project) -> "QuerySet[DicomPeer]":
    """The project's nodes, by title.

    Raises:
        Denied: the actor may not view the project.
    """
    require(actor, Action.VIEW, project)
    return visible(DicomPeer.objects.filter(project=project), actor).order_by("title")


def find(actor: Actor, project: Project, peer_id: uuid.UUID) -> DicomPeer:
    """One of the project's nodes.

    Raises:
        NotVisible: there is none that the actor can see.
    """
    peer = visible(DicomPeer.objects.filter(project=project, pk=peer_id), actor).first()
    if peer is None:
        raise NotVisible(_("There is no such DICOM node that you can see."))
    return peer


def add(actor: Actor, project: Project, form: PeerForm) -> DicomPeer:
    """A node that was not known.

    Raises:
        Denied: the actor may not say where data goes.
        PeerRefused: a field cannot be, or another node has the title.
    """
    require(actor, Action.MANAGE_WEBHOOKS, project)
    values = _checked(form)
    try:
        with transaction.atomic():
            peer = DicomPeer.objects.create(project=project, **values)
            record_audit(actor, project, "dicom_peer.added", f"peer:{peer.pk}", _told(values))
    except IntegrityError:
        raise _taken(form) from None
    return peer


def change(actor: Actor, peer: DicomPeer, form: PeerForm) -> DicomPeer:
    """Other values for a node.

    Raises:
        Denied: the actor may not say where data goes.
        PeerRefused: a field cannot be, or another node has the title.
    """
    require(actor, Action.MANAGE_WEBHOOKS, peer.project)
    values = _checked(form)
    try:
        with transaction.atomic():
            for name, value in values.items():
                setattr(peer, name, value)
            peer.save(update_fields=list(values))
            told = _told(values)
            record_audit(actor, peer.project, "dicom_peer.changed", f"peer:{peer.pk}", told)
    except IntegrityError:
        raise _taken(form) from None
    return peer


def _taken(form: PeerForm) -> PeerRefused:
    return PeerRefused(
        _("There is a node called %(title)s already; AE titles are unique: change that one.")
        % {"title": form.title},
        code="title_taken",
    )


class Doorkeeper:
    """Who may send, asked by the node's server; remembers answers for two seconds.

    Args:
        project: where studies of unknown AE titles go, and who is told that they knocked.
        anyone: whether unknown AE titles may send.
    """

    def __init__(self, project: Project, *, anyone: bool) -> None:
        self.project = project
        self._anyone = anyone
        self._lock = threading.Lock()
        self._known: dict[str, tuple[float, DicomPeer]] = {}

    def may_send(self, calling: str, address: str) -> bool:
        """Whether the AE title may send; it is noted that it was seen."""
        try:
            peer = self.peer(calling)
            if peer is None:
                return False
            seen = {"last_seen_at": timezone.now(), "last_address": address[:45]}
            refused = {} if peer.allowed else {"refused": F("refused") + 1}
            DicomPeer.objects.filter(pk=peer.pk).update(**seen, **refused)
        except DatabaseError:
            # The last answer counts until the database is back: images are taken in meanwhile.
            _at, peer = self._known.get(calling, (0.0, None))
        finally:
            connection.close()  # each association has a thread of its own
        return peer is not None and peer.allowed

    def peer(self, calling: str) -> DicomPeer | None:
        """The node of an AE title; one that is unknown is noted, as long as there is room."""
        with self._lock:
            at, known = self._known.get(calling, (0.0, None))
            if known is not None and time.monotonic() - at < _KEPT_SECONDS:
                return known
        title = calling or "?"
        peer = DicomPeer.objects.select_related("project").filter(title=title).first()
        if peer is None and DicomPeer.objects.filter(host="", port=None).count() < MOST_STRANGERS:
            peer, _made = DicomPeer.objects.get_or_create(
                title=title, defaults={"project": self.project, "allowed": self._anyone}
            )
        if peer is not None:
            with self._lock:
                if len(self._known) > MOST_STRANGERS:
                    self._known.clear()
                self._known[calling] = (time.monotonic(), peer)
        return peer


def _checked(form: PeerForm) -> dict[str, Any]:
    title = form.title.strip()
    # PS3.5 6.2: the default repertoire without backslash and control characters.
    if not 1 <= len(title) <= 16 or not re.fullmatch(r"[ -\[\]-~]+", title):
        raise PeerRefused(
            _("The AE title %(title)s cannot be: 1 to 16 ASCII characters, no backslash.")
            % {"title": repr(form.title[:40])},
            code="title",
        )
    if not _HOST.match(form.host.strip()):
        raise PeerRefused(
            _("The host %(host)s cannot be: give a name or an address, 253 characters at most.")
            % {"host": repr(form.host[:40])},
            code="host",
        )
    if form.port is not None and not 1 <= form.port <= 65535:
        raise PeerRefused(
            _("The port %(port)s cannot be: 1 to 65535.") % {"port": form.port}, code="port"
        )
    if (form.port is None) != (not form.host.strip()):
        raise PeerRefused(
            _("Host and port go together: give both, or neither if nothing is sent there."),
            code="port",
        )
    if form.quiet_seconds is not None and not 1 <= form.quiet_seconds <= 86_400:
        raise PeerRefused(
            _("Quiet seconds are 1 to 86,400; %(given)s were given.")
            % {"given": form.quiet_seconds},
            code="quiet_seconds",
        )
    if form.priors not in Priors.values:
        raise PeerRefused(_("Priors are fetched by 'move' or 'get', or not at all."), code="priors")
    return {
        "title": title,
        "host": form.host.strip(),
        "port": form.port,
        "tls": form.tls,
        "allowed": form.allowed,
        "returns": form.returns,
        "priors": form.priors,
        "quiet_seconds": form.quiet_seconds,
    }


def _told(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value not in ("", None)}
