"""The installed apps, as their contract classes declare them."""

from pydantic import Field

from loupe.api.shapes.base import JsonObject, Shape


class TextShape(Shape):
    """The same words in two languages."""

    en: str
    zh: str


class InputKindShape(Shape):
    """One kind of file an app takes."""

    key: str
    label: TextShape
    media_types: list[str]
    max_bytes: int


class OutcomeShape(Shape):
    """One outcome an app decides between."""

    key: str
    label: TextShape
    tone: str


class ExportShape(Shape):
    """One value of `format` for the app's results."""

    key: str
    label: TextShape
    media_type: str
    single: bool = Field(description="for one result, not for a list")


class SyncShape(Shape):
    """The app's synchronous call."""

    path: str
    body: str = Field(description="file or rows")
    max_rows: int
    deadline_ms: int


class AppShape(Shape):
    """One installed app."""

    slug: str
    name: TextShape
    summary: TextShape
    needs_model: bool
    takes_models: bool = Field(description="whether models can be uploaded")
    inputs: list[InputKindShape]
    outcomes: list[OutcomeShape]
    exports: list[ExportShape]
    sync: SyncShape | None
    operating_point_schema: JsonObject
    result_schema: JsonObject


class AppList(Shape):
    """Every installed app."""

    apps: list[AppShape]
