"""The changes feed."""

from datetime import datetime

from pydantic import Field

from loupe.api.shapes.base import JsonObject, Shape


class ChangeShape(Shape):
    """One thing that happened."""

    id: int
    at: datetime
    kind: str = Field(description="noun.verb, for example result.decided")
    subject: str = Field(description="the id of what changed")
    data: JsonObject


class ChangePage(Shape):
    """What happened since a cursor, oldest first."""

    changes: list[ChangeShape]
    next_cursor: str = Field(description="Where to go on; keep it, also when nothing was new.")
    more: bool = Field(description="whether there is more to read at once")
