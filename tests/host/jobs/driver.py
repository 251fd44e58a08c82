"""What a test asks of an installation, run inside it: ``python -m tests.host.jobs.driver``.

One JSON line in, ``[verb, argument, …]``, one JSON line out. Verbs call the same services as pages
and the API.
"""

import json
import sys
import tempfile
import time
import uuid
from collections import Counter
from pathlib import Path
from typing import Any

import django
import pyarrow.parquet as pq

django.setup()

# ruff: noqa: E402
from django.contrib.auth.models import User
from django.db.models import Count

from loupe.accounts import projects
from loupe.accounts.models import Membership, Project, Role
from loupe.accounts.policy import SYSTEM, Actor
from loupe.blobs import services as blobs
from loupe.changes.models import Change
from loupe.contract.runtime.errors import LoupeError
from loupe.intake import services as intake
from loupe.intake.models import Channel, Submission
from loupe.intake.sources import Source
from loupe.jobs import claims, services
from loupe.jobs.models import Decision, Item, Job, Result, ResultBlock
from loupe.registry import services as registry
from loupe.review.models import Review
from loupe.review.services import give
from loupe.review.signature import holds
from loupe.supervisor import preparing


def prepare() -> dict[str, Any]:
    """Folders, database, the dummy app's model and one project: what takes little time."""
    for step in preparing.steps():
        if step.words in {"folders", "database"}:
            step.do()
    registry.register_shipped("dummy_app")
    projects.create(SYSTEM, "line", "Line")
    return {}


def submit(app: str, files: dict[str, str]) -> str:
    """Start a job over files given by name and text; its id."""
    project = Project.objects.get(slug="line")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sources = []
        for number, (given, text) in enumerate(files.items()):
            path = folder / str(number)
            path.write_text(text)
            sources.append(Source(name=given, path=path))
        return str(services.submit(SYSTEM, project, app, Channel.COMMAND, sources, "test").pk)


def numbers(count: int, start: int = 0) -> str:
    """A job of `count` readings for the dummy app."""
    return submit(
        "dummy_app",
        {f"{n:05d}.json": json.dumps({"value": n}) for n in range(start, start + count)},
    )


def volume(chunks: int) -> str:
    """A job for the heavy probe over one file of so many chunks of 4 MiB."""
    project = Project.objects.get(slug="line")
    with tempfile.NamedTemporaryFile(suffix=".nii") as file:
        header = bytearray(352)
        header[0:4] = (348).to_bytes(4, "little")
        header[344:348] = b"n+1\0"
        file.write(header)
        file.truncate(chunks * 4 * 2**20)
        file.flush()
        source = Source(name="scan.nii", path=Path(file.name))
        job = services.submit(SYSTEM, project, "heavy_probe", Channel.COMMAND, [source], "scan")
    return str(job.pk)


def payments(name: str, rows: int) -> str:
    """A job for the stateful probe over a table of so many payments."""
    lines = ["account,cents", *(f"{row % 7},{row}" for row in range(rows))]
    return submit("stateful_probe", {name: "\n".join(lines) + "\n"})


def claim_all() -> list[int]:
    """Claim items until there are none left, as a worker that is at work between; their ids."""
    mine: list[int] = []
    while claimed := claims.claim(["dummy_app"], 7):
        mine.extend(item.pk for item in claimed.items)
        time.sleep(0.05)
    return mine


def received(count: int) -> str:
    """A submission that nobody has started; its id."""
    project = Project.objects.get(slug="line")
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "one.json"
        path.write_text('{"value": 1}')
        sources = [Source(name=f"{number}.json", path=path) for number in range(count)]
        return str(intake.receive(SYSTEM, project, "dummy_app", Channel.WEB, sources).pk)


def start(submission: str) -> str:
    """Start a submission; the job's id."""
    found = Submission.objects.get(pk=uuid.UUID(submission))
    version = registry.resolve(SYSTEM, found.project, "dummy_app")
    return str(services.start(SYSTEM, found, version).pk)


def advance(job: str, fraction: float, seconds: float) -> float:
    """How far a job is once it has come so far, or after so many seconds."""
    until = time.monotonic() + seconds
    while True:
        found = services.progress(Job.objects.get(pk=uuid.UUID(job)))
        if found.fraction >= fraction or found.ended or time.monotonic() > until:
            return found.fraction
        time.sleep(0.05)


def result(job: str) -> dict[str, Any]:
    """The only result of a job."""
    row = Result.objects.get(job_id=uuid.UUID(job))
    return {"data": row.data, "times_ms": row.times_ms}


def items(job: str) -> list[dict[str, Any]]:
    """What is known of each item."""
    rows = Item.objects.filter(job_id=uuid.UUID(job)).order_by("position")
    return [dict(row) for row in rows.values("state", "attempts", "losses")]


