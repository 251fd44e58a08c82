"""Fills an installation with things to look at; run inside it: ``python -m tests.e2e.seeding``.

Pictures are drawn surfaces with their true defects, scores drawn beside them, so that pages show
what they show in use: passes, failures, doubts, a failing job, a running one, very long names.
"""

import random
import sys
import tempfile
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import cv2
import django
import numpy as np

django.setup()

# ruff: noqa: E402
from django.conf import settings
from django.contrib.auth.models import User
from django.utils import timezone

from apps.defect_detection.training.surfaces import draw
from loupe.accounts import keys
from loupe.accounts.models import Project, Role
from loupe.accounts.policy import Actor
from loupe.blobs import services as blobs
from loupe.blobs.models import Blob
from loupe.datasets import services as datasets
from loupe.datasets.models import Record
from loupe.delivery.models import Webhook
from loupe.engine import repository
from loupe.intake.models import Channel
from loupe.jobs.models import Result
from loupe.registry import services as registry
from loupe.registry.models import Model, ModelVersion
from loupe.registry.services.artefacts import add_version
from loupe.review import services as review
from loupe.schedules import services as schedules
from loupe.schedules.timing import Timing
from loupe.testing import factories
from tests.e2e import measured, payments, plant

APP = "defect_detection"
SEVERITY = {"crack": "critical", "stain": "minor"}
LONG = "charge-2026-11/Halle 3/Linie 12/Kamera links oben/" + "sehr-langer-name-" * 8 + "0001.jpg"


def main(still: bool) -> None:
    """Make one full project, one empty one, and people of every role.

    `still`: nothing works in this installation, so a job may stay half done.
    """
    line = factories.project("line-3", "Line 3 · bearing rings", "Europe/Berlin")
    factories.project("empty", "New line")
    anna = factories.person("anna", line, Role.ADMIN, is_staff=True, is_superuser=True)
    for role in (Role.VIEWER, Role.OPERATOR, Role.REVIEWER, Role.ENGINEER):
        factories.person(role.value, line, role)
    factories.person("careful", line, Role.REVIEWER)
    version = _versions(line, anna)
    now = timezone.now()
    first = [_made(index, f"ring-{index:04d}.jpg") for index in range(24)]
    first.append(_made(24, LONG))
    job = factories.job(
        line, APP, first, version=version, name="Lot 1107", user=anna, at=now - timedelta(hours=3)
    )
    _dataset(line, anna)
    measured.fill(line, version)
    _failing(line, version, now - timedelta(hours=1))
    if still:
        _running(line, version)
    _reviews(anna, job.pk)
    _settings(anna, line)
    plant.fill(line, anna, version, first[:24])
    payments.fill(line, anna, User.objects.get(username="reviewer"))


def _versions(line: Project, anna: User) -> ModelVersion:
    """Three versions of a model of the project's own: retired, in production, candidate."""
    shipped = ModelVersion.objects.select_related("model").get(model__app=APP, model__project=None)
    model = Model.objects.create(app=APP, project=line, name="rings", description="Bearing rings")
    folder = repository.artefact_folder(
        settings.MODEL_REPOSITORY, shipped.model.wire_name, shipped.number
    )
    actor = Actor(user=anna)
    made = [add_version(model, folder, actor) for _number in range(3)]
    registry.promote(actor, made[0], "First model of the line")
    registry.promote(actor, made[1], "Fewer escapes on lot 1093")
    data = registry.operating_point(made[1], line).data
    registry.set_operating_point(
        actor, line, made[1], {**data, "review_from": 0.35}, "Fewer doubts on polishing marks"
    )
    return made[1]


