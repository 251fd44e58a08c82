"""Kernels of every vendor are put in the order of their sharpness."""

import string

import pytest

from apps.report_gen.reading.kernels import MIDDLE, sharpness
from apps.report_gen.reading.sentences import SENTENCES


@pytest.mark.parametrize(
    ("soft", "sharp"),
    [
        ("B30f", "B70f"), ("Br40d\\3", "Bl57d\\3"), ("I31f", "I70f"), ("Qr40", "Br64"),
        ("STANDARD", "LUNG"), ("SOFT", "STANDARD"), ("CHST", "BONEPLUS"),
        ("B", "L"), ("A", "YB"), ("FC08", "FC51"), ("FC18", "FC86"),
    ],
)  # fmt: skip
def test_soft_comes_before_sharp(soft: str, sharp: str) -> None:
    assert sharpness(soft) < sharpness(sharp)


@pytest.mark.parametrize("name", ["", "unknown", "<script>", "欧阳", "FC", "\\"])
def test_names_nobody_knows_lie_in_the_middle(name: str) -> None:
    assert sharpness(name) == MIDDLE


def test_every_sentence_has_the_same_figures_in_both_languages() -> None:
    for code, text in SENTENCES.items():
        english, chinese = (
            {name for _, name, _, _ in string.Formatter().parse(words) if name}
            for words in (text.en, text.zh)
        )
        english |= {f"{name}_zh" for name in english if f"{name}_zh" in chinese}
        pairs = {name.removesuffix("_zh") for name in chinese if name.endswith("_zh")}
        assert english - chinese <= pairs, code
        assert chinese <= english, code
