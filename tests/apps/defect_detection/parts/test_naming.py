"""Templates of names: what they read, what they refuse, and that no name makes them slow."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.defect_detection.naming import Template, TemplateInvalid, said_by


@pytest.mark.parametrize(
    ("template", "path", "said"),
    [
        ("{lot}_{serial}_{view}", "a/L7_1_top.jpg", {"lot": "L7", "serial": "1", "view": "top"}),
        ("{lot}/{serial}", "x/L7/0001.jpg", {"lot": "L7", "serial": "0001"}),
        ("SN{serial:8}*", "SN12345678-whatever.png", {"serial": "12345678"}),
        ("*-{serial}.png", "cam2-0001.png", {"serial": "0001"}),
        ("{serial}.jpg", "0001.png", None),
        ("{lot}_{serial}", "nothing.jpg", None),
        ("{lot}_{serial}", "_0001.jpg", None),
        ("{lot}\\{serial}", "x", None),
    ],
)  # fmt: skip
def test_a_template_reads_the_end_of_a_path(
    template: str, path: str, said: dict[str, str] | None
) -> None:
    assert Template.parse(template).of_file(path) == said


@pytest.mark.parametrize(
    ("template", "sentence"),
    [
        ("{serial}{view}", "has nothing between {serial} and what follows"),
        ("{part}", "there are {lot}, {serial}, {view}, {station}"),
        ("{serial", "opens a brace that nothing closes"),
        ("serial}", "closes a brace that nothing opened"),
        ("plain", "names no field"),
        ("{lot}-{lot}", "names {lot} twice"),
        ("{serial:0}", "is no number from 1 to 100"),
        ("{serial:x}", "is no number from 1 to 100"),
    ],
)
def test_a_wrong_template_is_refused_with_what_is_allowed(template: str, sentence: str) -> None:
    with pytest.raises(TemplateInvalid) as refused:
        Template.parse(template)
    assert sentence in refused.value.message


def test_gs1_as_people_write_it_is_read() -> None:
    text = "(01)09506000134352(10)L7(21)000123"
    assert said_by("*(10){lot}(21){serial}", [text]) == {"lot": "L7", "serial": "000123"}


words = st.text("abc0129", min_size=1, max_size=12)


@given(lot=words, serial=words, view=words)
def test_what_was_written_is_read_back(lot: str, serial: str, view: str) -> None:
    said = Template.parse("{lot}_{serial}_{view}").of_file(f"{lot}_{serial}_{view}.jpg")
    assert said == {"lot": lot, "serial": serial, "view": view}


@given(st.text(max_size=300), st.text(max_size=60))
def test_no_name_and_no_template_breaks_it(name: str, template: str) -> None:
    try:
        parsed = Template.parse(template)
    except TemplateInvalid:
        return
    found = parsed.of_file(name)
    assert found is None or set(found) == set(parsed.fields)


def test_a_name_that_would_stall_a_backtracking_engine_is_answered() -> None:
    # A regular expression of ten wildcards would try some 10 ** 40 ways here.
    assert Template.parse("*a" * 10 + "{serial}b").match("a" * 100_000) is None
