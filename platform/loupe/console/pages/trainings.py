"""Trainings: the list, the form that starts one, and the live page of one."""

import uuid
from collections.abc import Mapping
from typing import Any

from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from loupe.accounts.errors import NotVisible
from loupe.accounts.policy import Action, visible
from loupe.console.pages.forms import blame
from loupe.console.pages.frame import PageRequest, app_or_missing, project_page, say, say_refused
from loupe.console.pages.recipe_form import PREFIX, TrainingForm
from loupe.contract.app import DomainApp
from loupe.contract.runtime.errors import LoupeError
from loupe.contract.runtime.panel import Panel
from loupe.datasets.models import DatasetVersion
from loupe.plugins import registry as apps
from loupe.registry import services as registry
from loupe.registry.models import Stage
from loupe.training import gathering, progress, recipes, services
from loupe.training.errors import RecipeInvalid
from loupe.training.models import Evaluation, Run, RunKind, RunState

PAGE = 50
CHOICES = 200
"""Versions offered in the form; older ones are reached from their dataset's page."""
SOURCE = "source:"
"""What the form's values of sources begin with; a version is its number."""


@require_GET
@project_page(section="models")
def listing(request: PageRequest) -> HttpResponse:
    """Trainings and evaluations, newest first; their ids sort by time, so they page too."""
    rows = services.runs(request.actor, request.project)
    state, app, after = (request.GET.get(key, "") for key in ("state", "app", "after"))
    if state == "open":
        rows = rows.filter(state__in=services.OPEN)
    elif state in RunState.values:
        rows = rows.filter(state=state)
    if app:
        rows = rows.filter(app=app)
    if (start := _uuid(after)) is not None:
        rows = rows.filter(pk__lt=start)
    found = list(rows[: PAGE + 1])
    return render(
        request,
        "console/trainings.html",
        {
            "runs": found[:PAGE],
            "next": found[PAGE - 1].pk if len(found) > PAGE else None,
            "state": state,
            "states": [
                ("open", _("Open")),
                (RunState.DONE.value, RunState.DONE.label),
                (RunState.FAILED.value, RunState.FAILED.label),
                (RunState.CANCELLED.value, RunState.CANCELLED.label),
            ],
            "trained": [one for one in apps.installed() if one.training is not None],
        },
    )


def _uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


def _find(request: PageRequest, run_id: uuid.UUID) -> Run:
    run = services.find(request.actor, run_id)
    if run.project_id != request.project.pk:
        raise NotVisible(_("There is no training %(id)s that you can see.") % {"id": run_id})
    return run


def _facts(run: Run) -> dict[str, Any]:
    """What the live part shows: always from the database."""
    scored = (
        Evaluation.objects.filter(run=run, serving=True).first()
        if run.state == RunState.DONE
        else None
    )
    return {
        "run": run,
        "domain": apps.get(run.app),
        "ended": run.state not in services.OPEN,
        "left": progress.seconds_left(run),
        "resumable": run.state in services.RESUMABLE,
        "panel": Panel.model_validate(scored.panel) if scored else None,
    }


@require_GET
@project_page(section="models")
def page(request: PageRequest, run_id: uuid.UUID) -> HttpResponse:
    """The live page of a training."""
    run = _find(request, run_id)
    domain = apps.get(run.app)
    curves = domain.training.curves if domain.training and run.kind == RunKind.TRAIN else ()
    steps = [{"step": one.step, "values": one.values} for one in services.metrics(run)]
    context = {
        **_facts(run),
        "curves": curves,
        "steps": steps,
        "recipe": {name: value for name, value in run.config.items() if name != "schema_version"},
    }
    return render(request, "console/training.html", context)


@require_GET
@project_page(section="models")
def live(request: PageRequest, run_id: uuid.UUID) -> HttpResponse:
    """The part of the page that changes; the page asks again until the run has ended."""
    return render(request, "console/parts/training_live.html", _facts(_find(request, run_id)))


