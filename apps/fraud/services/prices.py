"""What things cost in a project: the newest version counts; without one, assumptions of ours."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import IntegrityError, models, transaction
from django.utils.translation import gettext as _
from pydantic import ValidationError

from apps.fraud.models import PriceVersion
from apps.fraud.operating.prices import Prices
from apps.fraud.services import declaring
from apps.fraud.services.errors import Taken, Unusable
from loupe.host.people import Action, Actor, Project, record_audit, require


def of(project_id: UUID) -> tuple[Prices, PriceVersion | None]:
    """The prices that hold now, and who said so; None: nobody, they are assumptions."""
    newest = PriceVersion.objects.filter(project_id=project_id).order_by("-number").first()
    return (Prices.model_validate(newest.data), newest) if newest else (Prices(), None)


def save(actor: Actor, project: Project, data: Mapping[str, Any], note: str = "") -> PriceVersion:
    """Say what things cost from now on; backtests keep the prices they were made with.

    Raises:
        NotVisible, Denied: the actor may not manage models here.
        Unusable: a price is not allowed; the message names it.
        Taken: somebody else saved at the same moment.
    """
    require(actor, Action.MANAGE_MODELS, project)
    try:
        prices = Prices.model_validate(dict(data))
    except ValidationError as error:
        field, problem = declaring.first(error, "prices")
        raise Unusable(
            _("%(field)s: %(problem)s.") % {"field": field, "problem": problem},
            field=field,
        ) from error
    last = PriceVersion.objects.filter(project=project).aggregate(last=models.Max("number"))
    try:
        with transaction.atomic():
            made = PriceVersion.objects.create(
                project=project,
                number=(last["last"] or 0) + 1,
                data=prices.model_dump(mode="json"),
                note=note.strip()[:300],
                created_by=actor.user,
            )
            told = {"number": made.number, "data": made.data, "note": made.note}
            record_audit(actor, project, "prices.saved", f"prices:{made.pk}", told)
    except IntegrityError as error:
        raise Taken(_("Somebody else saved prices meanwhile: look at them, then save.")) from error
    return made
