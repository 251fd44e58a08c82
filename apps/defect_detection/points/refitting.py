"""Points proposed without being asked for: each evaluation of a candidate is fitted to what is
promised already, and a person says whether it shall decide.

`on_evaluated` proposes, `accept` and `dismiss` are the person's, `offered` lists what waits.
"""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.defect_detection.models import PointProposal, ProposalState
from apps.defect_detection.operating.certificate import Certificate
from apps.defect_detection.operating.limits import Limit, Promise
from apps.defect_detection.points import proposing
from apps.defect_detection.points.evidence import usable_evaluations
from apps.defect_detection.schema import ClassRule, OperatingPoint
from loupe.contract.runtime.errors import LoupeError
from loupe.host import models as registry
from loupe.host.evaluations import Evaluation
from loupe.host.models import ModelVersion
from loupe.host.people import SYSTEM, Action, Actor, Project, record_audit, require

log = logging.getLogger(__name__)

FIRST_PROMISE = Promise(limits=(Limit(kind="escape", at_most=0.02),))
"""What the first version of a project is fitted to, before anybody has promised anything."""
CANDIDATE, PRODUCTION = "candidate", "production"
MOST_POINTS = 500
"""Points looked through for a promise; products set up longer ago keep theirs, unproposed."""


class ProposalOver(LoupeError):
    """The proposal was decided about, nothing could be fitted, or its rules have changed."""

    code = "proposal_over"


@dataclass(frozen=True, kw_only=True)
class Promised:
    """What is promised about a scope, and by which point; none where it is only assumed."""

    scope: str
    promise: Promise
    by: registry.OperatingPoint | None


def on_evaluated(evaluation_ids: Sequence[int]) -> None:
    """A `loupe.contract.training.OnEvaluated`: propose for every candidate among them."""
    rows = Evaluation.objects.filter(pk__in=list(evaluation_ids)).select_related(
        "model_version__model", "dataset_version__dataset__project", "predictions"
    )
    for evaluation in rows:
        if evaluation.model_version.stage == CANDIDATE and evaluation.predictions_id is not None:
            propose(evaluation)


def propose(evaluation: Evaluation) -> list[PointProposal]:
    """Fit the evaluation's artefact to each promise of its project, and write down what came of
    it. Proposals that somebody decided about stay; open ones are made anew.
    """
    project = evaluation.dataset_version.dataset.project
    version = evaluation.model_version
    promised = list(promises(project, version))
    made = [_proposed(evaluation, project, one) for one in promised]
    # Of one dataset and artefact the newest evaluation counts.
    older = PointProposal.objects.filter(
        project=project,
        model_version=version,
        state=ProposalState.OPEN,
        evaluation__dataset_version=evaluation.dataset_version_id,
        evaluation__artefact=evaluation.artefact,
        evaluation__lt=evaluation.pk,
    )
    older.delete()
    return made


def promises(project: Project, version: ModelVersion) -> Iterator[Promised]:
    """What is promised now, by scope: the promise of the newest point that somebody set, where
    that carries a certificate. What is in production says most, and the version itself least."""
    points = registry.OperatingPoint.objects.filter(
        # What the registry carried over by itself is nobody's word.
        Q(created_by__isnull=False) | Q(certificate__isnull=False),
        project=project,
        model_version__model__app=version.model.app,
    )
    others = points.exclude(model_version=version)
    of_model = others.filter(model_version__model=version.model_id)
    newest: dict[str, registry.OperatingPoint] = {}
    for some in (of_model.filter(model_version__stage=PRODUCTION), of_model, others, points):
        for row in some.order_by("-pk")[:MOST_POINTS]:
            newest.setdefault(row.scope, row)
    found = False
    for scope in sorted(newest):
        if newest[scope].certificate is None:
            continue
        found = True
        made = Certificate.model_validate(newest[scope].certificate)
        yield Promised(scope=scope, promise=made.promise, by=newest[scope])
    if not found and "" not in newest:
        yield Promised(scope="", promise=FIRST_PROMISE, by=None)


def offered(project: Project, version: ModelVersion) -> "QuerySet[PointProposal]":
    """What waits for a person, what serves first. Ask the policy before."""
    rows = PointProposal.objects.filter(
        project=project, model_version=version, state=ProposalState.OPEN
    )
    rows = rows.select_related("evaluation__dataset_version__dataset", "promised_by")
    return rows.order_by("scope", "-evaluation__serving", "-evaluation")


def missing(project: Project, version: ModelVersion) -> list[Evaluation]:
    """Evaluations of a candidate nothing was proposed from, as after a kill of the trainer."""
    if version.stage != CANDIDATE:
        return []
    known = set(
        PointProposal.objects.filter(project=project, model_version=version).values_list(
            "evaluation", flat=True
        )
    )
    return [one for one in usable_evaluations(version, project) if one.pk not in known]


