"""What a bundle says of its study beside the images. Nothing in it names a patient."""

from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from apps.report_gen.schema import SeriesView

MEDIA_TYPE: Final = "application/vnd.loupe.study+zip"
NAME: Final = ".study.json"
MOST_BYTES: Final = 4 * 2**20
LONGEST_TEXT: Final = 8000
MOST_PROBLEMS: Final = 50


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Problem(_Frozen):
    """Why files were left out: a code, how many, and sentences without their names and values."""

    code: str = Field(max_length=60)
    files: int = Field(default=1, ge=0)
    en: str = Field(max_length=1000)
    zh: str = Field(max_length=1000)


class ClinicalText(_Frozen):
    """What the referring physician wrote, without what names anybody."""

    indication: str = Field(default="", max_length=LONGEST_TEXT)
    history: str = Field(default="", max_length=LONGEST_TEXT)
    laboratory: str = Field(default="", max_length=LONGEST_TEXT)
    prior_report: str = Field(default="", max_length=LONGEST_TEXT)

    def together(self) -> str:
        """As the model reads it: the question first."""
        parts = (self.indication, self.history, self.laboratory, self.prior_report)
        return "\n".join(each.strip() for each in parts if each.strip())


class Manifest(_Frozen):
    """The bundle's second entry.

    `refused` holds what the gate said of series whose every file was left out, such as those of
    another modality: they are in no bundle, and the result tells why all the same.
    """

    schema_version: Literal[1] = 1
    study_uid: str = Field(max_length=64)
    patient: str = Field(default="", max_length=20)
    language: Literal["en", "zh"] = "en"
    clinical: ClinicalText = ClinicalText()
    images: int = Field(default=0, ge=0)
    problems: tuple[Problem, ...] = Field(default=(), max_length=MOST_PROBLEMS)
    refused: tuple[SeriesView, ...] = Field(default=(), max_length=200)
