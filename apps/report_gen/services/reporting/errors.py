"""Why something about a report was refused."""

from apps.report_gen.reporting.checks import Check
from loupe.contract.runtime.errors import Conflict, LoupeError


class Unusable(LoupeError):
    """A value cannot be used. `field` names what to change."""

    code = "invalid"

    def __init__(self, message: str, *, field: str = "", code: str | None = None) -> None:
        super().__init__(message, code=code)
        self.field = field


class Changed(Conflict):
    """Somebody else changed the report since it was looked at; nothing was stored."""

    code = "report_changed"


class Closed(Conflict):
    """The report is signed, or stands otherwise so that this cannot be done with it."""

    code = "report_closed"


class Claimed(Conflict):
    """Somebody else reads this study at the moment."""

    code = "study_claimed"


class Blocked(LoupeError):
    """Checks forbid the signature; `checks` are those that do."""

    code = "checks_block"

    def __init__(self, message: str, checks: tuple[Check, ...]) -> None:
        super().__init__(message)
        self.checks = checks
