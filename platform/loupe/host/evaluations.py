"""What models scored on labelled data, for the pages and services of apps."""

from loupe.blobs.services import open_local
from loupe.training.models import Evaluation
from loupe.training.services import evaluations

__all__ = ["Evaluation", "evaluations", "open_local"]
