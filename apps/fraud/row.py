"""One transaction as callers send it, for the API's documentation.

Batches are read whole by `apps.fraud.tables.batch`, which follows the project's scheme; this class
says what stands in a row under the scheme that a project starts with.
"""

from pydantic import BaseModel, ConfigDict, Field


class TransactionRow(BaseModel):
    """A row of ``POST /api/v1/fraud/score``."""

    model_config = ConfigDict(frozen=True, extra="allow")

    id: str = Field(
        max_length=200,
        description="The sender's, unique in the project: sending it again changes nothing.",
    )
    time: str | int = Field(
        description="When it happened: ISO 8601, in UTC where it names no zone, or milliseconds "
        "since 1970. At most an hour ahead of Loupe's clock."
    )
    amount: str | float | None = Field(
        default=None,
        description="In units of the currency, as a decimal such as 42.50. Send this or "
        "`amount_minor`.",
    )
    amount_minor: int | None = Field(
        default=None, ge=0, description="In minor units of the currency, such as cents."
    )
    currency: str = Field(default="", description="ISO 4217; left out, the project's own currency.")
    customer: str = Field(default="", description="Entities go by the keys of the scheme.")
    terminal: str = ""
    device: str = ""
    address: str = ""
    country: str = Field(default="", description="Attributes go by the keys of the scheme.")
    channel: str = ""
    label: str | int | None = Field(
        default=None, description="What it turned out to be, where that is known: 1 or 0, or words."
    )
    label_time: str | int | None = Field(
        default=None, description="When the label became known; not before the transaction."
    )
