"""Models: what there is, uploads, and operating points set by hand."""

from pathlib import Path

from django import forms
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods

from loupe.accounts.errors import NotVisible
from loupe.accounts.policy import Action
from loupe.console.pages.forms import blame
from loupe.console.pages.frame import PageRequest, app_or_missing, project_page, say
from loupe.console.pages.point_form import PointForm
from loupe.contract.runtime.errors import LoupeError
from loupe.plugins import registry as apps
from loupe.registry import services as registry
from loupe.registry.errors import OperatingPointInvalid
from loupe.registry.models import Model, ModelVersion, Stage


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


def find(request: PageRequest, app: str, model_id: int) -> Model:
    """The model of an address.

    Raises:
        NotVisible: there is none that the person can see.
    """
    model = registry.visible_models(request.actor, request.project, app).filter(pk=model_id).first()
    if model is None:
        raise NotVisible(_("There is no model %(id)s that you can see.") % {"id": model_id})
    return model


def find_version(request: PageRequest, app: str, model_id: int, number: int) -> ModelVersion:
    """The version of an address.

    Raises:
        NotVisible: there is none that the person can see.
    """
    model = find(request, app, model_id)
    version = model.versions.select_related("model__project").filter(number=number).first()
    if version is None:
        raise NotVisible(_("This model has no version %(n)s.") % {"n": number})
    return version


@require_http_methods(["GET", "POST"])
@project_page(Action.MANAGE_MODELS, section="models")
def point(request: PageRequest, app: str, model_id: int, number: int) -> HttpResponse:
    """Set the next operating point of a version in this project."""
    domain = app_or_missing(app)
    version = find_version(request, app, model_id, number)
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
