"""What a clinical question names is what is answered."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.report_gen.findings import KEYS
from apps.report_gen.grammar.clinical import ASKS
from apps.report_gen.grammar.questions import LONGEST, MOST_ASKED, asked_in
from apps.report_gen.grammar.writing import LANGUAGES


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", KEYS)
def test_every_name_of_a_finding_is_understood_in_every_form_of_a_question(
    kind: str, language: str
) -> None:
    for name in LANGUAGES[language].names[kind]:
        for form in ASKS[language]:
            assert asked_in(form.format(name=name)) == (kind,), form.format(name=name)


@pytest.mark.parametrize(
    ("question", "kinds"),
    [
        ("", ()),
        ("Cough for three weeks. Haemoglobin 120 g/L.", ()),
        ("Fever, pneumonia?", ("consolidation", "lung_opacity")),
        ("Rule out pericardial effusion.", ("pericardial_effusion",)),
        ("R/o effusion and pneumothorax", ("pleural_effusion", "pneumothorax")),
        ("Suspected lung cancer", ("lung_nodule", "mass")),
        ("No pneumothorax on the radiograph. Emphysema?", ("emphysema",)),
        ("without effusion, ?nodule", ("lung_nodule",)),
        ("COPD, 40 pack-years; progression of emphysema?", ("emphysema",)),
        ("Mass in the massive goitre.", ("mass",)),
        ("发热咳嗽，肺炎？", ("consolidation", "lung_opacity")),
        ("有无气胸或胸腔积液", ("pneumothorax", "pleural_effusion")),
        ("否认胸水；复查肺结节", ("lung_nodule",)),
        ("冠状动脉钙化评估", ("coronary_calcification",)),
    ],
)
def test_questions_as_people_write_them(question: str, kinds: tuple[str, ...]) -> None:
    assert asked_in(question) == kinds


@given(st.text(alphabet=st.sampled_from("no massduleffinhrt ?.,，有无气胸肿块\n"), max_size=200))
def test_any_text_asks_for_few_known_kinds_once_each(text: str) -> None:
    asked = asked_in(text)
    assert len(set(asked)) == len(asked) <= MOST_ASKED
    assert set(asked) <= set(KEYS)


def test_what_is_endless_is_read_to_a_limit() -> None:
    assert asked_in("no " * LONGEST + "nodule") == ()
    assert asked_in("effusion? " * LONGEST) == ("pleural_effusion",)
