"""Thresholds of a project: what was proposed (see `fittings`), used by the next operating point."""

import secrets
from collections.abc import Mapping
from typing import Any

from django.db import models
from django.utils.translation import gettext as _
from pydantic import ValidationError

from apps.fraud.models import ThresholdFit
from apps.fraud.money import DIGITS
from apps.fraud.services import deciding, declaring
from apps.fraud.services.errors import Taken, Unusable
from apps.fraud.thresholds.asked import Asked, BudgetCertificate
from loupe.host.models import OperatingPoint as Stored
from loupe.host.people import Action, Actor, NotVisible, Project, require

MOST_SHARE = 0.05
"""Of what the score blocks, at most this share is let through by lot."""


def proposals(actor: Actor, project: Project) -> "models.QuerySet[ThresholdFit]":
    """What was proposed, newest first.

    Raises:
        NotVisible, Denied: the actor may not look.
    """
    require(actor, Action.VIEW, project)
    rows = ThresholdFit.objects.filter(project=project)
    return rows.select_related("model_version__model").order_by("-pk")


def find(project: Project, pk: int) -> ThresholdFit:
    """One proposal. Ask the policy before.

    Raises:
        NotVisible: there is none.
    """
    rows = ThresholdFit.objects.filter(project=project, pk=pk)
    found = rows.select_related("model_version__model").first()
    if found is None:
        raise NotVisible(_("There is no such proposal of thresholds."))
    return found


def asked_of(data: Mapping[str, Any]) -> Asked:
    """What is asked of thresholds.

    Raises:
        Unusable: a value cannot be; the message says where.
    """
    try:
        return Asked.model_validate(data)
    except ValidationError as error:
        place, problem = declaring.first(error, "budgets")
        raise Unusable(
            _("%(place)s: %(problem)s.") % {"place": place, "problem": problem},
            field=place,
        ) from error


def use(actor: Actor, project: Project, pk: int, note: str = "") -> Stored:
    """Let a proposal decide from now on; rules, lists and the control group stay as they are.

    Raises:
        NotVisible, Denied: there is none, or the actor may not manage models here.
        Taken: another version of the model decides by now.
        NoModel, ModelConflict: see `deciding.change`.
    """
    require(actor, Action.MANAGE_MODELS, project)
    chosen = find(project, pk)
    present = deciding.now(actor, project)
    if present.version.pk != chosen.model_version_id:
        raise Taken(
            _("It was fitted for %(old)s; %(new)s decides now: fit again.")
            % {"old": chosen.model_version, "new": present.version}
        )
    certificate = BudgetCertificate.model_validate(chosen.certificate)
    fields = {"bands": chosen.bands, "queue_per_day": certificate.asked.queue_per_day}
    said = note.strip() or f"Thresholds of proposal {chosen.pk}"
    made = deciding.change(actor, project, fields, said, certificate=chosen.certificate)
    ThresholdFit.objects.filter(pk=chosen.pk).update(used_as=made.number)
    return made


def set_control(actor: Actor, project: Project, share: float, cap: int) -> Stored:
    """Let a share of what the score blocks through by lot, up to an amount; 0 ends it.

    Args:
        cap: minor units of the project's currency.

    Raises:
        NotVisible, Denied: the actor may not manage models here.
        Unusable: the share or the amount is not allowed.
        NoModel, ModelConflict: see `deciding.change`.
    """
    require(actor, Action.MANAGE_MODELS, project)
    if not 0 <= share <= MOST_SHARE:
        raise Unusable(
            _("share: at most %(most)s %% may be let through, and not less than none.")
            % {"most": f"{100 * MOST_SHARE:g}"},
            field="share",
        )
    if share and not 0 < cap <= 10**15:
        raise Unusable(
            _("cap: say up to which amount, from 1 to 10^15 minor units, they are let through."),
            field="cap",
        )
    present = deciding.now(actor, project).point
    fields = {
        "control_share": share,
        "control_cap": cap if share else 0,
        # The lot stays the same while the group exists, so that a share that grows only adds.
        "control_key": (present.control_key or secrets.token_hex(16)) if share else "",
    }
    note = f"Control group: {100 * share:g} %" if share else "Control group off"
    return deciding.change(actor, project, fields, note)


def minor(text: str, currency: str, field: str) -> int:
    """An amount in units of the currency, as people write it, in minor units.

    Raises:
        Unusable: it is none.
    """
    digits = DIGITS.get(currency, 2)
    whole, _point, part = text.strip().partition(".")
    clean = whole.isascii() and whole.isdigit() and (not part or part.isdigit())
    if not clean or len(whole) > 12 or len(part) > digits or not part.isascii():
        raise Unusable(
            _("%(field)s: %(text)r is no amount in %(currency)s, such as 250.")
            % {"field": field, "text": text[:30], "currency": currency},
            field=field,
        )
    return int(whole + part.ljust(digits, "0"))
