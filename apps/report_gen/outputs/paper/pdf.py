"""A report as PDF, set by typst from `report.typ`.

The content goes in as JSON: nothing of it is read as markup. Fonts come from one package and not
from the machine, so that no Chinese character is missing anywhere and the same edition is the same
file.
"""

import json
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import typst
from pylopdf_fonts_zh_cn import sans_path

from apps.report_gen.findings import KINDS, LOBE_NAMES, SIDE_NAMES, STATE_NAMES
from apps.report_gen.outputs.edition import Edition, OutputIdentity
from apps.report_gen.outputs.paper.key_images import KeyImage
from apps.report_gen.outputs.sections import grounds
from apps.report_gen.outputs.wording import plain, shown_name
from apps.report_gen.report import Origin, Part, ReportFinding, ReportState
from loupe.contract.text import Text

TEMPLATE: Final = Path(__file__).parent / "report.typ"
MARKS: Final = {
    ReportState.DRAFT: Text(en="Draft, not signed", zh="草稿，未签名"),
    ReportState.REVIEWED: Text(en="Reviewed, not signed", zh="已审阅，未签名"),
    ReportState.SIGNED: Text(en="Signed", zh="已签名"),
    ReportState.AMENDED: Text(en="Amended", zh="已修订"),
    ReportState.REJECTED: Text(en="Draft rejected", zh="草稿已退回"),
}
PARTS: Final = {
    Part.INDICATION: Text(en="Indication", zh="检查目的"),
    Part.TECHNIQUE: Text(en="Technique", zh="检查技术"),
    Part.COMPARISON: Text(en="Comparison", zh="对比检查"),
    Part.FINDINGS: Text(en="Findings", zh="影像所见"),
    Part.IMPRESSION: Text(en="Impression", zh="诊断意见"),
}
ORIGINS: Final = {
    Origin.MODEL: Text(en="model", zh="模型"),
    Origin.READER: Text(en="reader", zh="医师"),
}
CHANGED: Final = Text(en="model, changed", zh="模型，已修改")
_LONG_RUN: Final = re.compile(r"[^\s\u2e80-\uffef\u200b]{30}")


def report_pdf(
    edition: Edition, identity: OutputIdentity, pictures: Sequence[KeyImage] = ()
) -> bytes:
    """The document in the report's language."""
    with tempfile.TemporaryDirectory() as held:
        folder = Path(held)
        (folder / TEMPLATE.name).write_bytes(TEMPLATE.read_bytes())
        for number, each in enumerate(pictures):
            (folder / f"whole-{number}.png").write_bytes(each.whole)
            (folder / f"close-{number}.png").write_bytes(each.close)
        made: bytes = typst.compile(
            folder / TEMPLATE.name,
            root=folder,
            format="pdf",
            font_paths=[sans_path().parent],
            ignore_system_fonts=True,
            sys_inputs={
                "report": json.dumps(_content(edition, identity, pictures), ensure_ascii=False),
                "language": edition.document.language,
            },
        )
    return made


def _content(
    edition: Edition, identity: OutputIdentity, pictures: Sequence[KeyImage]
) -> dict[str, Any]:
    document = edition.document
    language = document.language
    signature = edition.signature
    return {
        "notice": shown(document.notice.in_language(language)),
        "mark": MARKS[edition.state].in_language(language),
        "version": str(edition.version),
        "hash": document.content_hash(),
        "replaces": _replaces(edition),
        "identity": _identity(edition, identity),
        "parts": [
            {
                "title": PARTS[part].in_language(language),
                "sentences": [
                    shown(each.text)
                    for each in document.sentences
                    if each.part is part and shown(each.text)
                ],
            }
            for part in Part
            if shown(document.text(part))
        ],
        "findings": [_row(each, language) for each in document.findings],
        "comments": [
            [shown(each.id), shown(each.comment)] for each in document.findings if each.comment
        ],
        "pictures": [
            {
                "whole": f"whole-{number}.png",
                "close": f"close-{number}.png",
                "caption": _caption(each, language),
            }
            for number, each in enumerate(pictures)
        ],
        "remarks": [shown(each) for each in grounds(edition)],
        "signature": {
            "name": shown(signature.name) or "-",
            "meaning": shown(signature.meaning.in_language(language)),
            "at": signature.signed_at.isoformat(sep=" ", timespec="seconds"),
        }
        if signature
        else {},
    }


