"""Labels: what is said, what is denied, what is left open; ours in both languages; hostile text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.report_gen.findings import FINDINGS, Finding, FindingSet, Kind, Lobe, Side, State
from apps.report_gen.grammar.slots import slots_of
from apps.report_gen.grammar.writing import variants
from apps.report_gen.labels.extract import extract
from apps.report_gen.labels.rules import LABELS
from apps.report_gen.labels.scope import LONGEST, clauses

WITH_LABEL = [kind for kind in FINDINGS if kind.ct_rate]


def said(text: str) -> set[str]:
    return {label for label, there in extract(text).items() if there}


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("Pleural effusion was not observed.", set()),
        ("No pleural or pericardial effusion was detected.", set()),
        ("There is pleural effusion on the right. There is no pericardial effusion.",
         {"Pleural effusion"}),
        ("Pericardial effusion of 7 mm is observed.", {"Pericardial effusion"}),
        ("No mass was seen, but a nodule of 5 mm is observed in the lower lobe.", {"Lung nodule"}),
        ("A 12 mm nodule is observed in the left thyroid lobe.", set()),
        ("Calcified plaques are seen in the aorta and coronary arteries.",
         {"Arterial wall calcification", "Coronary artery wall calcification"}),
        ("Calcified plaques are seen in the coronary arteries.",
         {"Coronary artery wall calcification"}),
        ("Fibroatelectatic changes in both bases.", {"Pulmonary fibrotic sequela"}),
        ("Linear atelectasis in the lingula.", {"Atelectasis"}),
        ("The heart size is normal.", set()),
        ("Heart size increased.", {"Cardiomegaly"}),
        ("Sliding type hiatal hernia was observed.", {"Hiatal hernia"}),
        ("Nodule no. 3 is a lymph node of 8 mm in the mediastinum.",
         {"Lung nodule", "Lymphadenopathy"}),
        ("A port catheter ends in the superior vena cava.", {"Medical material"}),
        ("Mosaic attenuation, bronchiectasis and peribronchial thickening in both lungs.",
         {"Mosaic attenuation pattern", "Bronchiectasis", "Peribronchial thickening"}),
        ("Interlobular septal thickening and areas of consolidation.",
         {"Interlobular septal thickening", "Consolidation"}),
        ("Emphysema. Ground-glass areas.", {"Emphysema", "Lung opacity"}),
    ],
)  # fmt: skip
def test_a_sentence_says_its_labels_and_no_others(text: str, labels: set[str]) -> None:
    assert said(text) == labels


def finding(kind: Kind, state: State) -> Finding:
    there = state is State.PRESENT
    lobed = kind.lobed and there
    return Finding(
        id=f"{kind.key}.1" if kind.focal and there else kind.key, kind=kind.key, state=state,
        probability=1.0, side=Side.RIGHT if kind.sided and there else Side.NONE,
        lobes=(Lobe.RIGHT_LOWER,) if lobed else (), size_mm=12.0 if kind.sized and there else None,
    )  # fmt: skip


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("state", list(State))
@pytest.mark.parametrize("kind", WITH_LABEL, ids=lambda kind: kind.key)
def test_every_wording_of_our_own_grammar_is_read_as_it_is_meant(
    kind: Kind, state: State, language: str
) -> None:
    findings = FindingSet(findings=(finding(kind, state),))
    for slot in slots_of(findings):
        if slot.kinds != (kind.key,):
            continue
        for text in variants(slot, language):
            expected = {kind.ct_rate} if state is State.PRESENT else set()
            assert said(text) == expected, text


@pytest.mark.parametrize("language", ["en", "zh"])
def test_what_is_denied_together_is_denied_one_by_one(language: str) -> None:
    absent = FindingSet(findings=tuple(finding(kind, State.ABSENT) for kind in FINDINGS))
    for slot in slots_of(absent):
        for text in variants(slot, language):
            assert said(text) == set(), text


@given(st.text(max_size=400))
def test_any_text_is_read_and_answers_every_label(text: str) -> None:
    assert tuple(extract(text)) == LABELS


@pytest.mark.parametrize("unit", ["nodule no ", "thickening of the ", "effusion not ", "a. b"])
def test_endless_text_is_cut_before_it_is_searched(unit: str) -> None:
    read = clauses(unit * 10_000)
    assert max(len(each.text) for each in read) <= LONGEST
    assert max(len(each.sentence) for each in read) <= LONGEST
    assert tuple(extract(unit * 200_000)) == LABELS