def told(job: str) -> dict[str, Any]:
    """What the only item of a job says about itself while it is in work."""
    item = Item.objects.get(job_id=uuid.UUID(job))
    return {"progress": item.progress, "note": item.note, "lease": str(item.lease_until)}


def reviewer(password: str) -> str:
    """A person who may sign results of the project; the user name."""
    user = User.objects.create_user("anna", password=password, first_name="Anna")
    project = Project.objects.get(slug="line")
    Membership.objects.create(project=project, user=user, role=Role.REVIEWER)
    return user.get_username()


def sign(job: str, username: str, password: str) -> dict[str, Any]:
    """Sign the only result of a job; who signed and whether that holds, or why it is refused."""
    result = Result.objects.get(job_id=uuid.UUID(job))
    actor = Actor(user=User.objects.get(username=username))
    try:
        review = give(actor, result, "sign", password=password)
    except LoupeError as refusal:
        return {"refused": refusal.code}
    return {"signed": review.signed_name, "holds": holds(Review.objects.get(pk=review.pk))}


def settle(seconds: float) -> None:
    """Let the installation go on for a while."""
    time.sleep(seconds)


def progress(job: str) -> dict[str, object]:
    """How far a job is."""
    found = services.progress(Job.objects.get(pk=uuid.UUID(job)))
    return found.as_json()


def wait(job: str, seconds: float) -> dict[str, object]:
    """Progress of a job once it has ended, or after so many seconds."""
    until = time.monotonic() + seconds
    while True:
        found = services.progress(Job.objects.get(pk=uuid.UUID(job)))
        if found.ended or time.monotonic() > until:
            return found.as_json()
        time.sleep(0.1)


def reach(job: str, done: int, seconds: float) -> dict[str, object]:
    """Progress once at least `done` items are done, or after so many seconds."""
    until = time.monotonic() + seconds
    while True:
        found = services.progress(Job.objects.get(pk=uuid.UUID(job)))
        if found.done >= done or found.ended or time.monotonic() > until:
            return found.as_json()
        time.sleep(0.05)


def audit(job_id: str) -> dict[str, Any]:
    """Everything countable about a job, straight from the tables."""
    job = uuid.UUID(job_id)
    items = Item.objects.filter(job=job)
    told = Change.objects.filter(kind="result.decided", data__job=job_id)
    return {
        "items": items.count(),
        "states": dict(items.values_list("state").annotate(count=Count("pk")).order_by()),
        "results": Result.objects.filter(job=job).count(),
        "distinct": Result.objects.filter(job=job).values("item").distinct().count(),
        "decisions": Decision.objects.filter(result__job=job).count(),
        "told": told.count(),
        "told_once": told.values("subject").distinct().count(),
        "blocks": ResultBlock.objects.filter(job=job).count(),
        "tokens": items.filter(lease_token__isnull=False).count(),
        "wrong": sum(
            row.data["scaled"] != 2 * row.data["value"]
            for row in Result.objects.filter(job=job, app="dummy_app")
        ),
        "done_without_result": items.filter(
            state="done", result__isnull=True, block__isnull=True
        ).count(),
        "errors": dict(Counter(items.filter(state="failed").values_list("error_code", flat=True))),
    }


def disorder(job: str) -> list[int]:
    """Positions of blocks of payments whose running counts do not go on where those before end."""
    counts: dict[int, int] = {}
    wrong = []
    for block in ResultBlock.objects.filter(job=uuid.UUID(job)).order_by("item__position"):
        with blobs.open_local(block.blob) as path:
            table = pq.read_table(path, columns=["account", "count"])
        for account, count in zip(
            *(table[name].to_pylist() for name in table.column_names), strict=True
        ):
            if count != counts.get(account, 0) + 1:
                wrong.append(block.item.position)
            counts[account] = count
    return wrong


def cancel(job: str) -> dict[str, object]:
    """Cancel a job."""
    services.cancel(SYSTEM, Job.objects.get(pk=job))
    return progress(job)


def resume(job: str) -> int:
    """Resume a cancelled job."""
    return services.resume(SYSTEM, Job.objects.get(pk=job))


def retry(job: str) -> int:
    """Retry failed items."""
    return services.retry_failed(SYSTEM, Job.objects.get(pk=job))


VERBS = {
    verb.__name__: verb
    for verb in (
        prepare, submit, numbers, volume, payments, advance, result, items, settle, progress,
        disorder, wait, reach, audit, cancel, resume, retry, claim_all, received, start, told,
        reviewer, sign,
    )
}  # fmt: skip

if __name__ == "__main__":
    for line in sys.stdin:
        verb, *arguments = json.loads(line)
        print(json.dumps(VERBS[verb](*arguments)), flush=True)
