"""The PDF: readable by machines, its own fonts, the notice on every page, the same every time."""

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pypdf import PdfReader

from apps.report_gen.outputs.paper.key_images import OUTLINE, key_images
from apps.report_gen.outputs.rendering import pdf
from apps.report_gen.report import Part, ReportSentence, ReportState
from tests.apps.report_gen.outputs.made import BOXED, NODULE, Made, document, edition, identity


def pages(content: bytes) -> list[str]:
    return [page.extract_text() for page in PdfReader(io.BytesIO(content)).pages]


def joined(content: bytes) -> str:
    return "".join("".join(pages(content)).split())


@pytest.mark.parametrize("language", ["en", "zh"])
def test_its_text_is_that_of_the_report_and_can_be_read_by_machines(
    made: Made, language: str
) -> None:
    of = document(language=language)
    text = joined(pdf(edition(of), identity(), made.volume, made.masks))
    for sentence in of.sentences:
        assert "".join(sentence.text.split()) in text
    for known in ("张,伟", "Zhang,Wei", "MRN-1", "ACC-7", "1960-02-03", "第一医院", "Müller,Jörg"):
        assert known in text
    assert of.content_hash() in text


def test_the_notice_stands_on_every_page() -> None:
    many = [ReportSentence(part=Part.FINDINGS, text=f"Sentence {at} of many. " * 6)
            for at in range(150)]  # fmt: skip
    told = pages(pdf(edition(document(sentences=tuple(many))), identity()))
    assert len(told) >= 3
    for each in told:
        assert each.count("Research use; not for diagnosis.") >= 2


def test_state_version_and_signature_are_told() -> None:
    draft = joined(pdf(edition(), identity()))
    assert "Draft,notsigned" in draft
    assert "Notsigned" in draft
    first = edition(state=ReportState.SIGNED)
    signed = joined(pdf(first, identity()))
    assert "Dr.Li李医生" in signed
    assert "Istandbythisreport." in signed
    assert "2026-03-0405:06:07" in signed
    other = document(findings=(NODULE,))
    amended = joined(
        pdf(edition(other, ReportState.AMENDED, version=2, previous=first), identity())
    )
    assert "Amendedreport;itreplacesversion1" in amended
    assert first.document.content_hash()[:12] in amended
    assert "Version2" in amended


def test_every_font_is_embedded() -> None:
    reader = PdfReader(io.BytesIO(pdf(edition(document(language="zh")), identity())))
    names = set()
    for page in reader.pages:
        resources: Any = page["/Resources"]
        for font in resources["/Font"].values():
            held = font.get_object()["/DescendantFonts"][0].get_object()
            names.add(str(held["/BaseFont"]))
            assert {"/FontFile2", "/FontFile3"} & set(held["/FontDescriptor"])
    assert any("NotoSans" in name for name in names)


def test_equal_editions_are_equal_files(made: Made) -> None:
    first = pdf(edition(), identity(), made.volume, made.masks)
    assert first == pdf(edition(), identity(), made.volume, made.masks)


def test_markup_in_a_text_is_not_read_as_markup() -> None:
    hostile = "#panic() = Title *bold* $x$ \\ <label> @ref `raw` https://x.y //"
    sentence = ReportSentence(part=Part.FINDINGS, text=hostile)
    assert "".join(hostile.split()) in joined(
        pdf(edition(document(sentences=(sentence,))), identity(patient_name="#eval('1')^x"))
    )


def test_a_focal_finding_is_shown_in_the_slice_with_most_of_it_and_outlined(made: Made) -> None:
    (picture,) = key_images(document(findings=(NODULE,)), made.volume, made.masks)
    areas = made.masks.labels.astype(bool).sum((1, 2))
    assert areas[picture.slice_number - 1] == areas.max()
    pixels = np.asarray(Image.open(io.BytesIO(picture.whole)).convert("RGB"))
    ring = np.argwhere((pixels == OUTLINE).all(-1))
    middle = ring.mean(0) / pixels.shape[:2]
    # The nodule lies in the right lung, which is on the left of the picture, 80 mm off the middle.
    wide = made.volume.shape[2] * made.volume.spacing[2]
    np.testing.assert_allclose(middle[1], 0.5 - 80 / wide, atol=0.02)
    # Nothing of the nodule itself is painted over: it stays as bright as soft tissue is here.
    inside = pixels[tuple(ring.mean(0).round().astype(int))]
    assert inside.min() > 200
    assert picture.close.startswith(b"\x89PNG")


def test_front_is_up(made: Made) -> None:
    (picture,) = key_images(document(findings=(NODULE,)), made.volume, made.masks)
    pixels = np.asarray(Image.open(io.BytesIO(picture.whole)).convert("L")).astype(float)
    bright = pixels > 250
    spine = np.argwhere(bright[:, int(0.45 * bright.shape[1]) : int(0.55 * bright.shape[1])])
    table = pixels[int(0.8 * pixels.shape[0]) :]
    assert spine[:, 0].mean() > pixels.shape[0] * 0.45
    assert table.max() > pixels[: int(0.1 * pixels.shape[0])].max()


def test_a_box_without_a_mask_is_shown_and_one_outside_of_the_volume_is_not(made: Made) -> None:
    shown = key_images(document(findings=(BOXED,)), made.volume, None)
    assert [each.slice_number for each in shown] == [3]
    away = BOXED.model_copy(update={"box": ((9000.0, 9010.0), (0.0, 1.0), (0.0, 1.0))})
    assert key_images(document(findings=(away,)), made.volume, None) == []


def test_a_run_without_a_space_stays_on_the_page() -> None:
    sentence = ReportSentence(part=Part.FINDINGS, text="x" * 1500)
    content = pdf(edition(document(sentences=(sentence,))), identity())
    assert joined(content).replace("\u200b", "").count("x" * 1500) == 1
    page = PdfReader(io.BytesIO(content)).pages[0]
    seen: list[float] = []
    page.extract_text(
        visitor_text=lambda text, cm, tm, font, size: seen.append(tm[4] * cm[0] + cm[4])
    )
    assert max(seen) < float(page.mediabox.width)
