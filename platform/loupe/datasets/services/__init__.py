"""What can be done with datasets, one verb a function."""

from loupe.datasets.services.adding import Added, add_records, add_results
from loupe.datasets.services.arranging import group_by_name, set_group, set_split
from loupe.datasets.services.corrections import correct_from_review
from loupe.datasets.services.creating import change, create, take_corrections
from loupe.datasets.services.diffing import Changed, Difference, diff
from loupe.datasets.services.exporting import Export, export
from loupe.datasets.services.importing import cancel_import, import_archive, import_files
from loupe.datasets.services.labelling import save_labels, skip, undo
from loupe.datasets.services.materialising import materialise
from loupe.datasets.services.removing import (
    archive,
    delete,
    remove_records,
    require_open,
    restore_records,
    unarchive,
)
from loupe.datasets.services.renaming import rename_class
from loupe.datasets.services.versions import make_version

__all__ = [
    "Added",
    "Changed",
    "Difference",
    "Export",
    "add_records",
    "add_results",
    "archive",
    "cancel_import",
    "change",
    "correct_from_review",
    "create",
    "delete",
    "diff",
    "export",
    "group_by_name",
    "import_archive",
    "import_files",
    "make_version",
    "materialise",
    "remove_records",
    "rename_class",
    "require_open",
    "restore_records",
    "save_labels",
    "set_group",
    "set_split",
    "skip",
    "take_corrections",
    "unarchive",
    "undo",
]