def _made(seed: int, name: str) -> factories.Made:
    picture = draw(seed + 40)
    dice = random.Random(seed)
    height, width = picture.image.shape[:2]
    boxes = sorted(
        (
            {
                "x1": float(label.x1),
                "y1": float(label.y1),
                "x2": float(label.x2),
                "y2": float(label.y2),
                "label": label.name,
                "score": round(min(0.98, max(0.12, dice.gauss(0.62, 0.24))), 3),
                "severity": SEVERITY.get(label.name, "major"),
            }
            for label in picture.labels
        ),
        key=lambda box: -float(str(box["score"])),
    )
    data = {
        "image": {"width": width, "height": height, "channels": 3, "bits": 8},
        "boxes": boxes,
        "runtime": "openvino",
    }
    return factories.Made(name=name, data=data, blob=_stored(picture.image))


def _dataset(line: Project, anna: User) -> None:
    """Twelve pictures of four lots: the first five labelled, one left out, the others to do."""
    actor = Actor(user=anna)
    classes = ["scratch", "pit", "inclusion", "stain", "crack", "missing_material"]
    classes.append("extra_material")
    dataset = datasets.create(actor, line, APP, "rings-2026", about={"classes": classes})
    for number in range(12):
        picture = draw(number + 40)
        height, width = picture.image.shape[:2]
        record = Record.objects.create(
            dataset=dataset,
            blob=_stored(picture.image),
            name=f"lot-{1107 + number // 3}/ring-{number:04d}.jpg",
            group=f"lot-{1107 + number // 3}",
        )
        boxes = [
            {"x1": one.x1, "y1": one.y1, "x2": one.x2, "y2": one.y2, "label": one.name}
            for one in picture.labels
        ]
        if number < 5:
            labels = {"width": width, "height": height, "boxes": boxes}
            datasets.save_labels(actor, record, labels)
        if number == 5:
            datasets.skip(actor, record)


def _stored(image: np.ndarray) -> Blob:
    done, encoded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 88])
    if not done:
        raise RuntimeError("The drawn surface could not be written as JPEG.")
    with tempfile.NamedTemporaryFile(suffix=".jpg") as file:
        Path(file.name).write_bytes(encoded.tobytes())
        return blobs.store(Path(file.name), "image/jpeg")


def _failing(line: Project, version: ModelVersion, at: object) -> None:
    broken = [
        factories.Made(
            name=f"cam2/frame-{index:05d}.png",
            blob=_stored(np.full((8, 8, 3), index, np.uint8)),
            error_code="truncated",
            error=f"'cam2/frame-{index:05d}.png' ends after 12,288 of 409,600 bytes.",
        )
        for index in range(7)
    ]
    other = factories.Made(
        name="notes.svg",
        error_code="kind_refused",
        error="'notes.svg' is an SVG drawing; this app takes JPEG, PNG, BMP, WebP and TIFF images.",
    )
    good = [_made(100 + index, f"cam2/frame-{100 + index:05d}.jpg") for index in range(5)]
    job = [*good, *broken, other]
    factories.job(line, APP, job, version=version, name="cam2.zip", channel=Channel.REST)


def _running(line: Project, version: ModelVersion) -> None:
    done = [_made(200 + index, f"night/{index:05d}.jpg") for index in range(6)]
    waiting = [factories.Made(name=f"night/{index:05d}.jpg") for index in range(6, 40)]
    factories.job(
        line, APP, [*done, *waiting], version=version, name="Night shift", channel=Channel.FOLDER
    )


def _reviews(anna: User, job_id: UUID) -> None:
    actor = Actor(user=anna)
    for number, row in enumerate(Result.objects.filter(job_id=job_id).select_related("project")):
        if number % 6 == 0:
            review.give(actor, row, "good", note="Polishing mark, within the drawing.")


def _settings(anna: User, line: Project) -> None:
    actor = Actor(user=anna)
    keys.create(actor, line, "MES line 3", ["submit", "view"], "never")
    schedules.create(
        actor,
        line,
        APP,
        "folder",
        "Last night's folder",
        Timing(cron="30 2 * * *", time_zone="Europe/Berlin"),
        options={"folder": "line-3/night"},
    )
    Webhook.objects.create(
        project=line,
        url="https://mes.example.com/loupe",
        kinds=["job.done"],
        secret="whsec_x",
    )


if __name__ == "__main__":
    main("still" in sys.argv)
