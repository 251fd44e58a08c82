"""What REST answers about similar defects."""

from datetime import datetime

from pydantic import Field

from loupe.host.rest import Shape


class PlaceShape(Shape):
    """A place of a result, in pixels of its picture."""

    place: int = Field(description="the box's number in the result; -1: the whole picture")
    x1: float
    y1: float
    x2: float
    y2: float
    label: str


class SimilarCaseShape(Shape):
    """One confirmed case."""

    result: int
    name: str
    likeness: int = Field(ge=0, le=100, description="100: looks the same to the model")
    place: PlaceShape = Field(description="where it looks so; of a person's boxes where they drew")
    outcome: str = Field(description="what holds now")
    verb: str = Field(description="what a person said of it last")
    said_by: str
    created_at: datetime


class SimilarShape(Shape):
    """The confirmed cases most like a place of a result, nearest first."""

    result: int
    place: PlaceShape
    places: list[PlaceShape] = Field(description="what else of the result can be asked about")
    cases: list[SimilarCaseShape]
    searched: int = Field(description="places of confirmed cases that were compared")
    waiting: int = Field(description="confirmed results that are not in the search yet")
