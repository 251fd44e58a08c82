"""Edits as they come from a page or over REST: one JSON object each, applied to a document."""

from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from apps.report_gen.findings import Lobe, Side, State
from apps.report_gen.report import Box, Part, ReportDocument
from apps.report_gen.reporting import findings, sentences
from apps.report_gen.reporting.follow_up import follow_up
from apps.report_gen.reporting.refusing import EditRefused


class _Edit(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Say(_Edit):
    """Other words for a sentence."""

    verb: Literal["say"]
    sentence: int = Field(ge=0)
    text: str = Field(max_length=4000)


class AddSentence(_Edit):
    """A new sentence."""

    verb: Literal["add_sentence"]
    part: Part
    text: str = Field(default="", max_length=4000)
    after: int | None = None
    findings: tuple[str, ...] = ()


class RemoveSentence(_Edit):
    """A sentence out."""

    verb: Literal["remove_sentence"]
    sentence: int = Field(ge=0)


class MoveSentence(_Edit):
    """A sentence elsewhere."""

    verb: Literal["move_sentence"]
    sentence: int = Field(ge=0)
    part: Part
    place: int | None = None


class Tie(_Edit):
    """Which findings a sentence speaks of."""

    verb: Literal["tie"]
    sentence: int = Field(ge=0)
    findings: tuple[str, ...]


class WordAgain(_Edit):
    """A sentence said anew from its findings."""

    verb: Literal["word_again"]
    sentence: int = Field(ge=0)


class Confirm(_Edit):
    """A finding confirmed."""

    verb: Literal["confirm"]
    finding: str = Field(max_length=60)


class ChangeFinding(_Edit):
    """A finding that is otherwise."""

    verb: Literal["change_finding"]
    finding: str = Field(max_length=60)
    state: State | None = None
    side: Side | None = None
    lobes: tuple[Lobe, ...] | None = None
    size_mm: float | None = Field(default=None, gt=0, le=600)
    comment: str | None = Field(default=None, max_length=500)
    box: Box | None = None
    drawn: Box | None = Field(default=None, description="RAS mm; becomes `box` by the volume")


class RemoveFinding(_Edit):
    """A finding out."""

    verb: Literal["remove_finding"]
    finding: str = Field(max_length=60)


class AddFinding(_Edit):
    """A finding that the reader saw."""

    verb: Literal["add_finding"]
    kind: str = Field(max_length=60)
    side: Side = Side.NONE
    lobes: tuple[Lobe, ...] = ()
    size_mm: float | None = Field(default=None, gt=0, le=600)
    box: Box | None = None
    drawn: Box | None = Field(default=None, description="RAS mm; becomes `box` by the volume")
    comment: str = Field(default="", max_length=500)


class Mention(_Edit):
    """A sentence about a finding that none speaks of."""

    verb: Literal["mention"]
    finding: str = Field(max_length=60)


class FollowUp(_Edit):
    """The follow-up of nodules by size, put into the impression."""

    verb: Literal["follow_up"]


Edit = Annotated[
    Say
    | AddSentence
    | RemoveSentence
    | MoveSentence
    | Tie
    | WordAgain
    | Confirm
    | ChangeFinding
    | RemoveFinding
    | AddFinding
    | Mention
    | FollowUp,
    Field(discriminator="verb"),
]
_EDITS: TypeAdapter[Edit] = TypeAdapter(Edit)


def read(record: Any) -> Edit:
    """An edit of what JSON gave.

    Raises:
        EditRefused: it is none; the message names the first field that is wrong.
    """
    try:
        return _EDITS.validate_python(record)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the whole"
        raise EditRefused(
            f"This edit cannot be made: {where}: {first['msg']}. Change that and send it again."
        ) from error


def drawn_on(edit: Edit, place: Callable[[Box], Box] | None) -> Edit:
    """The edit with the box that was drawn in a viewer put onto the grid of the volume.

    Args:
        place: `apps.report_gen.viewing.marking.stored` of the study's grid; None: it has none.

    Raises:
        EditRefused: there is no volume to draw on.
    """
    if not isinstance(edit, (AddFinding, ChangeFinding)) or edit.drawn is None:
        return edit
    if place is None:
        raise no_volume()
    return edit.model_copy(update={"box": place(edit.drawn), "drawn": None})


def no_volume() -> EditRefused:
    """The refusal of a box in a study that has no volume."""
    return EditRefused(
        "This study has no volume to draw a box on; say side, lobes and size instead.",
        code="box_refused",
    )


def apply(document: ReportDocument, edit: Edit) -> ReportDocument:
    """The document after an edit; the same document where the edit changes nothing.

    Raises:
        EditRefused: the edit names what is not there, or says what cannot be said.
    """
    match edit:
        case Say():
            return sentences.say(document, edit.sentence, edit.text)
        case AddSentence():
            return sentences.add(
                document, edit.part, edit.text, after=edit.after, findings=edit.findings
            )
        case RemoveSentence():
            return sentences.remove(document, edit.sentence)
        case MoveSentence():
            return sentences.move(document, edit.sentence, edit.part, edit.place)
        case Tie():
            return sentences.tie(document, edit.sentence, edit.findings)
        case WordAgain():
            return sentences.word_again(document, edit.sentence)
        case FollowUp():
            return sentences.add(document, Part.IMPRESSION, follow_up(document))
        case _:
            return _of_finding(document, edit)


def _of_finding(
    document: ReportDocument,
    edit: Confirm | ChangeFinding | RemoveFinding | AddFinding | Mention,
) -> ReportDocument:
    match edit:
        case Confirm():
            return findings.confirm(document, edit.finding)
        case Mention():
            return findings.mention(document, edit.finding)
        case ChangeFinding():
            return findings.change(
                document, edit.finding, state=edit.state, side=edit.side, lobes=edit.lobes,
                size_mm=edit.size_mm, comment=edit.comment, box=edit.box,
            )  # fmt: skip
        case RemoveFinding():
            return findings.remove(document, edit.finding)
        case AddFinding():
            return findings.add(
                document, edit.kind, side=edit.side, lobes=edit.lobes, size_mm=edit.size_mm,
                box=edit.box, comment=edit.comment,
            )  # fmt: skip
