"""Every refusal of a rule, a scheme and an operating point is said in English and in Chinese."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.utils import translation
from pydantic import ValidationError

from apps.fraud.rules.parsing import parse
from apps.fraud.rules.refusal import RuleRefused
from apps.fraud.schema import OperatingPoint, Rule
from apps.fraud.scheme import CARD_PAYMENTS, Scheme
from apps.fraud.services import declaring

ROOT = Path(__file__).resolve().parents[4] / "apps" / "fraud"
CHINESE = re.compile(r"[\u4e00-\u9fff]")
DECLARED = ("scheme.py", "schema.py", "thresholds/asked.py")


def calls(place: str, name: str) -> Iterator[tuple[str, ast.Call]]:
    """Every call of `name` in the files of a place."""
    for file in sorted(ROOT.glob(place)):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == name:
                yield f"{file.name}:{node.lineno}", node


def test_every_place_that_refuses_a_rule_says_it_in_chinese_too() -> None:
    found = list(calls("rules/*.py", "RuleRefused"))
    assert len(found) > 20
    for place, node in found:
        english, chinese = (ast.unparse(one) for one in node.args[:2])
        if isinstance(node.args[1], ast.Name):
            continue  # both come from a table in two columns, walked below
        assert CHINESE.search(chinese), place
        assert not CHINESE.search(english), place


def test_every_refusal_of_a_declaration_has_a_code_with_a_sentence() -> None:
    codes = [
        (place, ast.literal_eval(node.args[0]))
        for file in DECLARED
        for place, node in calls(file, "PydanticCustomError")
    ]
    assert len(codes) > 15
    assert [one for one in codes if one[1] not in declaring._SENTENCES] == []
    for file in DECLARED:  # pydantic would word what is raised without a code, in English
        assert "raise ValueError(" not in (ROOT / file).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "text",
    [
        "", "amount >", "amount > 5 EUR EUR", "amount > 5 XYZ", "amount > 0.001 EUR", 'listed("x',
        "nothing(1)", "min(1)", "(" * 30 + "1", "amount == == 1", "a" * 3_000, "amount > 5 §",
        "not " * 40, "1e999 > amount", "1" + "+1" * 200, "amount in ()",
    ],
)  # fmt: skip
def test_what_the_parser_refuses_is_told_at_its_place_in_both_languages(text: str) -> None:
    with pytest.raises(RuleRefused) as refused:
        parse(text)
    assert refused.value.message.startswith("Character ")
    assert refused.value.zh.startswith("第 ")
    assert CHINESE.search(refused.value.zh.split("：", 1)[1])


@pytest.mark.parametrize(
    ("make", "chinese"),
    [
        (lambda: Rule(key="a", when="amount >", outcome="block"), "规则 a：第 9 个字符"),
        (lambda: Rule(key="a", when="late", outcome="block", wins=True), "规则 a"),
        (lambda: OperatingPoint(control_share=0.01), "control_key"),
        (lambda: Scheme.model_validate({**CARD_PAYMENTS.model_dump(), "windows": [5, 3]}), "5, 3"),
    ],
)
def test_a_declaration_is_refused_in_the_language_of_the_page(make: object, chinese: str) -> None:
    assert callable(make)
    with pytest.raises(ValidationError) as refused:
        make()
    with translation.override("zh-hans"):
        said = declaring.first(refused.value, "all")[1]
    assert chinese in said
    assert CHINESE.search(said)
    with translation.override("en"):
        assert not CHINESE.search(declaring.first(refused.value, "all")[1])
