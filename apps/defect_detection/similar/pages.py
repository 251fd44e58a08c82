"""The nearest confirmed cases beside a result, and the page that searches "like this one"."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from apps.defect_detection.app import App
from apps.defect_detection.similar import asking
from loupe.contract.runtime.errors import LoupeError
from loupe.host.pages import PageRequest, project_page
from loupe.host.people import NotVisible

BESIDE, MANY = 6, 48
LABELS = {verb.key: verb.label for verb in App.review_verbs}


@require_GET
@project_page(section="results")
def panel(request: PageRequest, app: str, result_id: int) -> HttpResponse:
    """A few cases, as a piece of the result page that comes after it."""
    return _answer(request, result_id, BESIDE, "defect_detection/similar_cases.html")


@require_GET
@project_page(section="results")
def page(request: PageRequest, app: str, result_id: int) -> HttpResponse:
    """Many cases, for any place of the result."""
    return _answer(request, result_id, MANY, "defect_detection/similar.html")


def _answer(request: PageRequest, result_id: int, limit: int, template: str) -> HttpResponse:
    result = asking.find(request.actor, request.project, result_id)
    text = request.GET.get("place", "")
    number = int(text) if text.lstrip("-").isdecimal() and len(text) < 6 else None
    found = trouble = None
    try:
        found = asking.ask(result, number, limit)
    except NotVisible:
        raise
    except LoupeError as error:
        trouble = error
    context = {"domain": App, "result": result, "found": found, "trouble": trouble}
    return render(request, template, {**context, "verb_labels": LABELS})
