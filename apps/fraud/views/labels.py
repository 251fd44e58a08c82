"""Labels: what was said of transactions, and a file of such words."""

from django.core.files.uploadedfile import UploadedFile
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_POST

from apps.fraud.app import App
from apps.fraud.services import labels, labels_csv, outbox
from apps.fraud.services.errors import Unusable
from apps.fraud.views.paging import page_of
from loupe.contract.runtime.errors import LoupeError
from loupe.host.blobs import open_local, store_uploaded
from loupe.host.pages import PageRequest, project_page, say
from loupe.host.people import Action


@require_GET
@project_page(section="cases")
def listing(request: PageRequest, app: str) -> HttpResponse:
    """Every word, the newest first, and the form for a file."""
    return _shown(request)


@require_POST
@project_page(Action.SUBMIT, section="cases")
def load(request: PageRequest, app: str) -> HttpResponse:
    """Write down the labels of a file, all or none."""
    file = request.FILES.get("file")
    try:
        if file is None:
            raise Unusable(_("Choose a file."), field="file")
        source = request.POST.get("source", "report")
        came = labels_csv.load(request.actor, request.project, _bytes(file), source)
    except LoupeError as error:
        return _shown(request, error)
    said = ngettext("%(n)d label taken", "%(n)d labels taken", came.standing) % {"n": came.standing}
    more = _("%(same)d said already, %(outweighed)d outweighed by later words.")
    say(request, f"{said}, {more % {'same': came.same, 'outweighed': came.outweighed}}")
    return HttpResponseRedirect(reverse("fraud:labels", args=[request.project.slug]))


def _bytes(file: "UploadedFile[bytes]") -> bytes:
    """What was uploaded, a little more than is allowed at most."""
    with open_local(store_uploaded(file, "text/csv")) as path, path.open("rb") as opened:
        return opened.read(labels_csv.MOST_BYTES + 1)


def _shown(request: PageRequest, error: LoupeError | None = None) -> HttpResponse:
    rows = labels.history(request.actor, request.project)
    context = {
        "domain": App,
        "page": page_of(rows, "id", request.GET.get("after", "")),
        "error": error,
        "field": getattr(error, "field", ""),
        "source": request.POST.get("source", "report"),
        "most": labels_csv.MOST_LINES,
        "set_aside": outbox.set_aside(request.actor, request.project),
    }
    return render(request, "fraud/labels.html", context, status=400 if error else 200)
