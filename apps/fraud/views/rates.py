"""Rates of exchange: by currency, with since when; told one by one or as a CSV file."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from django.core.files.uploadedfile import UploadedFile
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_POST

from apps.fraud.app import App
from apps.fraud.services import rates, rates_csv, schemes
from apps.fraud.services.errors import Unusable
from apps.fraud.services.rates import Told
from loupe.contract.runtime.errors import LoupeError
from loupe.host.blobs import open_local, store_uploaded
from loupe.host.pages import PageRequest, project_page, say, say_refused
from loupe.host.people import Action

SHOWN = 200


@require_GET
@project_page(section="policy")
def listing(request: PageRequest, app: str) -> HttpResponse:
    """The currencies that are known, and the newest rates of them or of one."""
    return _shown(request)


@require_POST
@project_page(Action.MANAGE_MODELS, section="policy")
def add(request: PageRequest, app: str) -> HttpResponse:
    """Tell one rate; a refusal keeps what was written."""
    posted = request.POST
    told = Told(
        currency=posted.get("currency", ""),
        moment=posted.get("from", ""),
        rate=posted.get("rate", "").replace(",", "."),
    )
    scheme = schemes.of(request.project.pk)
    try:
        rates.tell(
            request.actor,
            request.project,
            scheme,
            [told],
            inverse=posted.get("inverse") == "yes",
        )
        say(request, _("Kept. Transactions from then on are converted by it."))
    except LoupeError as error:
        return _shown(request, error)
    return HttpResponseRedirect(reverse("fraud:rates", args=[request.project.slug]))


@require_POST
@project_page(Action.MANAGE_MODELS, section="policy")
def load(request: PageRequest, app: str) -> HttpResponse:
    """Tell the rates of a CSV file, all or none."""
    file = request.FILES.get("file")
    try:
        if file is None:
            raise Unusable(_("Choose a file."), field="file")
        made = rates.tell(
            request.actor,
            request.project,
            schemes.of(request.project.pk),
            rates_csv.read(_bytes(file)),
            inverse=request.POST.get("inverse") == "yes",
            source="file",
        )
        said = ngettext("%(n)d new rate", "%(n)d new rates", made.new) % {"n": made.new}
        more = _("%(changed)d replaced, %(same)d there already.")
        say(request, f"{said}, {more % {'changed': made.changed, 'same': made.same}}")
    except LoupeError as error:
        return _shown(request, error)
    return HttpResponseRedirect(reverse("fraud:rates", args=[request.project.slug]))


@require_POST
@project_page(Action.MANAGE_MODELS)
def remove(request: PageRequest, app: str, rate_id: int) -> HttpResponse:
    """Take a rate away."""
    try:
        rates.remove(request.actor, request.project, rate_id)
        say(request, _("Removed. What was converted by it stays as it was."))
    except LoupeError as error:
        say_refused(request, error)
    return HttpResponseRedirect(reverse("fraud:rates", args=[request.project.slug]))


def _since(from_ms: int, zone: str) -> str:
    """A moment on the project's clocks; midnight goes without saying."""
    clock = UTC if zone == "UTC" else ZoneInfo(zone)
    told = datetime.fromtimestamp(from_ms / 1000, tz=clock)
    return f"{told:%Y-%m-%d}" if (told.hour, told.minute) == (0, 0) else f"{told:%Y-%m-%d %H:%M}"


def _bytes(file: "UploadedFile[bytes]") -> bytes:
    """What was uploaded, a little more than is allowed at most."""
    with open_local(store_uploaded(file, "text/csv")) as path, path.open("rb") as opened:
        return opened.read(rates_csv.MOST_BYTES + 1)


def _shown(request: PageRequest, error: LoupeError | None = None) -> HttpResponse:
    scheme = schemes.of(request.project.pk)
    currency = request.GET.get("currency", "")[:3]
    rows = rates.listing(request.actor, request.project, scheme, currency)
    return render(
        request,
        "fraud/rates.html",
        {
            "domain": App,
            "policy": "rates",
            "scheme": scheme,
            "currencies": rates.currencies(request.project, scheme),
            "rows": [(row, _since(row.from_ms, scheme.timezone)) for row in rows[:SHOWN]],
            "total": rows.count(),
            "chosen": currency,
            "error": error,
            "field": getattr(error, "field", ""),
            "form": request.POST,
            "most": rates.MOST,
        },
    )
