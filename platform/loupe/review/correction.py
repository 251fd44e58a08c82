"""What a person says should have been found: labels in the app's own form."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _
from pydantic import ValidationError

from loupe.plugins import registry as apps
from loupe.review.errors import CorrectionRefused


def checked(app: str, correction: Mapping[str, Any]) -> dict[str, Any]:
    """The correction as it is stored.

    Raises:
        CorrectionRefused: the app has no labels, or these are not valid.
    """
    labelling = apps.get(app).labelling
    if labelling is None:
        raise CorrectionRefused(
            _("Results of this app are not corrected by labels: say it in the note."),
            code="no_labelling",
        )
    try:
        found = labelling.schema.model_validate(correction)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "labels"
        raise CorrectionRefused(
            _("The correction cannot be used: %(place)s: %(reason)s")
            % {"place": place, "reason": first["msg"]}
        ) from error
    return dict(found.model_dump(mode="json"))
