"""Edits of a report's sentences: each takes a document and returns a new one."""

from apps.report_gen.report import Origin, Part, ReportDocument, ReportSentence
from apps.report_gen.reporting.refusing import EditRefused
from apps.report_gen.reporting.wording import worded

MOST = 300
"""Sentences of one report."""


def sentence_at(document: ReportDocument, number: int) -> ReportSentence:
    """The sentence at a place that counts from 0.

    Raises:
        EditRefused: there is none.
    """
    if not 0 <= number < len(document.sentences):
        raise EditRefused(
            f"Sentence {number} is not in this report, which has {len(document.sentences)}; look "
            "at the report again.",
            code="no_such_sentence",
        )
    return document.sentences[number]


def _with(document: ReportDocument, sentences: list[ReportSentence]) -> ReportDocument:
    return document.model_copy(update={"sentences": tuple(sentences)})


def _clean(text: str) -> str:
    text = " ".join(text.replace("\x00", "").split())
    if len(text) > 2000:
        raise EditRefused(
            f"A sentence has {len(text)} characters; at most 2000 are allowed. Split it.",
            code="sentence_too_long",
        )
    return text


def _known(document: ReportDocument, ids: tuple[str, ...]) -> tuple[str, ...]:
    there = {each.id for each in document.findings}
    unknown = [each for each in ids if each not in there]
    if unknown:
        raise EditRefused(
            f"Finding {unknown[0]!r} is not in this report; choose one of its findings.",
            code="no_such_finding",
        )
    return tuple(dict.fromkeys(ids))


def say(document: ReportDocument, number: int, text: str) -> ReportDocument:
    """Give a sentence other words; it is the reader's from then on."""
    before, text = sentence_at(document, number), _clean(text)
    if text == before.text:
        return document
    made = list(document.sentences)
    made[number] = before.model_copy(update={"text": text, "origin": Origin.READER})
    return _with(document, made)


def add(
    document: ReportDocument, part: Part, text: str, *, after: int | None = None,
    findings: tuple[str, ...] = (), origin: Origin = Origin.READER,
) -> ReportDocument:  # fmt: skip
    """Put a sentence into a part: behind the sentence `after`, else at the part's end."""
    if len(document.sentences) >= MOST:
        raise EditRefused(
            f"A report has at most {MOST} sentences; shorten this one.", code="too_many_sentences"
        )
    new = ReportSentence(
        part=part, text=_clean(text), findings=_known(document, findings), origin=origin
    )
    made = list(document.sentences)
    if after is not None:
        sentence_at(document, after)
        place = after + 1
    else:
        place = end_of(document, part)
    made.insert(place, new)
    return _with(document, made)


def end_of(document: ReportDocument, part: Part) -> int:
    """Where a further sentence of `part` stands."""
    order = list(Part)
    for number, each in enumerate(document.sentences):
        if order.index(each.part) > order.index(part):
            return number
    return len(document.sentences)


def remove(document: ReportDocument, number: int) -> ReportDocument:
    """Take a sentence out."""
    sentence_at(document, number)
    return _with(document, [*document.sentences[:number], *document.sentences[number + 1 :]])


def move(document: ReportDocument, number: int, part: Part, place: int | None) -> ReportDocument:
    """Put a sentence into another part, or elsewhere in its own.

    Args:
        place: among the sentences of `part` without this one, from 0; None: behind them.
    """
    moved = sentence_at(document, number)
    rest = remove(document, number)
    own = [index for index, each in enumerate(rest.sentences) if each.part is part]
    if place is None or place >= len(own):
        at = own[-1] + 1 if own else end_of(rest, part)
    else:
        at = own[max(0, place)]
    made = list(rest.sentences)
    made.insert(at, moved.model_copy(update={"part": part}))
    return _with(document, made)


def tie(document: ReportDocument, number: int, findings: tuple[str, ...]) -> ReportDocument:
    """Say which findings a sentence speaks of."""
    made = list(document.sentences)
    made[number] = sentence_at(document, number).model_copy(
        update={"findings": _known(document, findings)}
    )
    return _with(document, made)


def word_again(document: ReportDocument, number: int) -> ReportDocument:
    """Let the grammar say a sentence anew, from what its findings are now.

    Raises:
        EditRefused: it cites no finding, or nothing is to be said of what it cites.
    """
    before = sentence_at(document, number)
    found = worded(document, before.part, before.findings)
    if found is None:
        raise EditRefused(
            "This sentence speaks of no finding that could be worded; write it yourself or remove "
            "it.",
            code="nothing_to_word",
        )
    text, slot = found
    made = list(document.sentences)
    made[number] = before.model_copy(
        update={"text": text, "findings": slot.ids, "origin": Origin.READER}
    )
    return _with(document, made)
