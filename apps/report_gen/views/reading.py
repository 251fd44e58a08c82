"""How reading goes: both clocks, what readers corrected, and its use as labels."""

import io
from typing import Any

from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from apps.report_gen.app import App
from apps.report_gen.report import NOTICE
from apps.report_gen.reporting.labels import write
from apps.report_gen.services.reporting import clocks, consent
from loupe.contract.runtime.errors import LoupeError
from loupe.host.pages import PageRequest, project_page, say, say_refused
from loupe.host.people import Action

SPANS = (7, 30, 365)


@require_GET
@project_page(section="reading")
def page(request: PageRequest, app: str) -> HttpResponse:
    """Both clocks and the counts of corrections."""
    asked = request.GET.get("days", "")
    days = int(asked) if asked in {str(span) for span in SPANS} else 30
    return render(
        request,
        "report_gen/reading.html",
        {
            "domain": App,
            "days": days,
            "spans": SPANS,
            "machine": clocks.machine(request.project, days),
            "readers": _named(clocks.readers(request.project, days)),
            "corrections": _counted(clocks.corrections(request.project, days)),
            "consent": consent.current(request.project),
            "notice": NOTICE,
        },
    )


@require_POST
@project_page(Action.MANAGE_MEMBERS)
def say_consent(request: PageRequest, app: str) -> HttpResponse:
    """Give or withdraw the project's consent."""
    given = request.POST.get("given") == "yes"
    consent.say(request.actor, request.project, given=given)
    say(
        request,
        _("Signed corrections may be used as labels.")
        if given
        else _("Corrections are not used as labels."),
    )
    return HttpResponseRedirect(reverse("report_gen:reading", args=[request.project.slug]))


@require_GET
@project_page(Action.EXPORT)
def labels(request: PageRequest, app: str) -> HttpResponse:
    """The signed reports as a table of labels."""
    try:
        rows = consent.labels(request.actor, request.project)
    except LoupeError as error:
        say_refused(request, error)
        return HttpResponseRedirect(reverse("report_gen:reading", args=[request.project.slug]))
    table = io.StringIO()
    write(rows, table)
    answer = HttpResponse(table.getvalue(), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = 'attachment; filename="labels.csv"'
    answer["X-Content-Type-Options"] = "nosniff"
    return answer


def _named(figures: list[clocks.Figure]) -> list[tuple[str, clocks.Figure]]:
    names = {
        "opened_to_first_edit": _("Opened to first edit"),
        "opened_to_signed": _("Opened to signed"),
    }
    return [(names[each.name], each) for each in figures]


def _counted(sums: dict[str, int]) -> dict[str, Any]:
    """Findings and sentences: kept, changed, removed, added."""
    verbs = ("kept", "changed", "removed", "added")
    return {
        "reports": sums.get("reports", 0),
        "untouched": sums.get("untouched", 0),
        "rows": [
            (name, [sums.get(f"{key}_{verb}", 0) for verb in verbs])
            for key, name in (("findings", _("Findings seen")), ("sentences", _("Sentences")))
        ],
    }
