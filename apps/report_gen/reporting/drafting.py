"""A model's result as the document that a reader begins with."""

from apps.report_gen.findings import NOT_ASSESSED
from apps.report_gen.report import Origin, Part, ReportDocument, ReportSentence
from apps.report_gen.schema import Language, SeriesView, StudyResult
from loupe.contract.text import Text

TECHNIQUE = {
    "en": "CT of the chest, {slices} slices{spacing}{kernel}{resampled}.",
    "zh": "胸部CT，{slices}层{spacing}{kernel}{resampled}。",
}
SPACING = {"en": " at {mm:.1f} mm", "zh": "，层间距{mm:.1f} mm"}
KERNEL = {"en": ", kernel {kernel}", "zh": "，卷积核{kernel}"}
RESAMPLED = {"en": "; read after resampling", "zh": "；重采样后读取"}


def drafted(result: StudyResult, language: Language, indication: str = "") -> ReportDocument:
    """The draft in a language.

    Args:
        indication: what the referring physician asked, without what names anybody.
    """
    asked = " ".join(indication.split())[:2000]
    before = (ReportSentence(part=Part.INDICATION, text=asked),) if asked else ()
    return ReportDocument(
        language=language,
        study_uid=result.study_uid,
        series_uid=result.series_uid,
        sentences=(*before, *_technique(result, language), *_ordered(result.draft(language))),
        findings=result.findings,
        warnings=tuple(
            Text(en=each.en, zh=each.zh) for each in result.reasons if each.severity == "warning"
        ),
        not_assessed=NOT_ASSESSED,
        model=result.model,
    )


def without_draft(document: ReportDocument) -> ReportDocument:
    """What is left of a report whose draft was rejected: the study, and what its reader wrote."""
    kept = tuple(each for each in document.findings if each.origin is Origin.READER)
    ids = {each.id for each in kept}
    sentences = tuple(
        each
        for each in document.sentences
        if each.part in (Part.INDICATION, Part.TECHNIQUE)
        or (each.origin is Origin.READER and set(each.findings) <= ids)
    )
    return document.model_copy(update={"sentences": sentences, "findings": kept})


def series_read(result: StudyResult) -> SeriesView | None:
    """The series that the draft is of."""
    return next((each for each in result.series if each.chosen), None)


def _technique(result: StudyResult, language: Language) -> tuple[ReportSentence, ...]:
    chosen = series_read(result)
    if result.volume is None or chosen is None:
        return ()
    shape = chosen.shape or result.volume.shape
    spacing = chosen.spacing or result.volume.spacing
    text = TECHNIQUE[language].format(
        slices=shape[0],
        spacing=SPACING[language].format(mm=spacing[0]),
        kernel=KERNEL[language].format(kernel=chosen.kernel) if chosen.kernel else "",
        resampled=RESAMPLED[language] if result.resampled else "",
    )
    return (ReportSentence(part=Part.TECHNIQUE, text=text),)


def _ordered(sentences: tuple[ReportSentence, ...]) -> list[ReportSentence]:
    order = list(Part)
    return sorted(sentences, key=lambda each: order.index(each.part))
