"""What can go wrong between starting work and storing its results."""

from loupe.contract.runtime.errors import LoupeError


class NothingToDo(LoupeError):
    """The request is understood, but there is no work in it."""

    code = "nothing_to_do"


class NoJobMode(LoupeError):
    """The app answers synchronous calls only."""

    code = "no_job_mode"


class AlreadyStarted(LoupeError):
    """The submission has a job already, and with another model."""

    code = "already_started"


class JobEnded(LoupeError):
    """The job ended before the request came."""

    code = "job_ended"


class LeaseLost(LoupeError):
    """Another worker took the item over, or the job was cancelled: this work is dropped."""

    code = "lease_lost"
