"""The app's own tables: products with their recipes, stations, parts with their views.

Beside this package's files lie the folders of models that ship with the app.
"""

from apps.defect_detection.models.cases import Case, Embedder
from apps.defect_detection.models.parts import Defect, Finding, Part, View
from apps.defect_detection.models.products import Product, Recipe
from apps.defect_detection.models.proposals import PointProposal, ProposalState
from apps.defect_detection.models.stations import Station

__all__ = [
    "Case",
    "Defect",
    "Embedder",
    "Finding",
    "Part",
    "PointProposal",
    "Product",
    "ProposalState",
    "Recipe",
    "Station",
    "View",
]
