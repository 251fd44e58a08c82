"""The results list: filtered, paged by key, reviewed in bulk, exported as shown."""

from tempfile import TemporaryFile
from urllib.parse import urlencode

from django.http import FileResponse, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_POST

from loupe.accounts.policy import Action
from loupe.console.pages import filters as reading
from loupe.console.pages.frame import PageRequest, app_or_missing, project_page, say, say_refused
from loupe.contract.runtime.errors import LoupeError
from loupe.delivery import exports
from loupe.jobs import results
from loupe.jobs.models import Job, Result
from loupe.registry.models import ModelVersion
from loupe.review import services as review

PAGE = 50


@require_GET
@project_page(section="results")
def listing(request: PageRequest, app: str) -> HttpResponse:
    """One page of results; a constant number of queries."""
    domain = app_or_missing(app)
    asked = reading.asked(request.GET, domain)
    page = results.page(
        request.actor,
        request.project,
        app,
        asked.filters,
        after_id=_whole(request.GET.get("after", "")),
        limit=PAGE,
    )
    shown_job = None
    if asked.filters.job_id is not None:
        jobs = Job.objects.filter(project=request.project, pk=asked.filters.job_id)
        shown_job = jobs.select_related("submission").first()
    return render(
        request,
        "console/results.html",
        {
            "domain": domain,
            "asked": asked,
            "page": page,
            "labels": _labels(request, app, asked.text.get("label", "")),
            "shown_job": shown_job,
            "link_query": urlencode(asked.text),
            "exports": [export for export in domain.exports if not export.single],
            "verbs": [verb for verb in domain.review_verbs if not verb.signature],
            "page_keys": [
                ("j k", _("Next and previous row")),
                ("Enter", _("Open the row")),
                ("x", _("Select the row")),
            ],
        },
    )


def _labels(request: PageRequest, app: str, chosen: str) -> list[str]:
    """The classes the project's models know, for the filter."""
    known: set[str] = {chosen} if chosen else set()
    manifests = ModelVersion.objects.filter(
        model__app=app, model__project__in=[request.project]
    ) | ModelVersion.objects.filter(model__app=app, model__project=None)
    for classes in manifests.values_list("manifest__classes", flat=True)[:100]:
        known.update(str(one) for one in classes or ())
    return sorted(known)


def _whole(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


@require_POST
@project_page(Action.REVIEW)
def bulk(request: PageRequest, app: str) -> HttpResponse:
    """Say one verb about every selected row; each stands or is refused for itself."""
    domain = app_or_missing(app)
    there = reverse("console:results", args=[request.project.slug, app])
    back = f"{there}?{request.POST.get('back', '')}"
    ids = [number for text in request.POST.getlist("result") if (number := _whole(text))]
    rows = list(
        Result.objects.filter(project=request.project, app=app, pk__in=ids).select_related(
            "project"
        )
    )
    if not rows:
        say_refused(request, LoupeError(_("No row was selected."), code="nothing_selected"))
        return HttpResponseRedirect(back)
    try:
        given, refused = review.give_many(
            request.actor, rows, request.POST.get("verb", ""), request=request
        )
    except LoupeError as error:
        say_refused(request, error)
        return HttpResponseRedirect(back)
    verb = review.verbs(domain.slug)[request.POST["verb"]]
    said = ngettext("%(n)d result: %(verb)s.", "%(n)d results: %(verb)s.", len(given))
    say(request, said % {"n": len(given), "verb": verb.label.in_language(request.LANGUAGE_CODE)})
    for one in refused:
        say_refused(request, LoupeError(one.message, code=one.code))
    return HttpResponseRedirect(back)


@require_GET
@project_page(Action.EXPORT)
def export(request: PageRequest, app: str, key: str) -> FileResponse:
    """Exactly the list that is shown, in one of the app's formats."""
    domain = app_or_missing(app)
    chosen = exports.chosen(domain.slug, key)
    asked = reading.asked(request.GET, domain)
    target = TemporaryFile()  # noqa: SIM115 (the answer closes it)
    exports.write(request.actor, request.project, app, key, target, asked.filters)
    target.seek(0)
    return FileResponse(
        target,
        content_type=chosen.media_type,
        as_attachment=True,
        filename=f"{request.project.slug}-{app}.{chosen.extension}",
    )
