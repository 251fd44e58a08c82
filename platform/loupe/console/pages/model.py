"""One model: is its newest version better, what does it get wrong, where did it come from, and who
put which version into production when."""

from collections.abc import Callable, Sequence
from typing import Any

from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from loupe.accounts.errors import NotVisible
from loupe.accounts.policy import Action, visible
from loupe.blobs import services as blobs
from loupe.console.comparison import axes, verdict
from loupe.console.drawing import charts, matrix
from loupe.console.pages.forms import Reason
from loupe.console.pages.frame import PageRequest, app_or_missing, project_page, say, say_refused
from loupe.console.pages.models import find, find_version
from loupe.contract.runtime.errors import LoupeError
from loupe.contract.runtime.panel import Figure, Panel
from loupe.datasets.models import DatasetVersion
from loupe.registry import services as registry
from loupe.registry.models import Model, ModelVersion, OperatingPoint, PromotionRequest, Stage
from loupe.registry.services import consent
from loupe.training import promotion
from loupe.training import services as training
from loupe.training.models import Evaluation, MistakePicture, Run

VERSIONS = 50
COMPARED = 8
HISTORY = 30


@require_GET
@project_page(section="models")
def page(request: PageRequest, app: str, model_id: int) -> HttpResponse:
    """The page of a model, about the version that is asked for, else the one in production."""
    model = find(request, app, model_id)
    domain = app_or_missing(app)
    versions = list(
        model.versions.select_related("model__project", "created_by").order_by("-number")[:VERSIONS]
    )
    waiting = list(
        PromotionRequest.objects.filter(
            version__model=model, state=PromotionRequest.State.WAITING
        ).select_related("version__model", "requested_by")
    )
    history = PromotionRequest.objects.filter(version__model=model).select_related(
        "version__model", "requested_by", "decided_by"
    )
    shown = _chosen(versions, request.GET.get("version", ""))
    context: dict[str, Any] = {
        "domain": domain,
        "model": model,
        "versions": versions,
        "shown": shown,
        "reason": Reason(),
        "own": model.project_id == request.project.pk,
        "waiting": waiting,
        "waiting_for": {asked.version_id for asked in waiting},
        "history": history.order_by("-pk")[:HISTORY],
        "trained": domain.training is not None,
    }
    if shown is not None:
        context |= _version(request, shown, versions)
    return render(request, "console/model.html", context)


def _chosen(versions: Sequence[ModelVersion], number: str) -> ModelVersion | None:
    asked = next((v for v in versions if str(v.number) == number), None)
    live = next((v for v in versions if v.stage == Stage.PRODUCTION), None)
    return asked or live or (versions[0] if versions else None)


def _version(
    request: PageRequest, shown: ModelVersion, versions: Sequence[ModelVersion]
) -> dict[str, Any]:
    """All that the page says about one version."""
    ours = OperatingPoint.objects.filter(model_version=shown).select_related("created_by")
    points = (ours.filter(project=request.project) | ours.filter(project=None)).order_by("-pk")
    found: dict[str, Any] = {
        "card": registry.describe(shown),
        "point": registry.operating_point(shown, request.project),
        "points": list(points[:20]),
        "origin": _origin(request, shown),
        "gate": promotion.gate(shown) if shown.stage == Stage.CANDIDATE else None,
    }
    measured = list(training.evaluations(shown, request.project)[:20])
    serving = [one for one in measured if one.serving]
    asked = request.GET.get("evaluation", "")
    evaluation = next((one for one in measured if str(one.pk) == asked), None) or (
        serving[0] if serving else None
    )
    found["evaluations"] = measured
    found["evaluation"] = evaluation
    if evaluation is not None:
        found |= _measured(shown, evaluation, versions)
    rows = visible(DatasetVersion.objects.all(), request.actor, "dataset__project")
    rows = rows.filter(dataset__project=request.project, dataset__app=shown.model.app)
    found["datasets"] = rows.select_related("dataset").order_by("-pk")[:20]
    return found


def _measured(
    shown: ModelVersion, evaluation: Evaluation, versions: Sequence[ModelVersion]
) -> dict[str, Any]:
    """One evaluation beside those of other versions on the same data."""
    panel = Panel.model_validate(evaluation.panel)
    others = (
        Evaluation.objects.filter(
            model_version__in=[one.pk for one in versions],
            dataset_version=evaluation.dataset_version_id,
            serving=True,
        )
        .exclude(model_version=shown)
        .order_by("-model_version__number", "-pk")
    )
    by_pk = {version.pk: version for version in versions}
    measured: dict[int, tuple[ModelVersion, Sequence[Figure]]] = {shown.pk: (shown, panel.figures)}
    for other in others[: 2 * COMPARED]:
        if other.model_version_id not in measured and len(measured) < COMPARED:
            figures = Panel.model_validate(other.panel).figures
            measured[other.model_version_id] = (by_pk[other.model_version_id], figures)
    live = next((one for one in versions if one.stage == Stage.PRODUCTION), None)
    against = live if live is not None and live.pk != shown.pk else None
    theirs = measured[against.pk][1] if against is not None and against.pk in measured else ()
    ordered = sorted(measured.values(), key=lambda one: -one[0].number)
    names = set(evaluation.pictures.values_list("name", flat=True))
    mistakes = [one for one in panel.mistakes if one.picture in names]
    return {
        "panel": panel,
        "axes": axes(ordered, shown),
        "verdict": verdict(panel.figures, theirs, against if theirs else None),
        "charts": charts(panel.plots),
        "matrix": matrix(panel.confusion) if panel.confusion else [],
        "misses": [one for one in mistakes if one.kind == "miss"],
        "false_alarms": [one for one in mistakes if one.kind == "false_alarm"],
        "slice_figures": panel.slices[0].figures if panel.slices else (),
    }


