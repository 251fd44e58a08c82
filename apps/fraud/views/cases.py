"""The case inbox and one case."""

from urllib.parse import urlencode

from django.contrib.auth.models import User
from django.http import FileResponse, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_POST

from apps.fraud.app import App
from apps.fraud.models import AlertHit, Case
from apps.fraud.services import (
    cases,
    drawing,
    drawing_rings,
    exporting,
    labels,
    people,
    schemes,
)
from apps.fraud.services.cases import Filters
from apps.fraud.services.errors import Unusable
from apps.fraud.templatetags.fraud import type_names
from apps.fraud.views import asked
from apps.fraud.views.paging import page_of
from loupe.contract.runtime.errors import LoupeError
from loupe.host.blobs import open_local, store_uploaded
from loupe.host.pages import PageRequest, project_page, say, say_refused
from loupe.host.people import Action, NotVisible

MOST_HITS = 500


@require_GET
@project_page(section="cases")
def listing(request: PageRequest, app: str) -> HttpResponse:
    """The inbox, those that changed last first."""
    filters = Filters.read(request.GET.dict())
    rows = cases.listing(request.actor, request.project, filters)
    return render(
        request,
        "fraud/cases.html",
        {
            "domain": App,
            "scheme": schemes.of(request.project.pk),
            "filters": filters,
            "page": page_of(rows, "changed_at", request.GET.get("after", "")),
            "counts": cases.counts(request.project, request.actor.user),
            "people": people.reviewers(request.project)
            if "manage_cases" in request.allowed
            else [],
            "link_query": urlencode(filters.chosen()),
            "page_keys": [
                ("j k", _("Next and previous row")),
                ("Enter", _("Open it")),
                ("x", _("Choose a row")),
            ],
        },
    )


@require_GET
@project_page(section="cases")
def page(request: PageRequest, app: str, number: int) -> HttpResponse:
    """One case: what it is about, what was said and done, and what it turned out to be."""
    case = cases.find(request.actor, request.project, number)
    alerts = list(case.alerts.select_related("assignee").order_by("-score", "-pk")[:100])
    hits = list(AlertHit.objects.filter(alert__case=case).order_by("-event_ms", "-pk")[:MOST_HITS])
    points = [(hit.event_ms, hit.amount, hit.outcome, hit.score, hit.result) for hit in hits]
    scheme = schemes.of(request.project.pk)
    return render(
        request,
        "fraud/case.html",
        {
            "domain": App,
            "scheme": scheme,
            "graph": drawing_rings.drawing(alerts, type_names(scheme)),
            "flows": drawing_rings.flows(alerts),
            "shared": drawing_rings.shared(alerts),
            "case": case,
            "alerts": alerts,
            "hits": hits,
            "truths": labels.of_transactions(request.project, [hit.transaction for hit in hits]),
            "timeline": drawing.timeline(points),
            "events": list(case.events.order_by("-pk")[:200]),
            "files": list(case.attachments.select_related("blob").order_by("pk")),
            "people": people.reviewers(request.project)
            if "manage_cases" in request.allowed
            else [],
            "page_keys": [
                ("1", _("Fraud")),
                ("2", _("Honest")),
                ("3", _("Unknown")),
                ("n", _("Write a note")),
            ],
        },
    )


@require_POST
@project_page(Action.MANAGE_CASES)
def act(request: PageRequest, app: str, number: int) -> HttpResponse:
    """Do one thing with a case."""
    try:
        case = cases.find(request.actor, request.project, number)
        say(request, _done(request, case))
    except LoupeError as error:
        say_refused(request, error)
    return HttpResponseRedirect(reverse("fraud:case", args=[request.project.slug, number]))


@require_POST
@project_page(Action.MANAGE_CASES)
def act_many(request: PageRequest, app: str) -> HttpResponse:
    """Assign or close the chosen cases; each that cannot be is named, the others are done."""
    verb, done = request.POST.get("verb", ""), 0
    for number in asked.ids(request.POST, "case")[:100]:
        try:
            case = cases.find(request.actor, request.project, number)
            if verb in {"assign", "mine"}:
                cases.assign(request.actor, case, _person(request, verb))
            else:
                cases.close(request.actor, case, verb, request.POST.get("note", ""))
            done += 1
        except LoupeError as error:
            say_refused(request, error)
    if done:
        said = ngettext("%(n)d case changed.", "%(n)d cases changed.", done)
        say(request, said % {"n": done})
    return HttpResponseRedirect(reverse("fraud:cases", args=[request.project.slug]))


@require_GET
@project_page(Action.VIEW)
def download(request: PageRequest, app: str, number: int, file_id: int) -> FileResponse:
    """An attached file, always as a download: nothing in it is shown by the browser."""
    case = cases.find(request.actor, request.project, number)
    found = case.attachments.select_related("blob").filter(pk=file_id).first()
    if found is None:
        raise NotVisible(_("There is no such file in this case."))
    with open_local(found.blob) as path:
        response = FileResponse(
            path.open("rb"),
            as_attachment=True,
            filename=found.name,
            content_type="application/octet-stream",
        )
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response


@require_GET
@project_page(Action.EXPORT)
def export(request: PageRequest, app: str, number: int, form: str) -> HttpResponse:
    """The case as a document: ``pdf``, or ``xml`` that was checked against the schema."""
    case = cases.find(request.actor, request.project, number)
    if form not in exporting.FORMS:
        raise NotVisible(_("A case is exported as pdf or xml."))
    document = exporting.export(request.actor, case, form, request.LANGUAGE_CODE)
    response = HttpResponse(document.data, content_type=document.media_type)
    response["Content-Disposition"] = f'attachment; filename="{document.name}"'
    response["X-Content-Type-Options"] = "nosniff"
    return response


def _done(request: PageRequest, case: Case) -> str:
    """Do what was asked; returns what to say."""
    verb, note = request.POST.get("verb", ""), request.POST.get("note", "")
    if verb in {"assign", "mine"}:
        cases.assign(request.actor, case, _person(request, verb))
        return _("Assigned.")
    if verb == "hand_over":
        person = people.named(request.project, request.POST.get("assignee", ""))
        cases.hand_over(request.actor, case, person, note)
        return _("Handed over.")
    if verb == "note":
        cases.note(request.actor, case, note)
        return _("Noted.")
    if verb == "attach":
        _attach(request, case)
        return _("Attached.")
    if verb == "reopen":
        cases.reopen(request.actor, case)
        return _("Opened again.")
    cases.close(request.actor, case, verb, note)
    return _("Closed: its transactions are labelled.")


def _attach(request: PageRequest, case: Case) -> None:
    file = request.FILES.get("file")
    if file is None:
        raise Unusable(_("Choose a file."), field="file")
    cases.attach(
        request.actor,
        case,
        file.name or "file",
        file.size or 0,
        lambda: store_uploaded(file, "application/octet-stream"),
    )


def _person(request: PageRequest, verb: str) -> User | None:
    if verb == "mine":
        return request.actor.user
    return people.named_or_nobody(request.project, request.POST.get("assignee", ""))
