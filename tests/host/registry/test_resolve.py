"""Which version a name means, and for whom."""

from pathlib import Path

import pytest
from django.contrib.auth.models import User

from loupe.accounts.errors import NotVisible
from loupe.accounts.models import Project
from loupe.accounts.policy import Actor
from loupe.registry.errors import NoModel, UnknownModel
from loupe.registry.services import (
    promote,
    register_shipped,
    resolve,
    retire,
    upload,
    usable,
    visible_models,
)
from tests.host.registry.conftest import APP

pytestmark = pytest.mark.django_db


def test_an_unknown_name_lists_the_registered_ones(
    place: Path, project: Project, engineer: Actor, model_file: Path
) -> None:
    register_shipped(APP)
    upload(engineer, project, APP, "triple", model_file)
    with pytest.raises(
        UnknownModel, match="No model is called 'nine'; registered are: double, tri"
    ):
        resolve(engineer, project, APP, "nine")


def test_a_candidate_is_found_only_by_its_number(
    place: Path, project: Project, engineer: Actor, model_file: Path
) -> None:
    version = upload(engineer, project, APP, "triple", model_file)
    with pytest.raises(NoModel, match=r"'triple' has no version in production. Promote one first"):
        resolve(engineer, project, APP, "triple")
    assert resolve(engineer, project, APP, "triple", 1) == version
    with pytest.raises(UnknownModel, match="has no version 7; it has: 1"):
        resolve(engineer, project, APP, "triple", 7)


def test_without_any_model_the_sentence_says_what_to_do(
    place: Path, project: Project, operator: Actor
) -> None:
    with pytest.raises(NoModel, match=f"No model of {APP} is in production"):
        resolve(operator, project, APP)


def test_a_projects_own_model_comes_before_a_shared_one_of_its_name(
    place: Path, project: Project, engineer: Actor, model_file: Path
) -> None:
    [shared] = register_shipped(APP)
    own = promote(engineer, upload(engineer, project, APP, "double", model_file), "ours")
    assert resolve(engineer, project, APP, "double") == own
    assert usable(engineer, project, APP) == [own]
    retire(engineer, own, "no longer")
    assert resolve(engineer, project, APP, "double") == shared
    assert usable(engineer, project, APP) == [shared]


def test_the_default_is_the_model_promoted_last_then_the_shipped_one(
    place: Path, project: Project, engineer: Actor, model_file: Path
) -> None:
    [shared] = register_shipped(APP)
    one = promote(engineer, upload(engineer, project, APP, "one", model_file), "first")
    two = promote(engineer, upload(engineer, project, APP, "two", model_file), "second")
    assert resolve(engineer, project, APP) == two
    assert usable(engineer, project, APP) == [two, one, shared]


def test_models_of_another_project_do_not_exist(
    place: Path, project: Project, engineer: Actor, model_file: Path
) -> None:
    promote(engineer, upload(engineer, project, APP, "secret", model_file), "ours")
    other = Project.objects.create(slug="other", name="Other")
    root = Actor(user=User.objects.create_superuser("root"))
    assert not visible_models(root, other).exists()
    with pytest.raises(UnknownModel, match="registered are: none"):
        resolve(root, other, APP, "secret")
    with pytest.raises(NotVisible, match="There is no project 'other'"):
        resolve(engineer, other, APP)
