"""Models, versions and operating points, for the services of apps."""

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

__all__ = [
    "Model",
    "ModelVersion",
    "OperatingPoint",
    "OperatingPointInvalid",
    "UnknownModel",
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
