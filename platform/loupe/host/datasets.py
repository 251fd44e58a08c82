"""Datasets, for the commands and pages of apps."""

from loupe.datasets.errors import DatasetRefused
from loupe.datasets.importing.folder import import_folder, import_named
from loupe.datasets.importing.options import Options
from loupe.datasets.models import Dataset, DatasetVersion, Import, Record
from loupe.datasets.services import create, make_version, materialise, save_labels

__all__ = [
    "Dataset",
    "DatasetRefused",
    "DatasetVersion",
    "Import",
    "Options",
    "Record",
    "create",
    "import_folder",
    "import_named",
    "make_version",
    "materialise",
    "save_labels",
]
