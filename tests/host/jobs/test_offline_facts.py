"""Promises of ``predict --fact``: said as a sender would say it, and what is no fact is refused."""

import pytest
from dummy_app.app import App as Dummy

from apps.fraud.app import App as Fraud
from loupe.accounts import projects
from loupe.accounts.policy import SYSTEM
from loupe.contract.facts import FactRefused
from loupe.jobs.offline.said import facts_of


def test_facts_are_pairs_whose_values_may_hold_the_sign_too() -> None:
    assert facts_of(Fraud, ["start= 2026-01-01 "], None) == {"start": "2026-01-01"}
    assert facts_of(Fraud, ["start=a=b"], None) == {"start": "a=b"}
    assert facts_of(Fraud, [], None) == {}


@pytest.mark.parametrize(
    ("pair", "words"),
    [
        ("start", "write KEY=VALUE; keys are mapping, start"),
        ("begin=2026-01-01", "keys are mapping, start"),
        ("start= ", "write KEY=VALUE"),
        ("mapping=core", "add --project SLUG"),
        ("start=" + "x" * 61, "at most 60"),
    ],
)
def test_what_is_no_fact_is_refused_with_those_there_are(pair: str, words: str) -> None:
    with pytest.raises(FactRefused, match=words):
        facts_of(Fraud, [pair], None)


def test_an_app_that_has_no_use_for_facts_says_so() -> None:
    with pytest.raises(FactRefused, match="no use for facts"):
        facts_of(Dummy, ["start=2026-01-01"], None)


@pytest.mark.django_db
def test_in_a_project_the_app_checks_them() -> None:
    project = projects.create(SYSTEM, "shop", "Shop")
    with pytest.raises(FactRefused, match="not saved in this project"):
        facts_of(Fraud, ["mapping=core"], project)
    with pytest.raises(FactRefused, match="no start of a count"):
        facts_of(Fraud, ["start=soon"], project)
    assert facts_of(Fraud, ["start=2026-01-01"], project) == {"start": "2026-01-01"}
