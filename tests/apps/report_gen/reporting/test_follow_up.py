"""Follow-up by size: the guideline's table, written down here once more by hand."""

import pytest

from apps.report_gen.report import Part
from apps.report_gen.reporting import operations
from apps.report_gen.reporting.checks import checks
from apps.report_gen.reporting.follow_up import follow_up
from apps.report_gen.reporting.refusing import EditRefused
from tests.apps.report_gen.reporting.made import EFFUSION, document, nodule

SINGLE = {
    5.4: "12 months is optional", 5.5: "6 to 12 months", 8.4: "6 to 12 months",
    8.5: "3 months, PET/CT",
}  # fmt: skip
SEVERAL = {4.0: "12 months is optional", 7.0: "CT at 3 to 6 months", 20.0: "CT at 3 to 6 months"}


@pytest.mark.parametrize(("size", "advice"), SINGLE.items())
def test_a_single_nodule(size: float, advice: str) -> None:
    assert advice in follow_up(document(nodule(size_mm=size)))


@pytest.mark.parametrize(("size", "advice"), SEVERAL.items())
def test_several_nodules_go_by_the_largest(size: float, advice: str) -> None:
    other = nodule(id="lung_nodule.2", label=2, size_mm=3.0)
    text = follow_up(document(nodule(size_mm=size), other))
    assert advice in text
    assert f"({size:.0f} mm)" in text


@pytest.mark.parametrize("language", ["en", "zh"])
def test_what_is_assumed_is_said(language: str) -> None:
    text = follow_up(document(language=language))  # type: ignore[arg-type]
    assert ("assumed solid" in text) or ("假定为实性" in text)
    assert "Fleischner 2017" in text


def test_the_inserted_sentence_passes_the_checks() -> None:
    made = document(confirmed=True)
    made = operations.apply(made, operations.read({"verb": "follow_up"}))
    assert made.sentences[-1].part is Part.IMPRESSION
    assert checks(made, acknowledged=True) == ()


@pytest.mark.parametrize(
    ("present", "code"),
    [
        ((EFFUSION,), "no_nodule"),
        ((nodule(size_mm=None),), "no_nodule"),
        ((nodule(size_mm=31.0),), "no_follow_up_of_masses"),
        ((nodule(), nodule(id="mass.1", kind="mass", size_mm=44.0)), "no_follow_up_of_masses"),
    ],
)
def test_where_the_guideline_says_nothing_neither_does_loupe(
    present: tuple[object, ...], code: str
) -> None:
    with pytest.raises(EditRefused) as caught:
        follow_up(document(*present))  # type: ignore[arg-type]
    assert caught.value.code == code
