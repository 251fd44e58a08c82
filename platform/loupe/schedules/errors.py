"""Why a schedule was not taken, or a run of it failed."""

from loupe.contract.runtime.errors import LoupeError


class InvalidSchedule(LoupeError):
    """A time, a folder or an option that is not allowed."""

    code = "schedule_invalid"


class FolderRefused(LoupeError):
    """The folder of a schedule cannot be read."""

    code = "folder_refused"
