"""Files that an app took over and keeps itself."""

from pydantic import Field

from loupe.api.shapes.base import Shape


class NotTakenShape(Shape):
    """A file that was not taken. Its name is not repeated: it may name somebody."""

    file: int = Field(description="which of the files that were sent, counted from 1; 0: of none")
    code: str
    message: str


class HandedShape(Shape):
    """What an app made of files that it keeps itself."""

    app: str
    reference: str = Field(description="the app's own word for what came, e.g. an id")
    url: str = Field(description="the page on which a person follows it")
    api_url: str = Field(description="the address under which a program does; may be empty")
    taken: int = Field(description="files taken")
    not_taken: list[NotTakenShape]
