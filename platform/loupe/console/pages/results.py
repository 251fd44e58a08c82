"""The results list: filtered, paged by key, exported as shown."""

from tempfile import TemporaryFile
from urllib.parse import urlencode

from django.http import FileResponse, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from loupe.accounts.policy import Action
from loupe.console.pages import bulk_every, bulk_review
from loupe.console.pages import filters as reading
from loupe.console.pages.frame import PageRequest, app_or_missing, project_page
from loupe.delivery import exports
from loupe.jobs import results
from loupe.jobs.models import Job
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
    verbs = [verb for verb in domain.review_verbs if not verb.signature]
    shown_verbs = (
        [(verb, verb.label.in_language(request.LANGUAGE_CODE)) for verb in verbs]
        if "review" in request.allowed
        else []
    )
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
            "verbs": verbs,
            "last_reviews": review.last_review_ids(row.id for row in page.results)
            if domain.result_form == "rows"
            else {},
            "bulk": bulk_every.newest(request, domain),
            "undoable": bulk_review.undoable(request, domain),
            "page_keys": [
                ("j k", _("Next and previous row")),
                ("Enter", _("Open the row")),
                ("x", _("Select the row")),
                ("X", _("Select from the last selected row to this one")),
                ("J K", _("Select while going on")),
                ("a", _("Select all rows of this page, or none")),
                ("A", _("Select all that match, on every page")),
                *[
                    (verb.shortcut, _("%(verb)s, for all selected rows") % {"verb": label})
                    for verb, label in shown_verbs
                ],
                ("u", _("Undo the last call for many")),
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
