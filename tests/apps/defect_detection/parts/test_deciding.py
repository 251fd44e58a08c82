"""A part's decision on every combination of views, against the words of the specification."""

from itertools import product

import pytest

from apps.defect_detection.services.deciding import Seen, decide_part
from apps.defect_detection.services.quality import rate

OUTCOMES = ("pass", "review", "fail")


def seen(name: str, machine: str, outcome: str | None = None) -> Seen:
    said = outcome or machine
    return Seen(
        name=name,
        outcome=said,
        machine_outcome=machine,
        reviewed=outcome is not None,
        label="" if said == "pass" else f"{name}-defect",
        score=1.0,
    )


@pytest.mark.parametrize(("one", "two"), list(product(OUTCOMES, OUTCOMES)))
def test_the_worst_view_decides(one: str, two: str) -> None:
    found = decide_part([seen("a", one), seen("b", two)], ["a", "b"])
    expected = "fail" if "fail" in (one, two) else "review" if "review" in (one, two) else "pass"
    assert (found.outcome, found.machine_outcome) == (expected, expected)
    assert found.missing == ()


def test_a_missing_required_view_is_to_be_looked_at_and_never_passes() -> None:
    found = decide_part([seen("a", "pass")], ["a", "b"])
    assert (found.outcome, found.missing) == ("review", ("b",))
    assert decide_part([seen("a", "fail")], ["a", "b"]).outcome == "fail"
    assert decide_part([], []).outcome == "review"


@pytest.mark.parametrize(
    ("machine", "person", "escaped", "overkilled"),
    [
        ("pass", "fail", True, False),
        ("fail", "pass", False, True),
        ("fail", "fail", False, False),
        ("pass", "pass", False, False),
        ("review", "fail", False, False),
        ("review", "pass", False, False),
    ],
)
def test_escape_and_overkill_are_what_people_say_against_the_machine(
    machine: str, person: str, escaped: bool, overkilled: bool
) -> None:
    found = decide_part([seen("a", machine, person)], [])
    assert (found.escaped, found.overkilled, found.reviewed) == (escaped, overkilled, True)


def test_overkill_needs_every_doubtful_view_called_good() -> None:
    half = decide_part([seen("a", "fail", "pass"), seen("b", "fail")], [])
    assert (half.outcome, half.overkilled, half.reviewed) == ("fail", False, False)
    whole = decide_part([seen("a", "fail", "pass"), seen("b", "fail", "pass")], [])
    assert whole.overkilled


def test_a_finding_makes_a_part_bad_whatever_its_views_say() -> None:
    found = decide_part([seen("a", "pass")], [], ["crack"])
    assert (found.outcome, found.escaped, found.label) == ("fail", True, "crack")


def test_rates_carry_their_exact_interval() -> None:
    # Clopper and Pearson (1934) for 1 of 10, two-sided 95 %.
    found = rate(1, 10)
    assert found.low == pytest.approx(0.00253, abs=1e-5)
    assert found.high == pytest.approx(0.44502, abs=1e-5)
    assert rate(0, 0).rate is None
