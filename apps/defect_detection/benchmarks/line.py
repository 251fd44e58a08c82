"""A line's parts, written straight into the database: 30 days, two products, four stations."""

import random
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.db import connection
from django.utils import timezone

from apps.defect_detection.models import Defect, Finding, Part, Product, Station, View
from apps.defect_detection.services import products, stations
from loupe.host.people import SYSTEM, Project
from loupe.host.results import Result, insert
from loupe.testing import factories

APP = "defect_detection"
DAYS = 30
LOTS_A_DAY = 4
CLASSES = ("scratch", "pit", "crack", "stain", "burr", "dent")
BAD_SHARE = 0.08
CHUNK = 5000


def fill(project: Project, count: int) -> list[Station]:
    """`count` parts of one picture each, spread evenly over the last `DAYS` days."""
    chance = random.Random(11)  # noqa: S311
    version = factories.model_version(project, APP, "bench", classes=CLASSES)
    made = [products.create(SYSTEM, project, key=f"part-{n}", name=f"Part {n}") for n in range(2)]
    where = [stations.create(SYSTEM, project, key=f"line-{n}", name=f"Line {n}") for n in range(4)]
    zone, now = ZoneInfo(project.time_zone), timezone.now()
    for start in range(0, count, CHUNK):
        numbers = range(start, min(start + CHUNK, count))
        job = factories.job(project, APP, map(_picture, numbers), version=version)
        results = Result.objects.filter(job=job).order_by("pk").values_list("pk", flat=True)
        rows = []
        for number in numbers:
            at = now - timedelta(days=DAYS - 1) * (1 - (number + 1) / count)
            rows.append(_part(chance, project, number, at, zone, made, where))
        parts = insert(rows)
        views = insert(
            View(
                part=part, result_id=result, name="", outcome=part.outcome,
                machine_outcome=part.machine_outcome, reviewed=part.reviewed, label=part.label,
                score=0.9 if part.label else 0.1, replaced=False, created_at=part.last_at,
            )
            for part, result in zip(parts, results, strict=True)
        )  # fmt: skip
        insert(_defects(chance, list(views)))
        insert(_findings(list(parts)))
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return where


def _picture(number: int) -> factories.Made:
    image = {"width": 1280, "height": 1024, "channels": 3, "bits": 8}
    return factories.Made(name=f"part-{number:06d}.png", data={"image": image, "boxes": []})


def _part(
    chance: random.Random,
    project: Project,
    number: int,
    at: datetime,
    zone: ZoneInfo,
    made: list[Product],
    where: list[Station],
) -> Part:
    bad, reviewed = chance.random() < BAD_SHARE, chance.random() < 0.05
    machine = chance.choice(("fail", "fail", "review")) if bad else "pass"
    # Found later, by somebody else: known to be bad now.
    escaped = not bad and reviewed and chance.random() < 0.1
    outcome = "fail" if escaped or (bad and reviewed) else machine
    day: date = at.astimezone(zone).date()
    return Part(
        project=project, product=made[number % 2], station=where[number % 4],
        lot=f"{day:%m%d}-{chance.randrange(LOTS_A_DAY)}", serial=f"S{number:06d}",
        outcome=outcome, machine_outcome=machine, reviewed=reviewed,
        label=chance.choice(CLASSES) if bad else "crack" if escaped else "",
        escaped=escaped,
        overkilled=False, first_at=at, last_at=at, day=day, changed_at=at,
    )  # fmt: skip


def _defects(chance: random.Random, views: list[View]) -> Iterator[Defect]:
    for view in views:
        if view.machine_outcome != "pass":
            others = {chance.choice(CLASSES) for _ in range(chance.randrange(3))}
            for label in sorted({view.label, *others}):
                yield Defect(view=view, label=label, count=chance.randint(1, 4))


def _findings(parts: list[Part]) -> Iterator[Finding]:
    for part in parts:
        if part.escaped:
            yield Finding(
                part=part, label="crack", place="final test", found_at=part.last_at,
                told_by="key:bench",
            )  # fmt: skip
