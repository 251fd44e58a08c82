"""Why something about a dataset was refused."""

from typing import TYPE_CHECKING

from loupe.contract.runtime.errors import LoupeError

if TYPE_CHECKING:
    from loupe.datasets.models import Record


class DatasetRefused(LoupeError):
    """An argument is not allowed: a name in use, classes that cannot be, a share above one."""

    code = "dataset_invalid"


class NoLabelling(LoupeError):
    """The app's people label nothing."""

    code = "no_labelling"


class LabelsRefused(LoupeError):
    """Labels that are not valid, or do not fit the dataset."""

    code = "labels_invalid"


class LabelConflict(LoupeError):
    """Somebody else changed the record in the meantime; `record` is as it is now."""

    code = "label_conflict"

    def __init__(self, message: str, record: "Record") -> None:
        super().__init__(message)
        self.record = record


class NothingToTakeBack(LoupeError):
    """The record's labels are as they came."""

    code = "nothing_to_undo"


class VersionRefused(LoupeError):
    """No version can be made of the dataset as it is."""

    code = "version_refused"


class ImportStateRefused(LoupeError):
    """The import has ended, so it cannot be cancelled."""

    code = "import_state"
