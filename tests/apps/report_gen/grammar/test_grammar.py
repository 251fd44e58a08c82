"""Reports say what the findings say, in both languages."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.report_gen.findings import FINDINGS, Finding, FindingSet, Lobe, Side, State, side_of
from apps.report_gen.grammar.clinical import some_text
from apps.report_gen.grammar.reading import fidelity, read
from apps.report_gen.grammar.slots import Form, Section, slots_of
from apps.report_gen.grammar.writing import LANGUAGES, ordered, variants, write


@st.composite
def finding_sets(draw: st.DrawFn) -> FindingSet:
    made: list[Finding] = []
    for kind in FINDINGS:
        state = draw(st.sampled_from(State))
        count = draw(st.integers(1, 3)) if kind.focal and state is State.PRESENT else 1
        for number in range(1, count + 1):
            many = draw(st.lists(st.sampled_from(Lobe), min_size=1, max_size=3, unique=True))
            lobes = tuple(many[:1] if kind.focal else many) if kind.lobed else ()
            side = (
                draw(st.sampled_from([Side.RIGHT, Side.LEFT, Side.BOTH]))
                if kind.sided
                else Side.NONE
            )
            made.append(
                Finding(
                    id=f"{kind.key}.{number}" if count > 1 else kind.key, kind=kind.key,
                    state=state, probability=0.5, side=side_of(lobes) if lobes else side,
                    lobes=lobes, size_mm=draw(st.floats(3, 120)) if kind.sized else None,
                )
            )  # fmt: skip
    return FindingSet(findings=tuple(made))


@settings(max_examples=40, deadline=None)
@given(findings=finding_sets(), language=st.sampled_from(["en", "zh"]))
def test_every_wording_of_every_slot_reads_back_to_that_slot_alone(
    findings: FindingSet, language: str
) -> None:
    for slot in slots_of(findings):
        texts = variants(slot, language)
        assert len(texts) >= 2
        for text in texts:
            read_back = {each.meaning() for each in read(text, language, slot.section)}
            assert read_back == {slot.meaning()}, text


@settings(max_examples=40, deadline=None)
@given(findings=finding_sets(), seed=st.integers(0, 10**6), language=st.sampled_from(["en", "zh"]))
def test_a_written_report_is_complete_and_says_nothing_else(
    findings: FindingSet, seed: int, language: str
) -> None:
    draw = np.random.default_rng(seed)
    sentences = write(slots_of(findings), language, some_text(draw, language).asked, draw)
    scored = fidelity([each.text for each in sentences], language, findings)
    assert scored.unfounded == scored.missing == scored.side_contradictions == 0
    assert scored.true == len(sentences)


def test_numbers_in_a_report_are_sizes_from_findings() -> None:
    findings = example()
    for language in LANGUAGES:
        for seed in range(20):
            said = write(slots_of(findings), language, None, np.random.default_rng(seed))
            for each in said:
                numbers = [float(n) for n in re.findall(r"\d+(?:\.\d)?", each.text)]
                allowed = {each.slot.size_mm, (each.slot.size_mm or 0) / 10, each.slot.count}
                assert all(number in allowed for number in numbers), each.text


def example() -> FindingSet:
    made = []
    for kind in FINDINGS:
        there = kind.key in ("mass", "pleural_effusion")
        made.append(
            Finding(
                id=kind.key, kind=kind.key, state=State.PRESENT if there else State.ABSENT,
                probability=float(there), side=Side.LEFT if there else Side.NONE,
                lobes=(Lobe.LEFT_LOWER,) if kind.key == "mass" else (),
                size_mm=41.2 if kind.key == "mass" else None,
            )
        )  # fmt: skip
    return FindingSet(findings=tuple(made))


@pytest.mark.parametrize(
    ("wrong", "sides"),
    [
        ("Pleural effusion on the right side.", 1),
        ("There is a 41 mm mass in the right lower lobe.", 1),
        ("There is a 60 mm mass in the left lower lobe.", 0),
        ("There is cardiomegaly.", 0),
        ("The patient should drink more water.", 0),
    ],
)
def test_a_wrong_side_size_finding_or_free_sentence_is_counted(wrong: str, sides: int) -> None:
    scored = fidelity([wrong], "en", example())
    assert (scored.true, scored.unfounded, scored.side_contradictions) == (0, 1, sides)


def test_what_was_asked_comes_first_and_only_that_is_answered() -> None:
    said = ordered(slots_of(example()), "pleural_effusion")
    assert "pleural_effusion" in said[0].kinds
    impression = [slot for slot in said if slot.section is Section.IMPRESSION]
    assert impression[0].form is Form.ANSWER_YES
    assert sum(not slot.needed for slot in said) == 1
    assert all(slot.needed for slot in ordered(slots_of(example()), None))


def test_reports_vary() -> None:
    slots = slots_of(example())
    made = {
        " ".join(each.text for each in write(slots, "en", None, np.random.default_rng(seed)))
        for seed in range(50)
    }
    assert len(made) >= 48
