"""What the server refuses, as exceptions. `code` is stable: see the table in docs/api.md."""

from loupe.api.shapes.base import FieldProblem, ProblemDocument


class LoupeApiError(Exception):
    """Base of everything the client raises about an answer.

    Attributes:
        problem: the problem document as the server sent it.
        retry_after: seconds to wait before another try, where the server said so.
    """

    def __init__(self, problem: ProblemDocument, retry_after: float | None = None) -> None:
        super().__init__(f"{problem.code}: {problem.detail}")
        self.problem = problem
        self.retry_after = retry_after

    @property
    def code(self) -> str:
        """The stable code."""
        return self.problem.code

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self.problem.status

    @property
    def fields(self) -> list[FieldProblem]:
        """What is wrong with each field."""
        return self.problem.errors


class InvalidRequest(LoupeApiError):
    """400, 405, 413, 415: the request must be written differently."""


class Unauthenticated(LoupeApiError):
    """401: the key is missing, unknown, revoked or expired."""


class Forbidden(LoupeApiError):
    """403: the key lacks a scope."""


class NotFound(LoupeApiError):
    """404: it does not exist for this key."""


class Conflict(LoupeApiError):
    """409: the state does not allow it, or an idempotency key was used for something else."""


class Refused(LoupeApiError):
    """422: the input or model cannot be used; trying again cannot help."""


class RateLimited(LoupeApiError):
    """429: too many requests."""


class ServerFault(LoupeApiError):
    """500 or 507: something broke on the server's side."""


class Unavailable(LoupeApiError):
    """503: the engine is late or gone; `retry_after` says when to come back."""


class Unreachable(Exception):
    """No answer came, however often it was tried."""


_KINDS: dict[int, type[LoupeApiError]] = {
    401: Unauthenticated,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    422: Refused,
    429: RateLimited,
    503: Unavailable,
}


def kind_of(status: int) -> type[LoupeApiError]:
    """The class that stands for an HTTP status."""
    return _KINDS.get(status, ServerFault if status >= 500 else InvalidRequest)
