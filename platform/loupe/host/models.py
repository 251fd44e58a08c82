"""Models, versions and operating points, for the services of apps."""

from pathlib import Path

from django.conf import settings

from loupe.engine.repository import artefact_folder
from loupe.registry.errors import OperatingPointInvalid, UnknownModel
from loupe.registry.models import Model, ModelVersion, OperatingPoint
from loupe.registry.services import (
    check_name,
    install_made,
    operating_point,
    resolve,
    scope_model,
    set_operating_point,
    set_scope_model,
    usable,
    visible_models,
    visible_versions,
)


def artefact(version: ModelVersion) -> Path:
    """The folder with the version's verified files; `version` comes with its model."""
    return artefact_folder(settings.MODEL_REPOSITORY, version.model.wire_name, version.number)


__all__ = [
    "Model",
    "ModelVersion",
    "OperatingPoint",
    "OperatingPointInvalid",
    "UnknownModel",
    "artefact",
    "check_name",
    "install_made",
    "operating_point",
    "resolve",
    "scope_model",
    "set_operating_point",
    "set_scope_model",
    "usable",
    "visible_models",
    "visible_versions",
]
