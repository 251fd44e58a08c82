"""Why a training cannot be started, stopped or gone on with."""

from loupe.contract.runtime.errors import LoupeError


class TrainingRefused(LoupeError):
    """It cannot be started that way: the app trains nothing, or the data do not fit."""

    code = "training_refused"


class RunStateRefused(LoupeError):
    """The run's state does not allow what was asked."""

    code = "wrong_state"


class RecipeInvalid(LoupeError):
    """The app's recipe refuses the values; `fields` maps each field to its sentence."""

    code = "recipe_invalid"

    def __init__(self, message: str, fields: dict[str, str]) -> None:
        super().__init__(message)
        self.fields = fields
