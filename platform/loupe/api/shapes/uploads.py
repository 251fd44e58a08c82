"""Uploads that come in parts."""

import uuid
from datetime import datetime

from pydantic import Field

from loupe.api.shapes.base import Paged, Shape


class UploadShape(Shape):
    """A file on its way in. `offset` is how many bytes of it are here for good."""

    id: uuid.UUID
    project: str
    name: str
    length: int = Field(description="bytes")
    offset: int = Field(description="bytes that are here")
    state: str = Field(description="open, complete, submitted, deleted or expired")
    metadata: dict[str, str]
    submission: uuid.UUID | None = Field(description="what it became")
    created_at: datetime
    expires_at: datetime = Field(description="without another part by then it is removed")


class UploadPage(Paged):
    """Uploads whose bytes are here, newest first."""

    uploads: list[UploadShape]
