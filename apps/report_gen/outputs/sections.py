"""The report's own words in its SR: a container for each part, and what stands under them."""

from typing import Final

from highdicom.sr import (
    ContainerContentItem,
    ContentSequence,
    RelationshipTypeValues,
    TextContentItem,
)

from apps.report_gen.outputs.codes import Coded
from apps.report_gen.outputs.concepts import concept, text_item
from apps.report_gen.outputs.edition import Edition
from apps.report_gen.outputs.wording import plain
from apps.report_gen.report import Part

SECTIONS: Final = {
    Part.INDICATION: (
        Coded("DCM", "121109", "Indications for Procedure"),
        Coded("DCM", "121110", "Patient Presentation"),
    ),
    Part.TECHNIQUE: (
        Coded("DCM", "121064", "Current Procedure Descriptions"),
        Coded("DCM", "121065", "Procedure Description"),
    ),
    Part.COMPARISON: (
        Coded("LN", "18834-2", "Previous Findings"),
        Coded("DCM", "121069", "Previous Finding"),
    ),
    Part.FINDINGS: (Coded("DCM", "121070", "Findings"), Coded("DCM", "121071", "Finding")),
    Part.IMPRESSION: (Coded("DCM", "121072", "Impressions"), Coded("DCM", "121073", "Impression")),
}
SUMMARY: Final = (Coded("DCM", "121111", "Summary"), Coded("DCM", "121106", "Comment"))
TRACKING: Final = Coded("DCM", "112039", "Tracking Identifier")


def sections(edition: Edition) -> list[ContainerContentItem]:
    """The parts that have a text, and the remarks."""
    document = edition.document
    known = {each.id for each in document.findings}
    has_properties = RelationshipTypeValues.HAS_PROPERTIES
    made = []
    for part, (heading, name) in SECTIONS.items():
        sentences = [each for each in document.sentences if each.part is part]
        items = []
        for sentence in sentences:
            if not plain(sentence.text):
                continue
            item = text_item(name, sentence.text)
            cited = [each for each in sentence.findings if each in known]
            if cited:
                item.ContentSequence = ContentSequence(
                    [text_item(TRACKING, each, has_properties) for each in cited]
                )
            items.append(item)
        if items:
            made.append(_container(heading, items))
    return [
        *made,
        _container(SUMMARY[0], [text_item(SUMMARY[1], each) for each in remarks(edition)]),
    ]


def grounds(edition: Edition) -> list[str]:
    """What stands under every report: the notice, the model, what was not assessed, warnings."""
    document = edition.document
    told = [document.notice.in_language(document.language)]
    if document.model:
        trained = document.model.trained_on.in_language(document.language)
        by = (
            f"起草模型：{document.model.name}，版本 {document.model.version}。训练数据：{trained}"
            if edition.zh
            else f"Drafted by {document.model.name}, version {document.model.version}. "
            f"Trained on: {trained}"
        )
        told.append(by)
    if document.not_assessed:
        names = [each.in_language(document.language) for each in document.not_assessed]
        told.append(
            f"未评估：{'、'.join(names)}。" if edition.zh else f"Not assessed: {', '.join(names)}."
        )
    told += [each.in_language(document.language) for each in document.warnings]
    return [each for each in map(plain, told) if each]


def remarks(edition: Edition) -> list[str]:
    """The grounds, and who signed."""
    told = grounds(edition)
    if edition.signature is not None:
        signature = edition.signature
        meaning = signature.meaning.in_language(edition.document.language)
        at = signature.signed_at.isoformat(timespec="seconds")
        told.append(plain(f"{meaning} {signature.name}, {at}, SHA-256 {signature.content_hash}"))
    return told


def _container(name: Coded, items: list[TextContentItem]) -> ContainerContentItem:
    made = ContainerContentItem(
        name=concept(name), relationship_type=RelationshipTypeValues.CONTAINS
    )
    made.ContentSequence = ContentSequence(items)
    return made
