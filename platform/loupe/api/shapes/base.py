"""What all shapes have in common."""

from typing import TypeAlias

from pydantic import BaseModel, ConfigDict, Field, JsonValue

JsonObject: TypeAlias = dict[str, JsonValue]


class Shape(BaseModel):
    """Something the server answers. A client ignores fields it does not know yet."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Order(BaseModel):
    """Something a caller sends. A field the server does not know is refused by name."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Paged(Shape):
    """One page of a list."""

    next_cursor: str | None = Field(
        default=None, description="Send it as `cursor` for the next page; null on the last one."
    )


class FieldProblem(Shape):
    """What is wrong with one field."""

    field: str
    code: str
    message: str


class ProblemDocument(Shape):
    """An error (RFC 9457, `application/problem+json`)."""

    model_config = ConfigDict(
        frozen=True,
        extra="ignore",
        json_schema_extra={
            "examples": [
                {
                    "type": "urn:loupe:problem:scope_missing",
                    "title": "The key lacks a scope",
                    "status": 403,
                    "detail": "This key lacks the scope 'submit'; it has ['view'].",
                    "instance": "/api/v1/submissions",
                    "code": "scope_missing",
                    "errors": [],
                }
            ]
        },
    )

    type: str
    title: str
    status: int
    detail: str = Field(description="A full sentence: what is wrong and what to do.")
    instance: str = Field(description="The path that was asked for.")
    code: str = Field(description="Stable; see the table of errors.")
    errors: list[FieldProblem] = Field(default_factory=list)
