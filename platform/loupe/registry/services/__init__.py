"""One function per verb on models, versions and operating points."""

from loupe.registry.services.describe import ModelCard, describe
from loupe.registry.services.operating import operating_point, set_operating_point
from loupe.registry.services.promotion import promote, retire, roll_back
from loupe.registry.services.resolve import resolve, usable, visible_models, visible_versions
from loupe.registry.services.scopes import scope_model, set_scope_model
from loupe.registry.services.shipped import register_shipped
from loupe.registry.services.upload import check_name, install_made, upload

__all__ = [
    "ModelCard",
    "check_name",
    "describe",
    "install_made",
    "operating_point",
    "promote",
    "register_shipped",
    "resolve",
    "retire",
    "roll_back",
    "scope_model",
    "set_operating_point",
    "set_scope_model",
    "upload",
    "usable",
    "visible_models",
    "visible_versions",
]