@require_http_methods(["GET", "POST"])
@project_page(Action.TRAIN, section="models")
def create(request: PageRequest, app: str) -> HttpResponse:
    """Start a training from a dataset version."""
    domain = app_or_missing(app)
    training = recipes.training_of(app)
    rows = visible(DatasetVersion.objects.all(), request.actor, "dataset__project")
    rows = rows.filter(dataset__project=request.project, dataset__app=app)
    versions = {
        str(one.pk): one
        for one in rows.select_related("dataset__project").order_by("-pk")[:CHOICES]
    }
    bases = {
        str(one.pk): one
        for one in registry.visible_versions(request.actor, request.project, app)[:CHOICES]
    }
    sources = {f"{SOURCE}{key}": said for key, said in gathering.sources(request.project, app)}
    given = request.POST if request.method == "POST" else None
    form = TrainingForm(
        given,
        schema=training.config_schema,
        versions=versions.values(),
        sources=sources,
        bases=bases.values(),
        initial=_initial(request, domain, list(versions.values()), list(sources)),
    )
    if given is not None and form.is_valid():
        try:
            run = services.start(
                request.actor,
                request.project,
                app=app,
                model_name=form.cleaned_data["model_name"],
                dataset_version=_data(request, app, versions, form.cleaned_data["dataset"]),
                config=form.config(),
                base=bases.get(form.cleaned_data["base"]),
                seed=form.cleaned_data["seed"],
            )
            return HttpResponseRedirect(
                reverse("console:training", args=[request.project.slug, run.pk])
            )
        except RecipeInvalid as error:
            for name, sentence in error.fields.items():
                field = PREFIX + name.partition(".")[0]
                form.add_error(field if field in form.fields else None, sentence)
        except LoupeError as error:
            blame(form, error)
    context = {"domain": domain, "form": form, "data": bool(versions or sources)}
    return render(request, "console/training_form.html", context)


def _data(
    request: PageRequest, app: str, versions: Mapping[str, DatasetVersion], chosen: str
) -> DatasetVersion:
    """The version that was chosen; a source is frozen as it is now."""
    if chosen.startswith(SOURCE):
        source = chosen.removeprefix(SOURCE)
        return gathering.freeze(request.actor, request.project, app, source)
    return versions[chosen]


def _initial(
    request: PageRequest,
    domain: type[DomainApp],
    versions: list[DatasetVersion],
    sources: list[str],
) -> dict[str, Any]:
    """What the address asks for: ``dataset``, ``version``, ``model``; else the first source, or the
    newest version there is."""
    dataset, number = request.GET.get("dataset", ""), request.GET.get("version", "")
    chosen = next(
        (
            one
            for one in versions
            if str(one.dataset_id) == dataset and (not number or str(one.number) == number)
        ),
        versions[0] if versions and not sources else None,
    )
    name = request.GET.get("model", "")
    if not name and chosen is not None and not sources:
        name = chosen.dataset.name
    live = registry.visible_versions(request.actor, request.project, domain.slug)
    base = live.filter(stage=Stage.PRODUCTION, model__project=None).order_by("pk").first()
    own = live.filter(stage=Stage.PRODUCTION, model__name=name, model__project=request.project)
    start = own.first() or base
    return {
        "dataset": str(chosen.pk) if chosen else "".join(sources[:1]),
        "model_name": name,
        "base": str(start.pk) if start else "",
        "seed": 0,
    }


@require_POST
@project_page(Action.TRAIN)
def cancel(request: PageRequest, run_id: uuid.UUID) -> HttpResponse:
    """Stop a training; its checkpoint stays."""
    run = _find(request, run_id)
    try:
        services.cancel(request.actor, run)
        say(request, _("Cancelled. The last checkpoint is kept: you can resume it."))
    except LoupeError as error:
        say_refused(request, error)
    return HttpResponseRedirect(reverse("console:training", args=[request.project.slug, run.pk]))


@require_POST
@project_page(Action.TRAIN)
def resume(request: PageRequest, run_id: uuid.UUID) -> HttpResponse:
    """Go on with a training where it stopped."""
    run = _find(request, run_id)
    try:
        services.resume(request.actor, run)
        say(request, _("Queued again: it goes on from its last checkpoint."))
    except LoupeError as error:
        say_refused(request, error)
    return HttpResponseRedirect(reverse("console:training", args=[request.project.slug, run.pk]))
