"""Free text loses the words that name somebody, and keeps what is medical."""

import pytest
from pydicom.dataset import Dataset

from apps.report_gen.deid.identity import GONE, Identity

REPORT = "12 mm nodule in the right upper lobe, stable; follow-up in 3 to 6 months. T4, stage IIIA."


def known() -> Identity:
    dataset = Dataset()
    dataset.PatientName = "Müller^Anna Lena=欧阳^峻岭"
    dataset.ReferringPhysicianName = "O'Brien^Conor"
    dataset.PatientID = "MRN-4711"
    dataset.InstitutionName = "St. Elsewhere"
    return Identity().learn(dataset)


@pytest.mark.parametrize(
    "said",
    [
        "Frau MÜLLER was seen", "Mu\u0308ller", "Muller, Anna", "anna came", "欧阳峻岭，男",
        "患者欧阳", "Dr O'Brien asked", "see MRN-4711", "sent from st. elsewhere",
    ],
)  # fmt: skip
def test_names_go_in_every_spelling(said: str) -> None:
    result = known().clean(said)
    assert GONE in result
    assert not known().found_in(result)


@pytest.mark.parametrize(
    "said",
    [
        "on 2024-03-17 and", "on 17.03.2024", "17 March 2024", "Mar 3, 2024", "2024年3月17日",
        "call +49 30 1234567", "mail a.b@example.org", "Dr. Grünwald Peters", "ID 12AB3456X",
        "姓名：王小明",
    ],
)  # fmt: skip
def test_dates_numbers_and_strangers_go_too(said: str) -> None:
    assert GONE in Identity().clean(said)


def test_medical_text_stays_as_it_is() -> None:
    assert known().clean(REPORT) == REPORT
    assert known().clean("右上肺见 12 mm 结节，较前相仿。") == "右上肺见 12 mm 结节，较前相仿。"


def test_what_stands_around_a_name_stays() -> None:
    assert known().clean("CT of Anna: no nodule.") == f"CT of {GONE}: no nodule."
