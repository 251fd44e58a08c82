"""Models: what there is, which version decides, uploads, promotion and operating points."""

from pathlib import Path

from django import forms
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from loupe.accounts.errors import NotVisible
from loupe.accounts.policy import Action
from loupe.console.pages.forms import Reason, blame
from loupe.console.pages.frame import PageRequest, app_or_missing, project_page, say, say_refused
from loupe.console.pages.point_form import PointForm
from loupe.contract.runtime.errors import LoupeError
from loupe.plugins import registry as apps
from loupe.registry import services as registry
from loupe.registry.errors import OperatingPointInvalid
from loupe.registry.models import Model, ModelVersion, OperatingPoint, Stage


class UploadForm(forms.Form):
    """A model file and the name it is registered under."""

    name = forms.SlugField(
        label=gettext_lazy("Name"),
        max_length=60,
        help_text=gettext_lazy("Small letters, digits, - and _. A known name adds a version."),
    )
    file = forms.FileField(
        label=gettext_lazy("Model file"),
        help_text=gettext_lazy("ONNX. Pickles are refused: reading one can run code."),
    )


@require_GET
@project_page(section="models")
def listing(request: PageRequest) -> HttpResponse:
    """Every model the project can use, app by app."""
    found = registry.visible_models(request.actor, request.project)
    models = list(found.prefetch_related("versions")[:200])
    groups = [
        (app, [(m, _production(m), m.versions.all()) for m in models if m.app == app.slug])
        for app in apps.installed()
        if app.needs_model
    ]
    return render(request, "console/models.html", {"groups": groups})


def _production(model: Model) -> ModelVersion | None:
    return next((v for v in model.versions.all() if v.stage == Stage.PRODUCTION), None)


@require_http_methods(["GET", "POST"])
@project_page(Action.MANAGE_MODELS, section="models")
def upload(request: PageRequest, app: str) -> HttpResponse:
    """Register a model file as a candidate, after its check in the sandbox."""
    domain = app_or_missing(app)
    form = UploadForm(request.POST, request.FILES) if request.method == "POST" else UploadForm()
    if request.method == "POST" and form.is_valid():
        file = form.cleaned_data["file"]
        try:
            version = registry.upload(
                request.actor,
                request.project,
                app,
                form.cleaned_data["name"],
                Path(file.temporary_file_path()),
                file.name,
            )
            say(request, _("Checked and registered as a candidate. Promote it to use it."))
            return HttpResponseRedirect(
                reverse("console:model", args=[request.project.slug, app, version.model_id])
            )
        except LoupeError as error:
            blame(form, error)
    return render(request, "console/model_upload.html", {"domain": domain, "form": form})


def _find(request: PageRequest, app: str, model_id: int) -> Model:
    model = registry.visible_models(request.actor, request.project, app).filter(pk=model_id).first()
    if model is None:
        raise NotVisible(_("There is no model %(id)s that you can see.") % {"id": model_id})
    return model


def _version(request: PageRequest, app: str, model_id: int, number: int) -> ModelVersion:
    model = _find(request, app, model_id)
    version = model.versions.select_related("model__project").filter(number=number).first()
    if version is None:
        raise NotVisible(_("This model has no version %(n)s.") % {"n": number})
    return version


@require_GET
@project_page(section="models")
def page(request: PageRequest, app: str, model_id: int) -> HttpResponse:
    """One model: its versions, what decides, and how."""
    model = _find(request, app, model_id)
    versions = list(
        model.versions.select_related("model__project", "created_by").order_by("-number")[:50]
    )
    shown = _chosen(versions, request.GET.get("version", ""))
    points: list[OperatingPoint] = []
    if shown is not None:
        ours = OperatingPoint.objects.filter(model_version=shown).select_related("created_by")
        points = list(
            (ours.filter(project=request.project) | ours.filter(project=None)).order_by("-pk")[:20]
        )
    return render(
        request,
        "console/model.html",
        {
            "domain": app_or_missing(app),
            "model": model,
            "versions": versions,
            "shown": shown,
            "card": registry.describe(shown) if shown else None,
            "point": registry.operating_point(shown, request.project) if shown else None,
            "points": points,
            "reason": Reason(),
            "own": model.project_id == request.project.pk,
        },
    )


def _chosen(versions: list[ModelVersion], number: str) -> ModelVersion | None:
    asked = next((v for v in versions if str(v.number) == number), None)
    live = next((v for v in versions if v.stage == Stage.PRODUCTION), None)
    return asked or live or (versions[0] if versions else None)


@require_POST
@project_page(Action.MANAGE_MODELS)
def promote(request: PageRequest, app: str, model_id: int, number: int) -> HttpResponse:
    """Put a candidate into production."""
    try:
        version = _version(request, app, model_id, number)
        registry.promote(request.actor, version, request.POST.get("reason", ""))
        say(request, _("Promoted. New work uses it from now on."))
    except LoupeError as error:
        say_refused(request, error)
    return HttpResponseRedirect(
        reverse("console:model", args=[request.project.slug, app, model_id])
    )


@require_POST
@project_page(Action.MANAGE_MODELS)
def retire(request: PageRequest, app: str, model_id: int, number: int) -> HttpResponse:
    """Take a version out of use, or go back to the one before."""
    try:
        version = _version(request, app, model_id, number)
        if request.POST.get("back") == "yes":
            registry.roll_back(request.actor, version.model, request.POST.get("reason", ""))
            say(request, _("The version before is in production again."))
        else:
            registry.retire(request.actor, version, request.POST.get("reason", ""))
            say(request, _("Retired."))
    except LoupeError as error:
        say_refused(request, error)
    return HttpResponseRedirect(
        reverse("console:model", args=[request.project.slug, app, model_id])
    )


@require_http_methods(["GET", "POST"])
@project_page(Action.MANAGE_MODELS, section="models")
def point(request: PageRequest, app: str, model_id: int, number: int) -> HttpResponse:
    """Set the next operating point of a version in this project."""
    domain = app_or_missing(app)
    version = _version(request, app, model_id, number)
    current = registry.operating_point(version, request.project)
    given = request.POST if request.method == "POST" else None
    form = PointForm(given, schema=domain.operating_point_schema, current=current.data)
    if given is not None and form.is_valid():
        try:
            made = registry.set_operating_point(
                request.actor, request.project, version, form.values(), form.cleaned_data["note"]
            )
            say(request, _("Operating point %(n)s decides from now on.") % {"n": made.number})
            there = reverse("console:model", args=[request.project.slug, app, model_id])
            return HttpResponseRedirect(f"{there}?version={number}")
        except OperatingPointInvalid as error:
            for field, sentence in error.fields.items():
                form.add_error(field if field in form.fields else None, sentence)
        except LoupeError as error:
            blame(form, error)
    context = {"domain": domain, "version": version, "current": current, "form": form}
    return render(request, "console/model_point.html", context)
