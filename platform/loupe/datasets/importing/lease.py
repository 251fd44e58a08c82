"""Who works on an import: claimed under a lease that is renewed with every bit of progress."""

import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Case, F, Q, When
from django.utils import timezone
from django.utils.translation import gettext as _

from loupe.datasets.models import IMPORT_OPEN, Import, ImportPhase, ImportState

POSTPONE_SECONDS = 15
"""How long an import waits when something is missing for the moment: disk space, storage."""


class Lost(Exception):
    """The import is not this worker's any more: it was cancelled, or the lease ran out."""


@dataclass(frozen=True)
class Lease:
    """Holds one import. Every method raises `Lost` when it does not any more."""

    import_id: uuid.UUID
    token: uuid.UUID

    def renew(self, **changes: Any) -> None:
        """Extend the lease and set fields of the row, such as `done`."""
        changes["lease_until"] = timezone.now() + timedelta(seconds=settings.LEASE_SECONDS)
        if not self.mine().update(**changes):
            raise Lost

    def enter(self, phase: ImportPhase, total: int) -> None:
        """Begin a phase of `total` files, or begin it again; having come to a new one clears what
        was held against the import."""
        losses = Case(When(phase=phase, then=F("losses")), default=0)
        self.renew(phase=phase, done=0, total=total, losses=losses, note="")

    def release(self) -> None:
        """Let the next worker go on at once."""
        self.mine().update(lease_token=None, lease_until=None)

    def postpone(self, note: str) -> None:
        """Let it wait, and say why."""
        self.mine().update(
            lease_token=None,
            lease_until=None,
            not_before=timezone.now() + timedelta(seconds=POSTPONE_SECONDS),
            note=note[:300],
        )

    def fail(self, code: str, error: str) -> None:
        """End it: nothing of it is in the dataset."""
        self.mine().update(**_failed(code, error))

    def mine(self) -> Any:
        """The row, while it is held."""
        return Import.objects.filter(
            pk=self.import_id, lease_token=self.token, state=ImportState.RUNNING
        )


def claim(import_id: uuid.UUID) -> Lease | None:
    """Take an open import that nobody holds; None where there is nothing to do.

    One whose workers died `LOUPE_MAX_ATTEMPTS` times without getting further fails.
    """
    now = timezone.now()
    with transaction.atomic():
        row = (
            Import.objects.select_for_update(of=("self",))
            .filter(
                Q(lease_until__isnull=True) | Q(lease_until__lt=now),
                Q(not_before__isnull=True) | Q(not_before__lte=now),
                pk=import_id,
                state__in=IMPORT_OPEN,
            )
            .first()
        )
        if row is None:
            return None
        losses = row.losses + (row.lease_token is not None)
        if losses >= settings.MAX_ATTEMPTS or (row.blob_id is None and row.lease_token):
            text = (
                _("The process that worked on it died %(count)s times. Try again.")
                if row.blob_id is not None
                else _("The command that ran it was ended. Run it again.")
            )
            Import.objects.filter(pk=row.pk).update(
                **_failed("worker_lost", text % {"count": losses})
            )
            return None
        if row.blob_id is None:
            return None  # of a folder: only the command that began it can go on
        token = uuid.uuid4()
        row.state, row.lease_token, row.losses = ImportState.RUNNING, token, losses
        row.lease_until = now + timedelta(seconds=settings.LEASE_SECONDS)
        row.started_at = row.started_at or now
        row.save(update_fields=["state", "lease_token", "losses", "lease_until", "started_at"])
    return Lease(import_id, token)


def _failed(code: str, error: str) -> dict[str, Any]:
    return {
        "state": ImportState.FAILED,
        "error_code": code[:50],
        "error": error,
        "lease_token": None,
        "lease_until": None,
        "ended_at": timezone.now(),
    }
