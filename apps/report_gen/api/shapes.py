"""What the app's REST answers and takes."""

import uuid
from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from apps.report_gen.bundles.manifest import LONGEST_TEXT
from apps.report_gen.report import NOTICE
from loupe.host.rest import Order, Paged, Shape

Words = Field(default="", max_length=LONGEST_TEXT)


class NoticeShape(Shape):
    """In both languages."""

    en: str = NOTICE.en
    zh: str = NOTICE.zh


class StudyProblem(Shape):
    """Why files were left out, or a study refused: stable code, sentences, how many files."""

    code: str
    en: str = ""
    zh: str = ""
    files: int = 0


class StudyShape(Shape):
    """A study, by pseudonyms."""

    id: uuid.UUID
    project: str
    study_uid: str = Field(description="pseudonymous")
    patient: str = Field(description="pseudonym; empty where the files named nobody")
    status: str = Field(
        description="arriving, waiting, reading, drafted, refused, failed or reported"
    )
    channel: str
    language: str
    files: int
    bytes: int
    left_out: int = Field(description="files that cannot be used")
    problems: list[StudyProblem]
    present: list[str] = Field(description="keys of the findings said to be there")
    critical: bool
    priority: float
    outcome: str = Field(description="draft_ready, needs_attention or refused; empty: none yet")
    result: int | None = Field(description="the host's result, see `/results`")
    job: uuid.UUID | None
    arrived_at: datetime
    complete_at: datetime | None
    drafted_at: datetime | None
    reported_at: datetime | None
    notice: NoticeShape = NoticeShape()


class StudyDetail(StudyShape):
    """A study with what was read and drafted; masks are left out."""

    reading: dict[str, Any] | None = Field(
        description="the result, by its schema, without masks; null: none yet"
    )


class StudyPage(Paged):
    """Studies, newest first."""

    studies: list[StudyShape]
    notice: NoticeShape = NoticeShape()


class UnusableShape(Shape):
    """A file that cannot be used; told to who sent it."""

    name: str
    code: str
    en: str
    zh: str


class StudyDelivery(Shape):
    """What came at once, and the studies in it."""

    id: uuid.UUID
    project: str
    status: str = Field(description="waiting, sorted or failed")
    files: int
    bytes: int
    left_out: int
    problems: list[StudyProblem]
    unusable: list[UnusableShape] = Field(description="by name, for who sent them alone")
    error_code: str
    error: str
    studies: list[StudyShape]
    created_at: datetime
    notice: NoticeShape = NoticeShape()


class ClinicalTextOrder(Order):
    """What the referring physician wrote; replaces what was said before."""

    indication: str = Words
    history: str = Words
    laboratory: str = Words
    prior_report: str = Words


class TakenShape(Shape):
    """Files that were taken over."""

    delivery: uuid.UUID
    url: str
    taken: int
    status: Literal["waiting"] = "waiting"
    notice: NoticeShape = NoticeShape()


class KeptShape(Shape):
    """Whether a clinical text was anything new; the study is then read again."""

    changed: bool
    notice: NoticeShape = NoticeShape()
