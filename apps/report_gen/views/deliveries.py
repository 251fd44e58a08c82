"""What became of a delivery: progress study by study, and files that cannot be used."""

from uuid import UUID

from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from apps.report_gen.app import App
from apps.report_gen.models import DeliveryState
from apps.report_gen.report import NOTICE
from apps.report_gen.services import clinical_text, studies
from loupe.contract.runtime.errors import LoupeError
from loupe.host.pages import PageRequest, project_page, say, say_refused
from loupe.host.people import Action


@require_GET
@project_page(section="workspace")
def page(request: PageRequest, app: str, delivery_id: UUID) -> HttpResponse:
    """The whole page."""
    return render(request, "report_gen/delivery.html", _context(request, delivery_id))


@require_GET
@project_page(section="workspace")
def live(request: PageRequest, app: str, delivery_id: UUID) -> HttpResponse:
    """What changes."""
    return render(request, "report_gen/delivery_live.html", _context(request, delivery_id))


@require_POST
@project_page(Action.SUBMIT)
def say_text(request: PageRequest, app: str, study_id: UUID) -> HttpResponse:
    """Keep a study's clinical text."""
    try:
        study = studies.find(request.actor, request.project, study_id)
        said = {field: request.POST.get(field, "") for field in clinical_text.FIELDS}
        if studies.say(request.actor, study, said):
            say(request, _("Kept. The draft is written anew."))
    except LoupeError as error:
        say_refused(request, error)
    return HttpResponseRedirect(reverse("report_gen:study", args=[request.project.slug, study_id]))


def _context(request: PageRequest, delivery_id: UUID) -> dict[str, object]:
    delivery = studies.find_delivery(request.actor, request.project, delivery_id)
    came = studies.of_delivery(request.actor, delivery)
    waiting = delivery.state == DeliveryState.WAITING
    return {
        "domain": App,
        "delivery": delivery,
        "studies": came,
        "unusable": studies.unusable(request.actor, delivery)[:200],
        "going": waiting or any(study.state in studies.COMING for study in came),
        "waiting": waiting,
        "notice": NOTICE,
    }
