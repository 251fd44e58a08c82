"""Backtests: asked for, looked at, cancelled. The work itself is in `backtest_work`."""

from datetime import datetime
from uuid import UUID

from django.db import models, transaction
from django.utils.translation import gettext as _

from apps.fraud.models import Backtest
from apps.fraud.models.leased import UNENDED
from apps.fraud.services import candidates, prices, schemes
from apps.fraud.services.backtest_work import LEASING
from apps.fraud.services.errors import Taken, Unusable
from apps.fraud.services.wakeups import wake_backtest
from loupe.host import jobs
from loupe.host.people import Action, Actor, NotVisible, Project, record_audit, require, visible

MOST_OPEN = 5
"""Backtests of a project that may wait or run at the same time."""


def begin(
    actor: Actor,
    project: Project,
    *,
    version: int | None = None,
    draft: int | None = None,
    job: UUID | None = None,
    start: datetime | None = None,
    stop: datetime | None = None,
    silent_honest: bool = False,
) -> Backtest:
    """Ask what a candidate would have done.

    Args:
        version, draft: the candidate, as `candidates.candidate` takes them.
        job: of an uploaded table; None: a period from `start` to `stop`.
        silent_honest: transactions older than the scheme's label delay that nobody spoke of count
            as honest.

    Raises:
        NotVisible, Denied: the actor may not, or something named is not there.
        Unusable: no source or two are named, or the period is none.
        Taken: too many are open.
    """
    require(actor, Action.MANAGE_MODELS, project)
    if (job is None) == (start is None):
        raise Unusable(_("Choose either a period or an uploaded table."), field="start")
    if start is not None and (stop is None or stop <= start):
        raise Unusable(_("The period needs an end after its start."), field="stop")
    if job is not None:
        jobs.find(actor, project, "fraud", job)
    if Backtest.objects.filter(project=project, state__in=UNENDED).count() >= MOST_OPEN:
        raise Taken(
            _("%(most)s backtests are waiting or running: wait for one, or cancel it.")
            % {"most": MOST_OPEN}
        )
    tried = candidates.candidate(actor, project, version, draft)
    deciding = candidates.champion(actor, project)
    costs, said = prices.of(project.pk)
    with transaction.atomic():
        made = Backtest.objects.create(
            project=project,
            job_id=job,
            first_ms=None if start is None else int(start.timestamp() * 1000),
            stop_ms=None if stop is None or start is None else int(stop.timestamp() * 1000),
            silent_honest=silent_honest,
            version=tried.version,
            draft=tried.draft,
            operating_point=tried.stored,
            point=tried.point.model_dump(mode="json"),
            champion=deciding.point.model_dump(mode="json"),
            champion_version=deciding.version,
            prices=costs.model_dump(mode="json"),
            assumed=said is None,
            currency=schemes.of(project.pk).currency,
            who=actor.label,
            created_by=actor.user,
        )
        told = {"version": str(tried.version), "draft": tried.draft.number if tried.draft else None}
        record_audit(actor, project, "backtest.begun", f"backtest:{made.pk}", told)
        wake_backtest(made.pk)
    return made


def listing(actor: Actor, project: Project) -> "models.QuerySet[Backtest]":
    """Every backtest, newest first.

    Raises:
        NotVisible, Denied: the actor may not look.
    """
    require(actor, Action.VIEW, project)
    return _of(project)


def _of(project: Project) -> "models.QuerySet[Backtest]":
    rows = Backtest.objects.filter(project=project)
    related = ("version__model", "champion_version__model", "draft", "operating_point")
    return rows.select_related("project", *related).order_by("-created_at", "-pk")


def find(actor: Actor, project: Project, backtest_id: UUID) -> Backtest:
    """One backtest.

    Raises:
        NotVisible: there is none that the actor can see.
    """
    found = visible(_of(project), actor).filter(pk=backtest_id).first()
    if found is None:
        raise NotVisible(_("There is no such backtest that you can see."))
    return found


def cancel(actor: Actor, backtest: Backtest) -> Backtest:
    """Stop a backtest; nothing of it is kept but that it was asked for.

    Raises:
        NotVisible, Denied: the actor may not.
        Taken: it has ended.
    """
    require(actor, Action.MANAGE_MODELS, backtest.project)
    with transaction.atomic():
        if not LEASING.cancel(backtest.pk):
            raise Taken(_("The backtest has ended: there is nothing to cancel."))
        record_audit(actor, backtest.project, "backtest.cancelled", f"backtest:{backtest.pk}", {})
    backtest.refresh_from_db()
    return backtest
