"""Parts to look at: a product with a recipe, two stations, three weeks of lots."""

import random
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.utils import timezone

from apps.defect_detection.models import Part, Product
from apps.defect_detection.services import findings, judging, products, recipes, stations
from apps.defect_detection.services.recipes import Draft
from loupe.accounts.models import Project
from loupe.accounts.policy import Actor
from loupe.jobs.models import Result
from loupe.registry.models import ModelVersion
from loupe.testing import factories

APP = "defect_detection"
DAYS = 20


def fill(line: Project, anna: User, version: ModelVersion, made: list[factories.Made]) -> None:
    """Make the plant; `made` are pictures to use again and again."""
    actor = Actor(user=anna)
    ring = products.create(actor, line, key="ring-6204", name="Bearing ring 6204")
    products.create(actor, line, key="lid-7", name="Lid 7, anodised, with a very long name")
    for key, name in (("line-3a", "Line 3 · camera A"), ("line-3b", "Line 3 · camera B")):
        station = stations.create(actor, line, key=key, name=name)
        stations.run(actor, station, ring, "L-1107")
    _recipe(actor, ring, made)
    dice = random.Random(7)
    for day in range(DAYS, -1, -1):
        for number in range(6):
            _part(line, version, made, dice, day, number)
    _known(actor, line)


def _recipe(actor: Actor, ring: Product, made: list[factories.Made]) -> None:
    recipes.save(actor, ring, Draft(views=["top", "bottom"], note="First recipe"))
    reference = Result.objects.filter(project=ring.project, app=APP).order_by("-pk").first()
    mask = {"name": "Logo", "corners": [[0.02, 0.02], [0.2, 0.02], [0.2, 0.12], [0.02, 0.12]]}
    region = {
        "name": "Raceway",
        "corners": [[0.01, 0.01], [0.99, 0.01], [0.99, 0.99], [0.5, 0.94], [0.01, 0.99]],
    }
    recipes.save(
        actor,
        ring,
        Draft(
            views=["top", "bottom"],
            mm_per_pixel=0.042,
            picture={
                "regions": [region],
                "masks": [mask],
                "file_names": "{lot}_{serial}_{view}",
                "codes": "matrix",
            },
            reference=reference.pk if reference else None,
            note="The logo is no defect",
        ),
    )


def _part(
    line: Project,
    version: ModelVersion,
    made: list[factories.Made],
    dice: random.Random,
    day: int,
    number: int,
) -> None:
    lot = f"L-{1087 + (DAYS - day)}"
    serial = f"{lot[2:]}-{number:04d}"
    calm = dice.random() < 0.72
    pictures = []
    for view in ("top", "bottom") if (day, number) != (0, 5) else ("top",):
        one = dice.choice(made)
        data: dict[str, Any] = {**(one.data or {}), "file": f"{lot}_{serial}_{view}.jpg"}
        if calm:
            data["boxes"] = []
        pictures.append(factories.Made(name=data["file"], data=data, blob=one.blob))
    factories.job(
        line,
        APP,
        pictures,
        version=version,
        name=serial,
        at=timezone.now() - timedelta(days=day, minutes=7 * (6 - number)),
        facts={"product": "ring-6204", "station": "line-3a" if number % 3 else "line-3b"},
    )


def _known(actor: Actor, line: Project) -> None:
    failed = Part.objects.filter(project=line, machine_outcome="fail").order_by("pk")
    for part in failed[:9]:
        judging.judge(actor, part, "good" if part.pk % 3 == 0 else "bad")
    for part in Part.objects.filter(project=line, machine_outcome="pass").order_by("-pk")[4:6]:
        findings.report(actor, part, label="crack", place="Final test", note="Under the oil film")
