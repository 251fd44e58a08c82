"""Datasets: the list, a new one, and what can be changed about one."""

import uuid
from typing import Any, cast

from django import forms
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import get_language, gettext_lazy, ngettext
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from loupe.accounts.errors import NotVisible
from loupe.accounts.policy import Action, visible
from loupe.console.pages.forms import blame
from loupe.console.pages.frame import PageRequest, app_or_missing, project_page, say, say_refused
from loupe.contract.app import DomainApp
from loupe.contract.runtime.errors import LoupeError
from loupe.datasets import services, vocabulary
from loupe.datasets.browsing import listed, summary
from loupe.datasets.models import Dataset
from loupe.plugins import registry as apps

PAGE = 50


def labelled_apps() -> list[type[DomainApp]]:
    """The apps that have datasets."""
    return [app for app in apps.installed() if app.labelling is not None]


def found(request: PageRequest, dataset_id: uuid.UUID) -> Dataset:
    """A dataset of the page's project.

    Raises:
        NotVisible: there is none that the person can see.
    """
    rows = Dataset.objects.filter(project=request.project, pk=dataset_id)
    rows = rows.filter(app__in=[app.slug for app in labelled_apps()])
    dataset = visible(rows, request.actor).select_related("project").first()
    if dataset is None:
        raise NotVisible(_("There is no dataset %(id)s that you can see.") % {"id": dataset_id})
    return dataset


@require_GET
@project_page(section="datasets")
def listing(request: PageRequest) -> HttpResponse:
    """Datasets by their newest; a constant number of queries."""
    rows = listed(visible(Dataset.objects.filter(project=request.project), request.actor))
    archived = request.GET.get("archived") == "yes"
    # What an app's sources were frozen as has no pages: nobody labels it.
    rows = rows.filter(app__in=[one.slug for one in labelled_apps()])
    rows = rows.filter(archived_at__isnull=not archived)
    app = request.GET.get("app", "")
    if app:
        rows = rows.filter(app=app)
    after = request.GET.get("after", "")
    if (start := _uuid(after)) is not None:
        rows = rows.filter(pk__lt=start)
    page = list(rows.order_by("-pk")[: PAGE + 1])
    return render(
        request,
        "console/datasets.html",
        {
            "datasets": page[:PAGE],
            "next": page[PAGE - 1].pk if len(page) > PAGE else None,
            "archived": archived,
            "several_apps": len(labelled_apps()) > 1,
            "can_make": bool(labelled_apps()),
        },
    )


def _uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


