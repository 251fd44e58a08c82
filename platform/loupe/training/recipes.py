"""Recipes: an app's training config, checked and completed with its defaults."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _
from pydantic import ValidationError

from loupe.contract.training import Training
from loupe.plugins import registry as apps
from loupe.plugins.language import spoken
from loupe.training.errors import RecipeInvalid, TrainingRefused


def training_of(app: str) -> Training:
    """How models of `app` are trained.

    Raises:
        UnknownApp: no app has that slug.
        TrainingRefused: the app trains nothing.
    """
    domain = apps.get(app)
    if domain.training is None:
        raise TrainingRefused(
            _("%(app)s trains no models of its own.") % {"app": spoken(domain.name)},
            code="no_training",
        )
    return domain.training


def checked(app: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """`given`, completed with the defaults, as plain JSON.

    Raises:
        RecipeInvalid: a value is not allowed; `fields` says which and why.
    """
    schema = training_of(app).config_schema
    try:
        return schema.model_validate(dict(given)).model_dump(mode="json")
    except ValidationError as error:
        fields = {
            ".".join(str(part) for part in found["loc"]) or "recipe": found["msg"]
            for found in error.errors()
        }
        raise RecipeInvalid(
            _("The recipe is not valid: %(problems)s. The fields are: %(known)s.")
            % {
                "problems": "; ".join(f"{field}: {said}" for field, said in fields.items()),
                "known": ", ".join(schema.model_fields),
            },
            fields,
        ) from error
