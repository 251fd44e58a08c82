"""The scheme: what a project's transactions are about. What a change does is told before it."""

from typing import Any

from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from apps.fraud.app import App
from apps.fraud.features.catalogue import catalogue
from apps.fraud.scheme import Scheme
from apps.fraud.services import scheme_effects, scheme_problems, schemes
from apps.fraud.services.errors import Unusable
from apps.fraud.views import scheme_form
from loupe.contract.runtime.errors import LoupeError
from loupe.host.pages import PageRequest, project_page, say, say_refused
from loupe.host.people import Action

VERSIONS = 20


@require_GET
@project_page(section="policy")
def page(request: PageRequest, app: str) -> HttpResponse:
    """The scheme that holds, or an earlier one to start from (``version``)."""
    wanted = request.GET.get("version", "")
    rows = schemes.history(request.actor, request.project)
    shown = (
        rows.filter(number=int(wanted)).first()
        if wanted.isascii() and wanted.isdigit() and len(wanted) < 9
        else None
    )
    scheme = Scheme.model_validate(shown.data) if shown else schemes.of(request.project.pk)
    return _shown(request, scheme_form.filled(scheme), from_version=shown.number if shown else 0)


@require_POST
@project_page(Action.MANAGE_MODELS, section="policy")
def save(request: PageRequest, app: str) -> HttpResponse:
    """Check what the form declares and say what it does; save it once that was seen."""
    form = scheme_form.again(request.POST)
    data = scheme_form.declared(form)
    wrong = scheme_problems.problems(data)
    if wrong:
        return _shown(request, form, wrong=wrong)
    old, new = schemes.of(request.project.pk), Scheme.model_validate(data)
    seen = request.POST.get("seen", "")
    told = scheme_effects.of_change(request.actor, request.project, old, new)
    if request.POST.get("checked") != new.sha256 or request.POST.get("verb") != "save":
        return _shown(request, form, told=told, checked=new.sha256)
    try:
        if not (seen.isascii() and seen.isdigit() and len(seen) < 9):
            raise Unusable(_("The form does not say which version it was made from."), field="seen")
        made = schemes.save(
            request.actor,
            request.project,
            data,
            request.POST.get("note", "").replace("\x00", ""),
            int(seen),
        )
        say(request, _("Saved as version %(n)s. It holds from now on.") % {"n": made.number})
    except LoupeError as error:
        say_refused(request, error)
        return _shown(request, form, told=told, checked=new.sha256)
    return HttpResponseRedirect(reverse("fraud:scheme", args=[request.project.slug]))


def _shown(
    request: PageRequest,
    form: dict[str, Any],
    *,
    wrong: dict[str, str] | None = None,
    told: list[scheme_effects.Effect] | None = None,
    checked: str = "",
    from_version: int = 0,
) -> HttpResponse:
    versions = list(schemes.history(request.actor, request.project)[:VERSIONS])
    present = schemes.of(request.project.pk)
    may = "manage_models" in request.allowed
    rows = {
        name: [*form[name], *([{}] * scheme_form.BLANK[name] if may else [])]
        for name in scheme_form.FIELDS
    }
    seen = request.POST.get("seen", "")
    return render(
        request,
        "fraud/scheme.html",
        {
            "domain": App,
            "policy": "scheme",
            "scheme": present,
            "form": form,
            "rows": rows,
            "wrong": wrong or {},
            "told": told,
            "checked": checked,
            "may": may,
            "seen": seen or (versions[0].number if versions else 0),
            "versions": versions,
            "from_version": from_version,
            "features": len(catalogue(present)),
            "shareable": [one for one in form["entities"] if one.get("role") != "payer"],
            "roles": _roles(),
        },
    )


def _roles() -> list[tuple[str, str]]:
    """What an entity can be, in words."""
    return [
        ("payer", _("pays")),
        ("payee", _("is paid")),
        ("instrument", _("is used: a card, a device")),
        ("trait", _("may be shared: an address, a network")),
    ]
