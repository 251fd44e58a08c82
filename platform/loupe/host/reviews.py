"""What people say about results, for the pages of apps."""

from loupe.review.models import Review
from loupe.review.services import give_many, undo

__all__ = ["Review", "give_many", "undo"]
