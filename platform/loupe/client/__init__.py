"""A typed client of Loupe's REST API. Needs httpx and pydantic, nothing else of Loupe's.

>>> from loupe.client import Loupe
>>> with Loupe("http://127.0.0.1:8000", key) as loupe:
...     answer = loupe.app(slug).inspect("board.jpg")
"""

from loupe.client.client import Loupe
from loupe.client.errors import (
    Conflict,
    Forbidden,
    InvalidRequest,
    LoupeApiError,
    NotFound,
    RateLimited,
    Refused,
    ServerFault,
    Unauthenticated,
    Unavailable,
    Unreachable,
)
from loupe.client.jobs import JobFailed, JobHandle
from loupe.client.trainings import TrainingHandle

__all__ = [
    "Conflict",
    "Forbidden",
    "InvalidRequest",
    "JobFailed",
    "JobHandle",
    "Loupe",
    "LoupeApiError",
    "NotFound",
    "RateLimited",
    "Refused",
    "ServerFault",
    "TrainingHandle",
    "Unauthenticated",
    "Unavailable",
    "Unreachable",
]
