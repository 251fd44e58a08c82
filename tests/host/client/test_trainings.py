"""A training by the typed client, on a whole installation: trained, followed, promoted, used."""

import json
from pathlib import Path

import pytest

from loupe.client import Conflict, Loupe
from tests.processes import Site

pytestmark = [pytest.mark.slow, pytest.mark.serial]

DATA = """
import django, json; django.setup()
from loupe.accounts.models import Project
from loupe.blobs import services as blobs
from loupe.datasets import manifest
from loupe.testing import trainings
project = Project.objects.get(slug={slug!r})
lines = []
for value in range(1, 21):
    blob = blobs.store_bytes(json.dumps({{"value": value}}).encode(), "application/json")
    lines.append(manifest.Line(name=f"{{value}}.json", sha256=blob.sha256, size=blob.size,
        media_type=blob.media_type, group="", split="val" if value % 4 == 0 else "train",
        labels={{"schema_version": 1, "scaled": 3.0 * value, "size": "any"}}, revision=1))
print(trainings.dataset_version(project, "dummy_app", "by-client", lines=lines).dataset_id)
"""


def test_a_model_is_trained_followed_promoted_and_decides(
    site: Site, loupe: Loupe, tmp_path: Path
) -> None:
    slug = "client"
    dataset = site.python(DATA.format(slug=slug))
    steps: list[int] = []
    training = loupe.trainings.start(
        "dummy_app", "by-client", dataset, config={"steps": 12, "seconds_per_step": 0.1}, seed=3
    )
    ended = training.wait(lambda told: steps.append(told.step), timeout_s=240)
    assert (ended.state, ended.version, ended.error) == ("done", 1, "")
    assert steps == list(range(1, 13))
    assert ended.model_id is not None
    with pytest.raises(Conflict):
        training.resume()
    made = loupe.models.promote(ended.model_id, 1, "it triples")
    assert (made.waiting, made.version.stage) == (None, "production")
    reading = tmp_path / "reading.json"
    reading.write_text(json.dumps({"value": 4}))
    job = loupe.submit("dummy_app", [reading], model="by-client")
    job.wait(timeout_s=240, check=True)
    (result,) = job.results()
    assert result.data["scaled"] == pytest.approx(12.0, rel=1e-3)
    assert (result.model.name, result.model.version) == ("by-client", 1)
