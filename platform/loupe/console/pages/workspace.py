"""An app's workspace: drop files, choose the model, see what came of the last ones."""

import uuid
from typing import cast

from django.http import HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_POST

from loupe.accounts.errors import NotVisible
from loupe.accounts.policy import Action
from loupe.console.pages import facts_form
from loupe.console.pages.frame import PageRequest, app_or_missing, project_page, say, say_refused
from loupe.console.said import translated
from loupe.contract.receiving import Received
from loupe.contract.runtime.errors import LoupeError
from loupe.contract.runtime.steps import Place
from loupe.intake.errors import SubmissionRefused
from loupe.intake.models import Channel
from loupe.intake.upload import SpooledFile
from loupe.jobs import handing
from loupe.jobs import services as jobs
from loupe.jobs.models import Job, Result
from loupe.registry import services as registry
from loupe.registry.errors import NoModel
from loupe.registry.models import ModelVersion, Stage
from loupe.uploads import services as uploads
from loupe.uploads.models import Upload

PARTS_FROM_BYTES = 32 * 2**20
"""Files from this size on travel in parts, so that they can be paused and go on after a break."""


@require_GET
@project_page(section="workspace")
def workspace(request: PageRequest, app: str) -> HttpResponse:
    """The drop zone, with the models that can be chosen."""
    domain = app_or_missing(app)
    said = facts_form.fields(domain, request.project.pk, request.GET.dict())
    recent = Job.objects.filter(project=request.project, app=app).select_related("submission")
    newest = Result.objects.filter(project=request.project, app=app).select_related("item__input")
    return render(
        request,
        domain.pages.workspace,
        {
            "domain": domain,
            "takes_files": domain.steps[0].place is not Place.ENGINE,
            "models": _models(request, app) if domain.needs_model else [],
            "accepts": ",".join(t for kind in domain.inputs for t in kind.media_types),
            "recent": recent.order_by("-created_at")[:6],
            "newest": newest.order_by("-id")[:12],
            "asked_model": request.GET.get("model", ""),
            "unfinished": _unfinished(request, app),
            "parts_from": PARTS_FROM_BYTES,
            "fact_fields": said,
            "scope": next((fact for fact in domain.facts if fact.scope), None),
            "facts_open": any(field.choices or field.value for field in said),
        },
    )


def _models(request: PageRequest, app: str) -> list[ModelVersion]:
    """What can be chosen, the project's default first."""
    versions = registry.visible_versions(request.actor, request.project, app)
    found = list(versions.filter(stage=Stage.PRODUCTION)[:100])
    try:
        default = registry.resolve(request.actor, request.project, app).pk
    except NoModel:
        return []
    return sorted(found, key=lambda version: version.pk != default)


@require_POST
@project_page(Action.SUBMIT)
def upload(request: PageRequest, app: str) -> HttpResponse:
    """Receive files and start the job. Scripts get JSON, plain forms a redirect."""
    wants_json = "application/json" in request.headers.get("Accept", "")
    back = reverse("console:workspace", args=[request.project.slug, app])
    try:
        domain = app_or_missing(app)
        files = cast(list[SpooledFile], request.FILES.getlist("files"))
        waiting = _ids(request.POST.getlist("upload"))
        with uploads.using(request.actor, request.project, waiting) as held:
            sources = [*(file.source() for file in files), *held]
            if handing.takes_over(domain.slug):
                received = handing.hand_over(
                    request.actor,
                    request.project,
                    domain.slug,
                    Channel.WEB,
                    sources,
                    request.POST.get("name", ""),
                    request.POST.get("model") or None,
                    facts_form.sent(domain, request.POST.dict()),
                )
                uploads.handed_over(waiting)
                return _followed(received, wants_json)
            job = jobs.submit(
                request.actor,
                request.project,
                domain.slug,
                Channel.WEB,
                sources,
                _name(request.POST.get("name", ""), [source.name for source in sources]),
                request.POST.get("model") or None,
                facts_form.sent(domain, request.POST.dict()),
            )
        uploads.submitted(waiting, job.submission)
    except SubmissionRefused as error:
        reasons = [
            {"name": r.name, "message": translated(r.message, r.code), "code": r.code}
            for r in error.reasons
        ]
        if wants_json:
            problem = {
                "message": translated(error.message, error.code),
                "code": error.code,
                "reasons": reasons,
            }
            return JsonResponse(problem, status=400)
        say_refused(request, error)
        return HttpResponseRedirect(back)
    except LoupeError as error:
        if wants_json:
            problem = {
                "message": translated(error.message, error.code),
                "code": error.code,
                "reasons": [],
            }
            return JsonResponse(problem, status=400)
        say_refused(request, error)
        return HttpResponseRedirect(back)
    address = reverse("console:job", args=[request.project.slug, job.pk])
    return JsonResponse({"url": address}) if wants_json else HttpResponseRedirect(address)


def _followed(received: Received, wants_json: bool) -> HttpResponse:
    """The app's own page on what it took over."""
    if not wants_json:
        return HttpResponseRedirect(received.url)
    left = [{"name": r.name, "message": r.message, "code": r.code} for r in received.not_taken]
    return JsonResponse({"url": received.url, "not_taken": left})


@require_POST
@project_page(Action.SUBMIT)
def forget(request: PageRequest, app: str, upload_id: uuid.UUID) -> HttpResponse:
    """Throw an unfinished upload away."""
    try:
        found = uploads.find(request.actor, upload_id)
        if found.project_id != request.project.pk:
            raise NotVisible(_("There is no upload %(id)s that you can see.") % {"id": upload_id})
        uploads.delete(request.actor, found)
        say(request, _("Removed."))
    except LoupeError as error:
        say_refused(request, error)
    return HttpResponseRedirect(reverse("console:workspace", args=[request.project.slug, app]))


def _ids(texts: list[str]) -> list[uuid.UUID]:
    """The resumable uploads that belong to a form.

    Raises:
        NotVisible: one is no id.
    """
    try:
        return [uuid.UUID(text) for text in texts]
    except ValueError as error:
        raise NotVisible(_("There is no such upload.")) from error


def _unfinished(request: PageRequest, app: str) -> list[Upload]:
    """Uploads of this page that wait for their next part, or for being submitted."""
    if "submit" not in request.allowed:
        return []
    rows = uploads.listing(request.actor, request.project).filter(metadata__app=app)
    return list(rows.filter(sent_by_user=request.actor.user)[:20])


def _name(given: str, names: list[str]) -> str:
    """What the job is called: the sender's word, the folder's, or the first file's and how many."""
    if given.strip():
        return given.strip()[:255]
    tops = {name.split("/", 1)[0] for name in names if "/" in name}
    if len(tops) == 1 and all("/" in name for name in names):
        return tops.pop()[:255]
    first = names[0] if names else ""
    if len(names) < 2:
        return first[:255]
    more = ngettext("%(name)s and %(n)d more", "%(name)s and %(n)d more", len(names) - 1)
    return (more % {"name": first[:200], "n": len(names) - 1})[:255]
