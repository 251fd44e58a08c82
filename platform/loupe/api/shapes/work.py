"""Submissions, jobs and their items."""

import uuid
from datetime import datetime

from pydantic import Field

from loupe.api.shapes.base import Order, Paged, Shape


class InputShape(Shape):
    """One file of a submission."""

    name: str
    kind: str = Field(description="the app's kind of input; empty where it was refused")
    sha256: str | None
    size: int | None = Field(description="bytes")
    error_code: str = ""
    error: str = ""


class SubmissionShape(Shape):
    """One delivery of files."""

    id: uuid.UUID
    project: str
    app: str
    channel: str
    name: str
    facts: dict[str, str] = Field(description="what the sender said, by the app's facts")
    sent_by: str = Field(description="user:NAME, key:PREFIX or system")
    fallback: str = Field(description="fail_open or fail_closed where the policy was applied")
    created_at: datetime
    job: uuid.UUID | None


class SubmissionDetail(SubmissionShape):
    """A submission with its first 1,000 files."""

    inputs: list[InputShape]
    inputs_total: int


class SubmissionPage(Paged):
    """One page of submissions, newest first."""

    submissions: list[SubmissionShape]


class ModelUsed(Shape):
    """Which versions a job or result was made with."""

    name: str
    version: int
    artefact_sha256: str
    operating_point: int


class JobShape(Shape):
    """The work on one submission."""

    id: uuid.UUID
    project: str
    app: str
    submission: uuid.UUID
    name: str
    state: str = Field(description="queued, running, done or cancelled")
    model: ModelUsed | None
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None


class FailureShape(Shape):
    """Items that failed for one reason."""

    code: str
    count: int
    name: str = Field(description="one of them")
    example: str = Field(description="its sentence")


class ProgressShape(Shape):
    """How far a job is; also what its `events` stream sends."""

    job_id: uuid.UUID
    state: str
    total: int
    queued: int
    leased: int
    done: int
    failed: int
    cancelled: int
    postponed: int
    fraction: float
    rate: float = Field(description="items a second, over the last minute")
    remaining_seconds: float | None
    basis: str
    cancel_requested: bool
    failures: list[FailureShape]
    note: str = ""

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen by itself."""
        return self.state in {"done", "cancelled"}


class JobDetail(JobShape):
    """A job with its progress."""

    progress: ProgressShape


class JobPage(Paged):
    """One page of jobs, newest first."""

    jobs: list[JobShape]


class ItemShape(Shape):
    """One unit of a job's work."""

    id: int
    position: int
    name: str
    state: str = Field(description="queued, leased, done, failed or cancelled")
    attempts: int
    progress: float
    error_code: str
    error: str
    result: int | None


class ItemPage(Paged):
    """One page of items, in their order."""

    items: list[ItemShape]


class RetryOrder(Order):
    """Which failed items to try again; everything left out: all of them."""

    codes: list[str] = Field(default_factory=list, max_length=100)
    items: list[int] = Field(default_factory=list, max_length=10_000)


class RetryAnswer(Shape):
    """How many items wait again."""

    queued: int
