"""What the columns of files mean: guessed from one file, corrected, saved under a name."""

from typing import Any

from django.http import HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from apps.fraud.app import App
from apps.fraud.scheme import Scheme
from apps.fraud.services import mappings, schemes
from apps.fraud.services.errors import Unusable
from apps.fraud.tables.time_column import UNITS
from loupe.contract.runtime.errors import LoupeError
from loupe.host.blobs import store_uploaded
from loupe.host.pages import PageRequest, project_page, say, say_refused
from loupe.host.people import Action

ROLES = ("time", "amount", "id", "currency", "label", "label_time")
TIMES = (
    ("iso", gettext_lazy("Year first, as 2026-01-31 14:30")),
    ("day_first", gettext_lazy("Day first, as 31.01.2026 14:30")),
    ("month_first", gettext_lazy("Month first, as 01/31/2026 2:30 PM")),
    ("epoch_s", gettext_lazy("Seconds since 1970")),
    ("epoch_ms", gettext_lazy("Milliseconds since 1970")),
    ("epoch_us", gettext_lazy("Microseconds since 1970")),
    ("epoch_ns", gettext_lazy("Nanoseconds since 1970")),
    ("since_ms", gettext_lazy("Milliseconds since a start")),
    ("since_s", gettext_lazy("Seconds since a start")),
    ("since_min", gettext_lazy("Minutes since a start")),
    ("since_h", gettext_lazy("Hours since a start")),
    ("since_d", gettext_lazy("Days since a start")),
)
"""The forms of `apps.fraud.tables.time_column.TimeFormat` in words."""
MOST_COLUMNS = 2_048


@require_GET
@project_page(section="scheme")
def page(request: PageRequest, app: str) -> HttpResponse:
    """The saved mappings, and a place to drop a file."""
    return _shown(request, {})


@require_POST
@project_page(Action.MANAGE_MODELS, section="scheme")
def guess(request: PageRequest, app: str) -> HttpResponse:
    """Guess from a file; the guesses come back as a form."""
    file = request.FILES.get("file")
    try:
        if file is None:
            raise Unusable(_("Choose a file."), field="file")
        scheme = schemes.of(request.project.pk)
        blob = store_uploaded(file, "application/octet-stream")
        found = mappings.guess(request.actor, request.project, scheme, blob)
    except LoupeError as error:
        say_refused(request, error)
        return HttpResponseRedirect(reverse("fraud:mapping", args=[request.project.slug]))
    return _shown(request, _form(found, file.name or ""))


@require_POST
@project_page(Action.MANAGE_MODELS, section="scheme")
def save(request: PageRequest, app: str) -> HttpResponse:
    """Save what the form says; a refusal keeps the form as it was filled."""
    scheme = schemes.of(request.project.pk)
    try:
        sent = _sent(request.POST)
        made = mappings.save(
            request.actor, request.project, scheme, request.POST.get("key", ""), sent
        )
        say(request, _("Saved as %(key)s: choose it when you upload.") % {"key": made.key})
    except LoupeError as error:
        say_refused(request, error)
        return _shown(request, _again(request.POST))
    return HttpResponseRedirect(reverse("fraud:mapping", args=[request.project.slug]))


def _shown(request: PageRequest, form: dict[str, Any]) -> HttpResponse:
    scheme = schemes.of(request.project.pk)
    return render(
        request,
        "fraud/mapping.html",
        {
            "domain": App,
            "scheme": scheme,
            "saved": list(mappings.newest(request.project.pk)[:50]),
            "form": form,
            "roles": _roles(scheme, request.LANGUAGE_CODE),
            "times": TIMES,
        },
    )


