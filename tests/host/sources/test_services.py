"""Sources as people make and change them."""

from typing import Any

import pytest
from django.utils import timezone
from pytest_django import Settings

from loupe.accounts.models import Project, Role
from loupe.accounts.policy import SYSTEM, Actor
from loupe.audit.models import Event
from loupe.sources import services
from loupe.sources.errors import SourceInvalid
from loupe.sources.models import HttpSource
from loupe.testing import factories
from tests.host.sources.conftest import Camera

PUBLIC = "http://93.184.215.14/shot.jpg"


def made(project: Project, **given: Any) -> HttpSource:
    return services.create(
        SYSTEM, project, **{"app": "dummy_app", "name": "Cam", "url": PUBLIC, **given}
    )


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"interval_seconds": 1}, "interval_invalid"),
        ({"interval_seconds": 90_000}, "interval_invalid"),
        ({"name": "  "}, "name_invalid"),
        ({"name": "a\nb"}, "name_invalid"),
        ({"url": "file:///etc/passwd"}, "source_address_refused"),
        ({"url": "http://anna:secret@93.184.215.14/"}, "source_address_refused"),
        ({"url": "http://169.254.169.254/latest"}, "source_address_refused"),
        ({"app": "nothing"}, "unknown_app"),
    ],
)
def test_what_cannot_be_kept_is_refused(project: Project, given: dict[str, Any], code: str) -> None:
    with pytest.raises(Exception, match=r".") as refused:
        made(project, **given)
    assert refused.value.code == code  # type: ignore[attr-defined]
    assert not HttpSource.objects.exists()


def test_names_are_unique_in_a_project(project: Project) -> None:
    made(project)
    with pytest.raises(SourceInvalid, match="exists"):
        made(project)
    made(factories.project("other", "Other"))


def test_a_password_stays_with_its_host_and_is_never_told(project: Project) -> None:
    source = made(project, username="anna", password="secret-word")
    source = services.update(SYSTEM, source, interval_seconds=30)
    assert source.password == "secret-word"
    source = services.update(SYSTEM, source, url="http://93.184.215.14/other.jpg")
    assert source.password == "secret-word"
    source = services.update(SYSTEM, source, url="http://93.184.215.15/shot.jpg")
    assert source.password == ""
    told = str(list(Event.objects.values_list("details", flat=True)))
    assert "interval_seconds" in told
    assert "secret-word" not in told


def test_trying_out_says_what_came_and_submits_nothing(source: HttpSource, camera: Camera) -> None:
    tried = services.try_out(SYSTEM, source)
    assert (tried.size, tried.usable) == (len(camera.body), True)
    camera.body = b"%PDF-1.7 something"
    assert not services.try_out(SYSTEM, source).usable
    source.refresh_from_db()
    assert source.taken == 0


def test_asking_now_is_for_sources_that_are_on(source: HttpSource) -> None:
    assert services.ask_now(SYSTEM, source).next_at <= timezone.now()
    source = services.update(SYSTEM, source, enabled=False)
    with pytest.raises(SourceInvalid, match="switched off"):
        services.ask_now(SYSTEM, source)


def test_only_engineers_and_above_manage_sources(project: Project, settings: Settings) -> None:
    source = made(project)
    for role in (Role.VIEWER, Role.OPERATOR, Role.REVIEWER):
        actor = Actor(user=factories.person(role.value, project, role))
        with pytest.raises(Exception, match="role"):
            services.find(actor, source.pk)
        with pytest.raises(Exception, match="role"):
            services.delete(actor, source)
    engineer = Actor(user=factories.person("engineer", project, Role.ENGINEER))
    services.delete(engineer, services.find(engineer, source.pk))
    stranger = Actor(user=factories.person("x", factories.project("z", "Z"), Role.ADMIN))
    with pytest.raises(Exception, match="no source"):
        services.find(stranger, made(project).pk)
