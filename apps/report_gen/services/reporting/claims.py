"""Who reads a study at the moment: claims that end by themselves, and critical findings seen."""

from datetime import timedelta
from uuid import UUID

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.report_gen.models import Study, StudyState
from apps.report_gen.services.reporting.errors import Claimed, Closed, Unusable
from loupe.host.people import Action, Actor, Denied, record_audit, require

CLAIM = timedelta(minutes=30)
"""A claim without an edit ends after this time."""


def person(actor: Actor) -> User:
    """The person who acts.

    Raises:
        Denied: a key or the system does; reading is a person's work.
    """
    if actor.user is None:
        raise Denied(_("A report is a person's word: sign in and give it yourself."))
    return actor.user


def holder(study: Study) -> User | None:
    """Who has the study now; None: nobody, or the claim has ended."""
    if study.claimed_by is None or study.claimed_at is None:
        return None
    return study.claimed_by if timezone.now() - study.claimed_at < CLAIM else None


def lock(study_id: UUID) -> Study:
    """The study as it is now; nobody else changes it until the transaction ends."""
    Study.objects.select_for_update().filter(pk=study_id).values_list("pk").get()
    return Study.objects.select_related("project", "claimed_by", "result").get(pk=study_id)


def check_free(study: Study, user: User) -> None:
    """Pass in silence where `user` may work on the study.

    Raises:
        Claimed: somebody else has it.
    """
    other = holder(study)
    if other is not None and other.pk != user.pk and study.claimed_at is not None:
        until = timezone.localtime(study.claimed_at + CLAIM).strftime("%H:%M")
        raise Claimed(
            _(
                "%(name)s reads this study until %(until)s. Nothing of yours was stored: wait, or "
                "take the study over."
            )
            % {"name": shown_name(other), "until": until}
        )


def keep(study: Study, user: User) -> None:
    """Work goes on: the study is `user`'s for another while. Call it with the study locked."""
    mine = study.claimed_by_id == user.pk
    study.claimed_by, study.claimed_at = user, timezone.now()
    study.save(update_fields=["claimed_by", "claimed_at"])
    if not mine:
        record_audit(Actor(user=user), study.project, "study.claimed", f"study:{study.pk}", {})


@transaction.atomic
def claim(actor: Actor, study: Study, *, take_over: bool = False) -> Study:
    """Take a study, or keep it longer.

    Args:
        take_over: even if somebody else has it; the audit log says so.

    Raises:
        NotVisible, Denied: the actor may not read here.
        Claimed: somebody else has it.
        Closed: there is nothing to read yet.
    """
    user = person(actor)
    require(actor, Action.REVIEW, study.project)
    locked = lock(study.pk)
    if locked.state not in (StudyState.DRAFTED, StudyState.REPORTED):
        raise Closed(
            _("This study is %(state)s: there is no draft to read yet.")
            % {"state": locked.get_state_display().lower()}
        )
    other = holder(locked)
    if take_over and other is not None and other.pk != user.pk:
        locked.claimed_by = None
        told = {"from": other.get_username()}
        record_audit(actor, locked.project, "study.taken_over", f"study:{locked.pk}", told)
    else:
        check_free(locked, user)
    keep(locked, user)
    return locked


@transaction.atomic
def release(actor: Actor, study: Study) -> Study:
    """Give a study back to the worklist; what one does not have is given back in silence.

    Raises:
        NotVisible, Denied: the actor may not read here.
    """
    user = person(actor)
    require(actor, Action.REVIEW, study.project)
    locked = lock(study.pk)
    if locked.claimed_by_id == user.pk:
        locked.claimed_by = locked.claimed_at = None
        locked.save(update_fields=["claimed_by", "claimed_at"])
        record_audit(actor, locked.project, "study.released", f"study:{locked.pk}", {})
    return locked


@transaction.atomic
def acknowledge(actor: Actor, study: Study) -> Study:
    """Say that one has seen that a critical finding is there: who and when, once.

    Raises:
        NotVisible, Denied: the actor may not read here.
        Unusable: nothing critical is there.
    """
    user = person(actor)
    require(actor, Action.REVIEW, study.project)
    locked = lock(study.pk)
    if not locked.critical:
        raise Unusable(_("No critical finding is said to be in this study."))
    if locked.acknowledged_at is None:
        locked.acknowledged_by, locked.acknowledged_at = user, timezone.now()
        locked.save(update_fields=["acknowledged_by", "acknowledged_at"])
        told = {"present": locked.present}
        record_audit(actor, locked.project, "study.acknowledged", f"study:{locked.pk}", told)
    return locked


def shown_name(user: User) -> str:
    """A person's full name, else the name they sign in with."""
    return user.get_full_name() or user.get_username()
