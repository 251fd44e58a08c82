"""The way of a version into production and back, for the pages and services of apps."""

from loupe.registry.errors import ConsentRefused
from loupe.registry.models import PromotionRequest
from loupe.registry.services.consent import ask, decline, require_other_person, withdraw
from loupe.registry.services.promotion import in_production, require_reason, roll_back
from loupe.training.promotion import Gate, approve, gate

__all__ = [
    "ConsentRefused",
    "Gate",
    "PromotionRequest",
    "approve",
    "ask",
    "decline",
    "gate",
    "in_production",
    "require_other_person",
    "require_reason",
    "roll_back",
    "withdraw",
]
