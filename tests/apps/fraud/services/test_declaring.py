"""What is refused of a declaration is said in the language of the page, by a code that stays."""

from typing import Any

import pytest
from django.utils import translation
from pydantic import BaseModel, Field, ValidationError

from apps.fraud.schema import OperatingPoint
from apps.fraud.services import declaring
from apps.fraud.thresholds.asked import Asked


class Declared(BaseModel, extra="forbid"):
    count: int = Field(ge=1)
    names: tuple[str, ...] = Field(default=(), max_length=1)


def refused(model: type[BaseModel], data: dict[str, Any]) -> tuple[str, str]:
    with pytest.raises(ValidationError) as caught:
        model.model_validate(data)
    return declaring.first(caught.value, "all")


@pytest.mark.parametrize(
    ("model", "data", "place", "said"),
    [
        (Declared, {}, "count", "a value is required"),
        (Declared, {"count": 0}, "count", "0 is below 1"),
        (Declared, {"count": "x"}, "count", "'x' is no whole number"),
        (Declared, {"count": 1, "other": 2}, "other", "there is no such field"),
        (Declared, {"count": 1, "names": ["a", "b"]}, "names", "at most 1 entries are allowed"),
        (Asked, {"budgets": []}, "all", "nothing is asked for: give a budget, or a queue"),
        (Asked, {"edges": [5, 3]}, "all", "edges are 5, 3; give positive amounts, ascending"),
    ],
)
def test_a_refusal_names_the_place_the_value_and_what_is_allowed(
    model: type[BaseModel], data: dict[str, Any], place: str, said: str
) -> None:
    with translation.override("en"):
        assert refused(model, data) == (place, said)


def test_what_is_refused_of_a_rule_ends_without_a_full_stop_of_its_own() -> None:
    rules = [{"key": "a", "when": "amount > ", "outcome": "block"}]
    for language, words in (("en", "should stand"), ("zh-hans", "amount")):
        with translation.override(language):
            said = refused(OperatingPoint, {"rules": rules})[1]
        assert words in said
        assert said[-1] not in ".。"


def test_every_sentence_exists_in_chinese() -> None:
    with translation.override("en"):
        english = {key: str(text) for key, text in declaring._SENTENCES.items()}
    with translation.override("zh-hans"):
        same = [key for key, text in declaring._SENTENCES.items() if str(text) == english[key]]
    assert same == []
