"""Sources of an app in place of datasets: frozen once, named to people, refused by name."""

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

import pytest
from django.contrib.auth.models import User
from django.test import Client

from loupe.accounts.errors import Denied
from loupe.accounts.models import Project, Role
from loupe.accounts.policy import Actor
from loupe.blobs import services as blobs
from loupe.contract.runtime.errors import InputRefused
from loupe.contract.training import Gathered, GatheredFile
from loupe.datasets import manifest
from loupe.plugins import registry
from loupe.testing import factories
from loupe.training import gathering, services
from loupe.training.errors import TrainingRefused
from loupe.training.models import Run

APP = "dummy_app"
NOTES: list[bytes] = []
"""What the made-up source holds now."""


def sources(project_id: UUID) -> Sequence[tuple[str, str]]:
    """One source."""
    return [("notebook", "What was written down")]


def gather(project_id: UUID, source: str) -> Gathered:
    """Bytes that are stored already, and new ones."""
    if source != "notebook":
        raise InputRefused(f"There is no {source!r}.", code="unknown_source")
    stored = blobs.store_bytes(b"long ago", "text/plain")
    files = [GatheredFile(name="old", stored=stored.pk)]
    files += [GatheredFile(name=f"new-{at}", content=said) for at, said in enumerate(NOTES)]
    return Gathered(about={"unit": "mm"}, files=files, counts={"rows": len(files)})


@pytest.fixture(autouse=True)
def gathers(monkeypatch: pytest.MonkeyPatch) -> None:
    """The dummy app with a source."""
    app = registry.get(APP)
    assert app.training is not None
    more = replace(app.training, sources=f"{__name__}:sources", gather=f"{__name__}:gather")
    monkeypatch.setattr(app, "training", more)
    monkeypatch.setattr(f"{__name__}.NOTES", [b"one"])


def test_a_source_is_frozen_with_its_bytes_and_once_only_while_it_stays_the_same(
    line: Project, anna: User
) -> None:
    actor = Actor(user=anna)
    first = gathering.freeze(actor, line, APP, "notebook")
    again = gathering.freeze(actor, line, APP, "notebook")
    assert (first.pk, str(first)) == (again.pk, "notebook v1")
    lines = list(manifest.read(first.manifest))
    assert [(one.name, one.split) for one in lines] == [("old", "train"), ("new-0", "train")]
    assert first.about == {"unit": "mm"}
    NOTES.append(b"two")
    later = gathering.freeze(actor, line, APP, "notebook")
    assert str(later) == "notebook v2"
    assert len(list(manifest.read(later.manifest))) == 3
    assert len(list(manifest.read(first.manifest))) == 2


def test_people_without_the_right_to_train_freeze_nothing(line: Project) -> None:
    looker = factories.person("looker", line, Role.VIEWER)
    with pytest.raises(Denied):
        gathering.freeze(Actor(user=looker), line, APP, "notebook")
    assert not line.datasets.exists()


def test_an_app_without_sources_says_to_name_a_dataset(
    line: Project, anna: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = registry.get(APP)
    assert app.training is not None
    monkeypatch.setattr(app, "training", replace(app.training, sources=None, gather=None))
    assert gathering.sources(line, APP) == []
    with pytest.raises(TrainingRefused, match="name a dataset"):
        gathering.freeze(Actor(user=anna), line, APP, "notebook")


def test_a_file_whose_bytes_are_gone_freezes_nothing(
    line: Project, anna: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = Gathered(about={}, files=[GatheredFile(name="lost", stored="0" * 64)])
    monkeypatch.setattr(f"{__name__}.gather", lambda project_id, source: lost)
    with pytest.raises(Exception, match="no bytes"):
        gathering.freeze(Actor(user=anna), line, APP, "notebook")
    assert not line.datasets.exists()


def test_the_form_offers_sources_and_trains_on_them_as_they_are(line: Project, anna: User) -> None:
    client = Client()
    client.force_login(anna)
    address = f"/p/{line.slug}/trainings/new/{APP}"
    page = client.get(address)
    assert "What was written down" in page.content.decode()
    defaults = registry.get(APP).training.config_schema().model_dump()  # type: ignore[union-attr]
    sent = {
        "dataset": "source:notebook", "model_name": "ours", "base": "", "seed": 3,
        **{f"recipe_{name}": value for name, value in defaults.items()},
    }  # fmt: skip
    answer = client.post(address, sent)
    assert answer.status_code == 302, answer.content.decode()
    run = Run.objects.get()
    assert (str(run.dataset_version), run.seed) == ("notebook v1", 3)
    assert services.find(Actor(user=anna), run.pk).model_name == "ours"


def test_frozen_sources_have_no_pages_of_labelling(
    line: Project, anna: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    frozen = gathering.freeze(Actor(user=anna), line, APP, "notebook")
    client = Client()
    client.force_login(anna)
    monkeypatch.setattr(registry.get(APP), "labelling", None)
    listed = client.get(f"/p/{line.slug}/datasets/").content.decode()
    assert "notebook" not in listed
    assert client.get(f"/p/{line.slug}/datasets/{frozen.dataset_id}/").status_code == 404
