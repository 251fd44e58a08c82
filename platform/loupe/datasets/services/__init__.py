"""What can be done with datasets, one verb a function."""

from loupe.datasets.services.labelling import save_labels, skip, undo
from loupe.datasets.services.materialising import materialise

__all__ = ["materialise", "save_labels", "skip", "undo"]
