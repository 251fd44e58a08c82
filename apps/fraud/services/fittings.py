"""Thresholds being fitted: asked for, looked at, cancelled. The work is in `fitting_work`."""

from uuid import UUID

from django.db import models, transaction
from django.utils.translation import gettext as _

from apps.fraud.models import ThresholdRun
from apps.fraud.models.leased import UNENDED
from apps.fraud.services import deciding
from apps.fraud.services.errors import Taken
from apps.fraud.services.fitting_work import LEASING
from apps.fraud.services.wakeups import wake_fitting
from apps.fraud.thresholds.asked import Asked
from loupe.contract.text import Text
from loupe.host.people import Action, Actor, NotVisible, Project, record_audit, require, visible

MOST_OPEN = 3
"""Fits of a project that may wait or run at the same time."""


def begin(actor: Actor, project: Project, asked: Asked, *, silent: bool) -> ThresholdRun:
    """Have thresholds fitted on what the model that decides has scored; they decide nothing yet.

    Args:
        silent: what nobody spoke of within the label delay counts as legitimate.

    Raises:
        NotVisible, Denied: the actor may not manage models here.
        NoModel: no model is in production.
        Taken: too many are open.
    """
    require(actor, Action.MANAGE_MODELS, project)
    present = deciding.now(actor, project)
    if ThresholdRun.objects.filter(project=project, state__in=UNENDED).count() >= MOST_OPEN:
        raise Taken(
            _("%(most)s fits of thresholds are waiting or running: wait for one, or cancel it.")
            % {"most": MOST_OPEN}
        )
    with transaction.atomic():
        made = ThresholdRun.objects.create(
            project=project,
            asked=asked.model_dump(mode="json"),
            silent=silent,
            version=present.version,
            point=present.point.model_dump(mode="json"),
            who=actor.label,
            created_by=actor.user,
        )
        told = {"version": str(present.version), "silent": silent}
        record_audit(actor, project, "thresholds.asked", f"fit:{made.pk}", told)
        wake_fitting(made.pk)
    return made


def listing(actor: Actor, project: Project) -> "models.QuerySet[ThresholdRun]":
    """Every fit, newest first.

    Raises:
        NotVisible, Denied: the actor may not look.
    """
    require(actor, Action.VIEW, project)
    return _of(project)


def find(actor: Actor, project: Project, run_id: UUID) -> ThresholdRun:
    """One fit.

    Raises:
        NotVisible: there is none that the actor can see.
    """
    found = visible(_of(project), actor).filter(pk=run_id).first()
    if found is None:
        raise NotVisible(_("There is no such fit of thresholds that you can see."))
    return found


def cancel(actor: Actor, run: ThresholdRun) -> ThresholdRun:
    """Stop a fit; nothing of it is kept but that it was asked for.

    Raises:
        NotVisible, Denied: the actor may not.
        Taken: it has ended.
    """
    require(actor, Action.MANAGE_MODELS, run.project)
    with transaction.atomic():
        if not LEASING.cancel(run.pk):
            raise Taken(_("The fit has ended: there is nothing to cancel."))
        record_audit(actor, run.project, "thresholds.cancelled", f"fit:{run.pk}", {})
    LEASING.clear(run)
    run.refresh_from_db()
    return run


def too_few(run: ThresholdRun) -> Text | None:
    """What is missing, in both languages; None: it did not fail for want of labels."""
    if not run.missing or not run.error:
        return None
    return Text(
        en=run.error,
        zh=f"已评分 {run.rows:,} 笔，其中已知正常 {run.honest:,} 笔、欺诈 {run.fraud:,} 笔："
        f"不足以选定并认证阈值。至少还缺 {run.missing:,} 笔已知正常的交易，"
        "且须分布在前后两段时间。",
    )


def _of(project: Project) -> "models.QuerySet[ThresholdRun]":
    rows = ThresholdRun.objects.filter(project=project)
    return rows.select_related("project", "version__model", "proposal").order_by(
        "-created_at", "-pk"
    )