def accept(actor: Actor, proposal: PointProposal) -> registry.OperatingPoint:
    """Let the proposed point decide from now on, with its certificate.

    Raises:
        NotVisible, Denied: the actor may not manage models here.
        ProposalOver: it was decided about, holds no point, or the rules it was fitted under are
            no longer those of its version.
        ModelConflict: somebody set a point at the same moment.
    """
    require(actor, Action.MANAGE_MODELS, proposal.project)
    version = proposal.model_version
    with transaction.atomic():
        locked = _open(proposal)
        if locked.point is None:
            raise ProposalOver(
                _("Nothing could be fitted here: %(why)s") % {"why": locked.error or "–"}
            )
        now = proposing.current(version, locked.project, locked.scope)
        if _rules(now) != _rules(locked.rules):
            raise ProposalOver(
                _(
                    "The rules of this version have changed since the point was fitted: propose "
                    "again, then decide."
                )
            )
        set_now = registry.set_operating_point(
            actor,
            locked.project,
            version,
            locked.point,
            f"Proposed after evaluation {locked.evaluation_id}",
            scope=locked.scope,
            certificate=locked.certificate,
        )
        _decided(actor, locked, ProposalState.ACCEPTED)
    return set_now


def dismiss(actor: Actor, proposal: PointProposal) -> None:
    """Put a proposal aside.

    Raises:
        NotVisible, Denied, ProposalOver: as `accept`.
    """
    require(actor, Action.MANAGE_MODELS, proposal.project)
    with transaction.atomic():
        locked = _open(proposal)
        _decided(actor, locked, ProposalState.DISMISSED)
        subject = f"point_proposal:{locked.pk}"
        record_audit(actor, locked.project, "operating_point.dismissed", subject, _facts(locked))


def _open(proposal: PointProposal) -> PointProposal:
    rows = PointProposal.objects.select_for_update().filter(pk=proposal.pk)
    locked = rows.filter(state=ProposalState.OPEN).first()
    if locked is None:
        raise ProposalOver(_("Somebody decided about this proposal already."))
    return locked


def _decided(actor: Actor, locked: PointProposal, state: ProposalState) -> None:
    locked.state, locked.decided_by, locked.decided_at = state, actor.user, timezone.now()
    locked.save(update_fields=["state", "decided_by", "decided_at"])


def _rules(row: registry.OperatingPoint) -> OperatingPoint:
    """A point without its thresholds: what says which finds are defects, and how bad."""
    point = proposing.rules_of(row)
    classes = {
        name: rule.model_copy(update={"threshold": None, "review_from": None})
        for name, rule in point.classes.items()
    }
    said = {name: rule for name, rule in classes.items() if rule != ClassRule()}
    return point.model_copy(update={"threshold": 1.0, "review_from": 1.0, "classes": said})


def _proposed(evaluation: Evaluation, project: Project, promised: Promised) -> PointProposal:
    version = evaluation.model_version
    kept = PointProposal.objects.filter(evaluation=evaluation, scope=promised.scope)
    decided = kept.exclude(state=ProposalState.OPEN).first()
    if decided is not None:
        return decided
    row = proposing.current(version, project, promised.scope)
    proposal = PointProposal(
        project=project,
        model_version=version,
        evaluation=evaluation,
        scope=promised.scope,
        rules=row,
        promise=promised.promise.model_dump(mode="json"),
        promised_by=promised.by,
    )
    try:
        fitted = proposing.fitted(evaluation, proposing.rules_of(row), promised.promise)
    except LoupeError as error:
        # Told where the proposal would stand: a class that is gone, nothing held out.
        proposal.error_code, proposal.error = error.code, error.message
    else:
        proposal.point = fitted.point.model_dump(mode="json")
        if fitted.certificate is not None:
            proposal.certificate = fitted.certificate.model_dump(mode="json")
    with transaction.atomic():
        kept.filter(state=ProposalState.OPEN).delete()
        proposal.save(force_insert=True)
        subject = f"point_proposal:{proposal.pk}"
        record_audit(SYSTEM, project, "operating_point.proposed", subject, _facts(proposal))
    return proposal


def _facts(proposal: PointProposal) -> dict[str, object]:
    certificate = proposal.certificate or {}
    return {
        "version": f"{proposal.model_version}",
        "evaluation": proposal.evaluation_id,
        "scope": proposal.scope,
        "promise": proposal.promise,
        "point": proposal.point,
        "certified": certificate.get("holds"),
        "code": proposal.error_code,
    }
