"""Each breach of the contract is told by id, with a hint, before anything starts."""

from dataclasses import replace
from typing import Any, ClassVar

import pytest
from django.core.checks import run_checks
from pydantic import BaseModel, ConfigDict

from loupe.contract.app import DomainApp
from loupe.contract.extras import SyncMode
from loupe.contract.runtime.steps import Place, Step
from loupe.contract.text import Text
from loupe.plugins import registry
from loupe.plugins.checks.code import why_not_code
from loupe.plugins.checks.register import CHECKS, check_app, check_configurations

DUMMY = registry.get("dummy_app")


class Open(BaseModel):
    """A result schema that may change, with fields unknown to it."""

    schema_version: int = 1


class Needy(BaseModel):
    """An operating point without defaults."""

    model_config = ConfigDict(extra="forbid")
    threshold: float


class Silent(DUMMY):  # type: ignore[valid-type,misc]
    """Its examples leave outcomes out."""

    __module__ = DUMMY.__module__

    @classmethod
    def examples(cls) -> tuple[BaseModel, ...]:
        return tuple(super().examples()[:1])


class Unfinished(DomainApp):
    """Declares a slug and nothing else."""

    slug: ClassVar[str] = "unfinished"


def broken(**attributes: Any) -> type[DomainApp]:
    """The dummy app with some of its declarations replaced."""
    return type("Broken", (DUMMY,), {"__module__": DUMMY.__module__, **attributes})


BREACHES = {
    "loupe.E001": broken(slug="Not-Allowed"),
    "loupe.E002": broken(summary=Text(en="Words", zh="")),
    "loupe.E003": broken(inputs=(DUMMY.inputs[0], replace(DUMMY.inputs[0], key="twin"))),
    "loupe.E004": broken(steps=(Step(name="x", place=Place.CHILD, run="nowhere.at:all"),)),
    "loupe.E005": broken(result_schema=Open),
    "loupe.E006": broken(operating_point_schema=Needy),
    "loupe.E007": broken(review_verbs=(replace(DUMMY.review_verbs[0], outcome="unheard"),)),
    "loupe.E008": broken(sync=replace(DUMMY.sync, fail_open="unheard")) if DUMMY.sync else DUMMY,
    "loupe.E009": broken(icon="nowhere/icon.svg"),
    "loupe.E010": broken(schedules=(replace(DUMMY.schedules[0], default_cron="whenever"),)),
    "loupe.E013": broken(samples="no_such_folder"),
    "loupe.E014": Silent,
    "loupe.E015": broken(scope_fields=("nowhere",)),
    "loupe.E016": broken(labelling=replace(DUMMY.labelling, check="nowhere.at:all"))
    if DUMMY.labelling
    else DUMMY,
    "loupe.E018": broken(context="nowhere.at:all"),
    "loupe.E017": broken(training=replace(DUMMY.training, config_schema=Needy))
    if DUMMY.training
    else DUMMY,
}


def ids(app: type[DomainApp]) -> list[str]:
    return [str(message.id) for message in check_app(app) if message.id != "loupe.E009"]


@pytest.mark.parametrize("breach", sorted(set(BREACHES) - {"loupe.E009", "loupe.E006"}))
def test_one_breach_is_told_by_its_own_id_alone(breach: str) -> None:
    assert set(ids(BREACHES[breach])) == {breach}


def test_a_missing_file_of_a_page_is_told() -> None:
    told = [message for message in check_app(BREACHES["loupe.E009"]) if "icon.svg" in message.msg]
    assert [message.id for message in told] == ["loupe.E009"]


def test_every_check_has_a_breach_here() -> None:
    assert set(BREACHES) == set(CHECKS)


def test_every_message_is_a_sentence_with_a_hint() -> None:
    messages = [m for name, app in BREACHES.items() if name != "loupe.E006" for m in check_app(app)]
    assert len(messages) >= len(BREACHES) - 1
    assert all(
        message.msg.endswith(".") and str(message.hint).endswith(".") for message in messages
    )


def test_an_incomplete_class_is_told_what_it_lacks() -> None:
    messages = check_app(Unfinished)
    assert {message.id for message in messages} == {"loupe.E020"}
    assert "does not declare name, summary, icon" in messages[0].msg
    assert "decide" in messages[1].msg


def test_an_operating_point_that_needs_arguments_is_told() -> None:
    problems = list(CHECKS["loupe.E006"](BREACHES["loupe.E006"]))
    assert "which needs arguments" in problems[0].sentence


def test_the_installed_apps_keep_the_contract() -> None:
    assert run_checks(tags=["loupe"]) == []


def test_every_entry_point_runs_under_its_own_configuration() -> None:
    assert check_configurations() == []


@pytest.mark.parametrize(
    ("target", "why"),
    [
        ("no_colon", "not of the form"),
        ("loupe.ids:new_id", None),
        ("loupe.ids:nothing", "does not define"),
        ("loupe.nowhere:thing", "which does not exist"),
        ("nowhere.at.all:thing", "does not exist"),
    ],
)
def test_code_named_by_string_is_found_without_running_it(target: str, why: str | None) -> None:
    answer = why_not_code(target)
    assert answer is None if why is None else why in str(answer)


CHAINED = registry.get("chained_probe")
JUDGE = CHAINED.sync or SyncMode(verb="", body="", fail_open="", fail_closed="")


def chained(**attributes: Any) -> type[DomainApp]:
    """The chained probe with some of its declarations replaced."""
    return type("Broken", (CHAINED,), {"__module__": CHAINED.__module__, **attributes})


@pytest.mark.parametrize(
    ("app", "words"),
    [
        (chained(on_blocks="nowhere.at:all"), "names code by 'nowhere.at:all'"),
        (broken(on_blocks="dummy_app.batches:on_results"), "keeps its results as rows"),
        (chained(sync=replace(JUDGE, row_examples=())), "without example rows"),
        (chained(sync=replace(JUDGE, reasons_for=("odd",))), "explains the outcomes"),
        (chained(needs_model=False), "needs_model=False"),
        (chained(steps=CHAINED.steps[:2]), "1 engine steps and needs_model=True"),
        (chained(steps=(CHAINED.steps[0], *CHAINED.steps[:0:-1])), "its first engine step runs"),
    ],
    ids=["code", "rows form", "examples", "reasons", "no model", "no runner", "order"],
)
def test_breaches_of_apps_with_live_state_are_told(app: type[DomainApp], words: str) -> None:
    assert any(words in message.msg for message in check_app(app))


def test_the_chained_probe_breaks_nothing() -> None:
    assert check_app(CHAINED) == []