def _origin(request: PageRequest, shown: ModelVersion) -> dict[str, Any] | None:
    """Where a version that was trained here came from; None for one that was brought."""
    run = (
        visible(Run.objects.filter(version=shown, project=request.project), request.actor)
        .filter(kind="train")
        .select_related("dataset_version__dataset", "base__model")
        .defer("log")
        .first()
    )
    said = shown.manifest.get("origin")
    return {"run": run, "said": said} if run is not None or isinstance(said, dict) else None


@require_GET
@project_page()
def mistake(
    request: PageRequest, app: str, model_id: int, evaluation_id: int, name: str
) -> HttpResponse:
    """The picture of one of an evaluation's mistakes."""
    model = find(request, app, model_id)
    found = (
        MistakePicture.objects.filter(
            evaluation=evaluation_id,
            evaluation__model_version__model=model,
            evaluation__dataset_version__dataset__project=request.project,
            name=name,
        )
        .select_related("blob")
        .first()
    )
    if found is None:
        raise NotVisible(_("There is no such picture that you can see."))
    tag = f'"{found.blob.sha256}"'
    if request.headers.get("If-None-Match") == tag:
        return HttpResponse(status=304)
    with blobs.open_local(found.blob) as path:
        answer = HttpResponse(path.read_bytes(), content_type="image/png")
    answer["X-Content-Type-Options"] = "nosniff"
    answer["Content-Security-Policy"] = "default-src 'none'; sandbox"
    answer["Cache-Control"] = "private, max-age=86400"
    answer["ETag"] = tag
    return answer


def _back(request: PageRequest, app: str, model_id: int) -> HttpResponse:
    return HttpResponseRedirect(
        reverse("console:model", args=[request.project.slug, app, model_id])
    )


@require_POST
@project_page(Action.MANAGE_MODELS)
def promote(request: PageRequest, app: str, model_id: int, number: int) -> HttpResponse:
    """Put a candidate into production, or ask for it."""
    try:
        version = find_version(request, app, model_id, number)
        made = promotion.promote(request.actor, version, request.POST.get("reason", ""))
        if made.waiting is None:
            say(request, _("Promoted. New work uses it from now on."))
        else:
            say(request, _("Asked. It goes into production when somebody else agrees."))
    except LoupeError as error:
        say_refused(request, error)
    return _back(request, app, model_id)


@require_POST
@project_page(Action.MANAGE_MODELS)
def answer(request: PageRequest, app: str, model_id: int, number: int, verb: str) -> HttpResponse:
    """Agree to a wish that waits, decline it, or take it back."""
    comment = request.POST.get("comment", "")
    verbs: dict[str, tuple[Callable[..., object], str]] = {
        "approve": (promotion.approve, _("Agreed. New work uses it from now on.")),
        "decline": (consent.decline, _("Declined. The version stays a candidate.")),
        "withdraw": (consent.withdraw, _("Taken back. The version stays a candidate.")),
    }
    if verb not in verbs:
        raise NotVisible(_("There is nothing at this address."))
    act, done = verbs[verb]
    try:
        act(request.actor, consent.waiting(find(request, app, model_id), number), comment)
        say(request, done)
    except LoupeError as error:
        say_refused(request, error)
    return _back(request, app, model_id)


@require_POST
@project_page(Action.MANAGE_MODELS)
def retire(request: PageRequest, app: str, model_id: int, number: int) -> HttpResponse:
    """Take a version out of use, or go back to the one before."""
    try:
        version = find_version(request, app, model_id, number)
        if request.POST.get("back") == "yes":
            registry.roll_back(request.actor, version.model, request.POST.get("reason", ""))
            say(request, _("The version before is in production again."))
        else:
            registry.retire(request.actor, version, request.POST.get("reason", ""))
            say(request, _("Retired."))
    except LoupeError as error:
        say_refused(request, error)
    return _back(request, app, model_id)


@require_POST
@project_page(Action.TRAIN)
def evaluate(request: PageRequest, app: str, model_id: int, number: int) -> HttpResponse:
    """Measure a version on a dataset version."""
    try:
        version = find_version(request, app, model_id, number)
        run = training.evaluate(request.actor, version, _data(request, version.model))
        return HttpResponseRedirect(
            reverse("console:training", args=[request.project.slug, run.pk])
        )
    except LoupeError as error:
        say_refused(request, error)
    return _back(request, app, model_id)


def _data(request: PageRequest, model: Model) -> DatasetVersion:
    asked = request.POST.get("dataset", "")
    rows = visible(DatasetVersion.objects.all(), request.actor, "dataset__project")
    found = (
        rows.filter(dataset__project=request.project, dataset__app=model.app, pk=int(asked))
        .select_related("dataset__project")
        .first()
        if asked.isascii() and asked.isdigit() and len(asked) < 18
        else None
    )
    if found is None:
        raise NotVisible(_("Choose a dataset version of this project."))
    return found