class DatasetForm(forms.Form):
    """A name and what it is about."""

    app = forms.ChoiceField(label=gettext_lazy("App"))
    name = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=60,
        help_text=gettext_lazy("Small letters, digits, - and _, for instance line-3-housings."),
    )
    description = forms.CharField(
        label=gettext_lazy("What it shows"),
        max_length=2000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
    )

    def __init__(self, *args: Any, fixed: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        language = get_language() or "en"
        choices = [(app.slug, app.name.in_language(language)) for app in labelled_apps()]
        field = cast(forms.ChoiceField, self.fields["app"])
        field.choices = choices
        if len(choices) == 1:
            # What a form is given as initial wins over a field's own.
            self.initial["app"] = choices[0][0]
            field.widget = forms.HiddenInput()
        if fixed:
            for name in ("app", "name"):
                self.fields[name].disabled = True
            self.fields["name"].help_text = ""


@require_http_methods(["GET", "POST"])
@project_page(Action.MANAGE_DATASETS, section="datasets")
def create(request: PageRequest) -> HttpResponse:
    """A new dataset; filling it is the next page."""
    given = request.POST if request.method == "POST" else None
    form = DatasetForm(given, initial={"app": request.GET.get("app", "")})
    if given is not None and form.is_valid():
        app = form.cleaned_data["app"]
        try:
            about = vocabulary.about_sent(vocabulary.labelling_of(app), dict(given.lists()))
            made = services.create(
                request.actor,
                request.project,
                app,
                form.cleaned_data["name"],
                about=about,
                description=form.cleaned_data["description"],
            )
            return HttpResponseRedirect(
                reverse("console:dataset_add", args=[request.project.slug, made.pk])
            )
        except LoupeError as error:
            blame(form, error, "name" if error.code in {"dataset_name", "name_in_use"} else None)
    chosen = form["app"].value() or (labelled_apps()[0].slug if labelled_apps() else "")
    if not chosen:
        raise NotVisible(_("No installed app has datasets."))
    labelling = vocabulary.labelling_of(chosen)
    return render(
        request,
        "console/dataset_form.html",
        {"form": form, "labelling": labelling, "about": _sent_about(chosen, given)},
    )


def _sent_about(app: str, given: Any) -> dict[str, Any]:
    """What the form shows again after a refusal; the app's defaults at first."""
    labelling = vocabulary.labelling_of(app)
    try:
        sent = dict(given.lists()) if given is not None else {}
        return vocabulary.stored(vocabulary.about_sent(labelling, sent))
    except LoupeError:
        return {"classes": [name for name in sent.get("class", ()) if name]}


@require_http_methods(["GET", "POST"])
@project_page(Action.MANAGE_DATASETS, section="datasets")
def settings(request: PageRequest, dataset_id: uuid.UUID) -> HttpResponse:
    """What holds for the whole dataset: description, classes."""
    dataset = found(request, dataset_id)
    given = request.POST if request.method == "POST" else None
    initial = {"app": dataset.app, "name": dataset.name, "description": dataset.description}
    form = DatasetForm(given, initial=initial, fixed=True)
    labelling = vocabulary.labelling_of(dataset.app)
    shown = dataset.about
    if given is not None and form.is_valid():
        try:
            about = vocabulary.about_sent(labelling, dict(given.lists()))
            shown = vocabulary.stored(about)
            services.change(
                request.actor, dataset, about=about, description=form.cleaned_data["description"]
            )
            say(request, _("Saved."))
            return HttpResponseRedirect(
                reverse("console:dataset_settings", args=[request.project.slug, dataset.pk])
            )
        except LoupeError as error:
            blame(form, error)
    return render(
        request,
        "console/dataset_settings.html",
        {
            "dataset": dataset,
            "domain": app_or_missing(dataset.app),
            "form": form,
            "labelling": labelling,
            "about": shown,
            "classes": list(summary(dataset).classes) if labelling.rename else [],
            "tab": "settings",
        },
    )


@require_POST
@project_page(Action.MANAGE_DATASETS)
def act(request: PageRequest, dataset_id: uuid.UUID, verb: str) -> HttpResponse:
    """Take corrections; read groups from names; call a class otherwise; archive, delete."""
    dataset = found(request, dataset_id)
    try:
        match verb:
            case "take-corrections":
                services.take_corrections(request.actor, dataset)
                say(request, _("Corrections made in review come here from now on."))
            case "group-by-name":
                changed = services.group_by_name(
                    request.actor,
                    dataset,
                    request.POST.get("rule", ""),
                    overwrite=bool(request.POST.get("overwrite")),
                )
                say(request, _("%(n)d records got a group.") % {"n": changed})
            case "archive":
                services.archive(request.actor, dataset, request.POST.get("why", ""))
                say(request, _("Archived. Versions and models stay as they are."))
            case "unarchive":
                services.unarchive(request.actor, dataset)
                say(request, _("Taken out of the archive."))
            case "delete":
                services.delete(request.actor, dataset, request.POST.get("why", ""))
                say(request, _("Deleted."))
                return HttpResponseRedirect(
                    reverse("console:datasets", args=[request.project.slug])
                )
            case "rename-class":
                old, new = request.POST.get("old", ""), request.POST.get("new", "")
                changed = services.rename_class(request.actor, dataset, old, new)
                said = ngettext(
                    "Renamed in %(n)d record. Versions that were made keep the old name.",
                    "Renamed in %(n)d records. Versions that were made keep the old name.",
                    changed,
                )
                say(request, said % {"n": changed})
            case _unknown:
                raise NotVisible(_("A dataset cannot do that."))
    except LoupeError as error:
        say_refused(request, error)
    return HttpResponseRedirect(
        reverse("console:dataset_settings", args=[request.project.slug, dataset.pk])
    )