def shown(text: str) -> str:
    """A text for paper: long runs without a space may break, so that none leaves the page."""
    return _LONG_RUN.sub(lambda run: f"{run[0]}\u200b", plain(text))


def _replaces(edition: Edition) -> str:
    previous = edition.previous
    if edition.state is not ReportState.AMENDED or previous is None:
        return ""
    digest = previous.document.content_hash()[:12]
    return (
        f"修订报告，取代版本 {previous.version}（SHA-256 {digest}）。"
        if edition.zh
        else f"Amended report; it replaces version {previous.version} (SHA-256 {digest})."
    )


def _identity(edition: Edition, identity: OutputIdentity) -> list[list[str]]:
    zh = edition.zh
    sexes = {
        "M": Text(en="male", zh="男"),
        "F": Text(en="female", zh="女"),
        "O": Text(en="other", zh="其他"),
    }
    sex = sexes.get(identity.sex)
    names = [shown_name(group) for group in identity.patient_name.split("=")]
    told = (
        (Text(en="Patient", zh="患者"), " · ".join(each for each in names if each)),
        (Text(en="Patient number", zh="患者编号"), identity.patient_id),
        (
            Text(en="Born, sex", zh="出生日期，性别"),
            ", ".join(
                each
                for each in (
                    identity.birth_date.isoformat() if identity.birth_date else "",
                    sex.in_language("zh" if zh else "en") if sex else "",
                )
                if each
            ),
        ),
        (Text(en="Accession", zh="检查号"), identity.accession),
        (
            Text(en="Study date", zh="检查日期"),
            identity.study_date.date().isoformat() if identity.study_date else "",
        ),
        (Text(en="Referred by", zh="申请医师"), shown_name(identity.referring_physician)),
        (Text(en="Institution", zh="机构"), identity.institution),
        (
            Text(en="Report of", zh="报告时间"),
            edition.made_at.isoformat(sep=" ", timespec="seconds"),
        ),
        (Text(en="Study", zh="检查UID"), identity.study_uid),
    )
    return [[name.in_language("zh" if zh else "en"), shown(value)] for name, value in told]


def _row(finding: ReportFinding, language: str) -> list[str]:
    origin = ORIGINS[finding.origin]
    if finding.changed and finding.origin is Origin.MODEL:
        origin = CHANGED
    chance = "" if finding.probability is None else f"{finding.probability:.2f}"
    return [
        _name(finding.kind, language),
        STATE_NAMES[finding.state].in_language(language),
        _where(finding, language),
        "" if finding.size_mm is None else f"{finding.size_mm:.1f}",
        "" if finding.volume_ml is None else f"{finding.volume_ml:.1f}",
        chance,
        origin.in_language(language),
    ]


def _name(kind: str, language: str) -> str:
    return KINDS[kind].name.in_language(language) if kind in KINDS else shown(kind)


def _where(finding: ReportFinding, language: str) -> str:
    if finding.lobes:
        names = [LOBE_NAMES[each].in_language(language) for each in finding.lobes]
        return ("、" if language == "zh" else ", ").join(names)
    return SIDE_NAMES[finding.side].in_language(language)


def _caption(picture: KeyImage, language: str) -> str:
    finding = picture.finding
    size = "" if finding.size_mm is None else f"{finding.size_mm:.1f} mm"
    at = f"第 {picture.slice_number} 层" if language == "zh" else f"slice {picture.slice_number}"
    parts = [_name(finding.kind, language), _where(finding, language), size, at]
    return ("，" if language == "zh" else ", ").join(each for each in parts if each)