def _roles(scheme: Scheme, language: str) -> list[tuple[str, str]]:
    """What a column can be, with its words."""
    fixed = {
        "time": _("Time"),
        "amount": _("Amount"),
        "id": _("Transaction's identifier"),
        "currency": _("Currency"),
        "label": _("Label (fraud or not)"),
        "label_time": _("When the label was known"),
    }
    zh = language.startswith("zh")
    entities = [
        (f"entity.{one.key}", one.zh if zh else one.en)
        for one in scheme.entities
        if not one.built_from
    ]
    attributes = [(f"attribute.{one.key}", one.zh if zh else one.en) for one in scheme.attributes]
    return [*fixed.items(), *entities, *attributes]


def _form(found: dict[str, Any], name: str) -> dict[str, Any]:
    mapping = found["draft"]
    time, told = mapping.get("time") or {}, mapping.get("label_time") or {}
    return {
        "name": name,
        "key": "",
        "columns": found["columns"],
        "questions": found["questions"],
        "time_format": time.get("format", "iso"),
        "timezone": time.get("timezone", "UTC"),
        "start": "",
        "label_format": told.get("format", "iso"),
        "amount_unit": mapping.get("amount_unit", "major"),
        "decimal": mapping.get("decimal", "."),
        "fixed_currency": mapping.get("fixed_currency") or "",
        "encoding": mapping.get("encoding", "utf-8"),
        "delimiter": mapping.get("delimiter", ","),
        "header": mapping.get("header", True),
    }


def _again(posted: QueryDict) -> dict[str, Any]:
    """The form as it was sent."""
    columns = [
        {"column": column, "role": role, "samples": [], "confidence": 0, "en": "", "zh": ""}
        for column, role in zip(posted.getlist("column"), posted.getlist("role"), strict=False)
    ]
    names = (
        "key", "time_format", "timezone", "start", "label_format", "amount_unit", "decimal",
        "fixed_currency", "encoding", "delimiter",
    )  # fmt: skip
    return {
        **{name: posted.get(name, "") for name in names},
        "header": posted.get("header") == "yes",
        "columns": columns[:MOST_COLUMNS],
        "questions": [],
        "name": "",
    }


def _sent(posted: QueryDict) -> dict[str, Any]:
    """The mapping a form says.

    Raises:
        Unusable: two columns have one role, or time or amount has none.
    """
    roles: dict[str, str] = {}
    for column, role in zip(posted.getlist("column"), posted.getlist("role"), strict=False):
        if not role:
            continue
        if role in roles:
            raise Unusable(
                _("%(role)s is said of two columns, %(one)s and %(other)s: leave it to one.")
                % {"role": role, "one": roles[role][:80], "other": column[:80]},
                field="role",
            )
        roles[role] = column
    for need in ("time", "amount"):
        if need not in roles:
            raise Unusable(_("Say which column is the %(role)s.") % {"role": need}, field="role")
    said: dict[str, Any] = {
        "time": _time(posted, roles["time"], "time_format"),
        "amount": roles["amount"],
        "amount_unit": posted.get("amount_unit", "major"),
        "decimal": posted.get("decimal", "."),
        "encoding": posted.get("encoding", "utf-8"),
        "delimiter": posted.get("delimiter", ","),
        "header": posted.get("header") == "yes",
        "entities": _of(roles, "entity."),
        "attributes": _of(roles, "attribute."),
    }
    for name in ("id", "currency", "label"):
        if name in roles:
            said[name] = roles[name]
    if "label_time" in roles:
        said["label_time"] = _time(posted, roles["label_time"], "label_format")
    currency = posted.get("fixed_currency", "").strip().upper()
    if currency and "currency" not in roles:
        said["fixed_currency"] = currency
    return said


def _time(posted: QueryDict, column: str, name: str) -> dict[str, str]:
    """A column of times as the form says it; the one start is that of whichever counts."""
    form = posted.get(name, "iso")
    told = {"column": column, "format": form, "timezone": posted.get("timezone", "UTC").strip()}
    start = posted.get("start", "").strip()
    return {**told, "start": start} if start and form in UNITS else told


def _of(roles: dict[str, str], start: str) -> dict[str, str]:
    return {role[len(start) :]: name for role, name in roles.items() if role.startswith(start)}
