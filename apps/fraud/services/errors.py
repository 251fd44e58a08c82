"""Why something about alerts, cases, lists or labels was refused. `field` names what to change."""

from loupe.contract.runtime.errors import LoupeError


class Unusable(LoupeError):
    """A value cannot be used."""

    code = "invalid"

    def __init__(self, message: str, *, field: str = "", code: str | None = None) -> None:
        super().__init__(message, code=code)
        self.field = field


class Taken(LoupeError):
    """It is done already, or somebody else changed the same thing at the same moment."""

    code = "conflict"

    def __init__(self, message: str, *, field: str = "", code: str | None = None) -> None:
        super().__init__(message, code=code)
        self.field = field


class AskedFirst(LoupeError):
    """It was not done but asked for: a second person has to agree."""

    code = "second_person_needed"

    def __init__(self, message: str, *, field: str = "", code: str | None = None) -> None:
        super().__init__(message, code=code)
        self.field = field
