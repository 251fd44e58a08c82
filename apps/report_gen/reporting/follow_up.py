"""Follow-up of pulmonary nodules by size, put into words when a reader asks for it.

Classes and intervals: MacMahon et al., Guidelines for management of incidental pulmonary nodules
detected on CT images: from the Fleischner Society 2017, Radiology 284 (2017) 228-243, table for
solid nodules. What is not known is said as assumed: that nodules are solid, and that the person is
one the guideline is for.
"""

from enum import StrEnum
from typing import Final

from apps.report_gen.findings import MASS_FROM_MM, State
from apps.report_gen.report import ReportDocument
from apps.report_gen.reporting.refusing import EditRefused
from loupe.contract.text import Text


class SizeClass(StrEnum):
    """Of the largest nodule: below 6 mm, 6 to 8 mm, above 8 mm, in whole mm."""

    SMALL = "small"
    MIDDLE = "middle"
    LARGE = "large"


ADVICE: Final[dict[tuple[SizeClass, bool], Text]] = {
    (SizeClass.SMALL, False): Text(
        en="at low risk no routine follow-up; at high risk CT at 12 months is optional",
        zh="低危者无需常规随访；高危者可选择12个月时复查CT",
    ),
    (SizeClass.MIDDLE, False): Text(
        en="CT at 6 to 12 months; then, at low risk consider and at high risk perform, CT at 18 "
        "to 24 months",
        zh="6至12个月复查CT；此后18至24个月，低危者可考虑、高危者应再次复查CT",
    ),
    (SizeClass.LARGE, False): Text(
        en="consider CT at 3 months, PET/CT or tissue sampling",
        zh="考虑3个月复查CT、PET/CT或组织取样",
    ),
    (SizeClass.SMALL, True): Text(
        en="at low risk no routine follow-up; at high risk CT at 12 months is optional",
        zh="低危者无需常规随访；高危者可选择12个月时复查CT",
    ),
    (SizeClass.MIDDLE, True): Text(
        en="CT at 3 to 6 months; then, at low risk consider and at high risk perform, CT at 18 to "
        "24 months",
        zh="3至6个月复查CT；此后18至24个月，低危者可考虑、高危者应再次复查CT",
    ),
    (SizeClass.LARGE, True): Text(
        en="CT at 3 to 6 months; then, at low risk consider and at high risk perform, CT at 18 to "
        "24 months",
        zh="3至6个月复查CT；此后18至24个月，低危者可考虑、高危者应再次复查CT",
    ),
}
"""By size class of the largest nodule, and whether there are several."""
SENTENCE: Final = Text(
    en="Follow-up by Fleischner 2017 for {what} ({size} mm), assumed solid and incidental in an "
    "adult of 35 or more without known cancer or immunosuppression, by the longest diameter: "
    "{advice}.",
    zh="按Fleischner 2017，{what}（{size} mm），假定为实性、偶然发现，患者年满35岁且"
    "无已知恶性肿瘤或免疫抑制，以最大径计：{advice}。",
)
WHAT: Final = {
    False: Text(en="a single nodule", zh="单发结节"),
    True: Text(en="several nodules, the largest counting", zh="多发结节，以最大者计"),
}


def size_class(size_mm: float) -> SizeClass:
    """The guideline measures in whole millimetres; halves go up."""
    whole = int(size_mm + 0.5)
    if whole < 6:
        return SizeClass.SMALL
    return SizeClass.MIDDLE if whole <= 8 else SizeClass.LARGE


def follow_up(document: ReportDocument) -> str:
    """The sentence for the nodules of a report that are present.

    Raises:
        EditRefused: there is none with a size, or a lesion above 30 mm makes it no question of
            nodules.
    """
    nodules = [
        each
        for each in document.findings
        if each.kind == "lung_nodule" and each.state is State.PRESENT and each.size_mm
    ]
    mass = any(each.kind == "mass" and each.state is State.PRESENT for each in document.findings)
    largest = max((each.size_mm or 0 for each in nodules), default=0.0)
    if mass or largest > MASS_FROM_MM:
        raise EditRefused(
            f"A lesion longer than {MASS_FROM_MM:.0f} mm is a mass: the guideline for nodules does "
            "not cover it. Write what should follow yourself.",
            code="no_follow_up_of_masses",
        )
    if not nodules:
        raise EditRefused(
            "No nodule that is present has a size: give one its size first.", code="no_nodule"
        )
    several = len(nodules) > 1
    language = document.language
    return SENTENCE.in_language(language).format(
        what=WHAT[several].in_language(language),
        size=int(largest + 0.5),
        advice=ADVICE[size_class(largest), several].in_language(language),
    )
