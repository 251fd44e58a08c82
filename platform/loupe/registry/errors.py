"""Why a model cannot be named, promoted or configured."""

from loupe.contract.runtime.errors import LoupeError


class UnknownModel(LoupeError):
    """No registered model of that name is visible; the message lists those that are."""

    code = "unknown_model"


class NoModel(LoupeError):
    """The app has no production model that the project may use."""

    code = "no_model"


class ModelConflict(LoupeError):
    """Somebody else changed the model's versions at the same moment."""

    code = "conflict"


class StageRefused(LoupeError):
    """The version's stage does not allow what was asked."""

    code = "wrong_stage"


class OperatingPointInvalid(LoupeError):
    """The app's schema refuses the values; `fields` maps each field to its sentence."""

    code = "operating_point_invalid"

    def __init__(self, message: str, fields: dict[str, str]) -> None:
        super().__init__(message)
        self.fields = fields


class UploadRefused(LoupeError):
    """A model cannot be uploaded that way: its name, or the app takes none."""

    code = "upload_refused"


class GateClosed(LoupeError):
    """Conditions of promotion do not hold; the message names them."""

    code = "gate_closed"


class ConsentRefused(LoupeError):
    """A second person's consent is needed, or cannot be given like that."""

    code = "second_person_needed"
