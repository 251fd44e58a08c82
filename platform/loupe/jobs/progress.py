"""How far a job is: counts, rate, remaining time and what failed."""

from dataclasses import asdict, dataclass
from datetime import timedelta

from django.db.models import Count, Min, Q, Sum
from django.utils import timezone

from loupe.jobs.limits import RATE_SECONDS
from loupe.jobs.models import Item, ItemState, Job, JobState


@dataclass(frozen=True, kw_only=True)
class Failures:
    """Items that failed for one reason; `example` is one's sentence, `name` its input."""

    code: str
    count: int
    name: str
    example: str


@dataclass(frozen=True, kw_only=True)
class Progress:
    """A job at one moment.

    Attributes:
        rate: items ended per second over the last minute (or since the start, if that is less).
        remaining_seconds: None while nothing can be said.
        basis: what the remaining time rests on: ``last_minute``, ``progress`` (what long items
            report of themselves) or ``none``.
        postponed: items waiting because something is missing for the moment.
    """

    job_id: str
    state: str
    total: int
    queued: int
    leased: int
    done: int
    failed: int
    cancelled: int
    postponed: int
    fraction: float
    rate: float
    remaining_seconds: float | None
    basis: str
    cancel_requested: bool
    failures: tuple[Failures, ...]
    note: str

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen unless a person asks for it."""
        return self.state in {JobState.DONE, JobState.CANCELLED}

    def as_json(self) -> dict[str, object]:
        """All of it as plain JSON."""
        return asdict(self)


def progress(job: Job) -> Progress:
    """Where the job stands. Four queries, however many items it has."""
    counts = dict(
        Item.objects.filter(job=job).values_list("state").annotate(count=Count("pk")).order_by()
    )
    total = sum(counts.values())
    open_items = counts.get(ItemState.QUEUED, 0) + counts.get(ItemState.LEASED, 0)
    waiting = Item.objects.filter(
        job=job, state__in=[ItemState.QUEUED, ItemState.LEASED]
    ).aggregate(
        postponed=Count("pk", filter=Q(postponements__gt=0, state=ItemState.QUEUED)),
        partial=Sum("progress", filter=Q(state=ItemState.LEASED)),
    )
    partial = float(waiting["partial"] or 0.0)
    ended = total - open_items
    rate = _rate(job) if open_items else 0.0
    remaining, basis = _remaining(job, open_items, ended + partial, rate)
    return Progress(
        job_id=str(job.pk),
        state=job.state,
        total=total,
        queued=counts.get(ItemState.QUEUED, 0),
        leased=counts.get(ItemState.LEASED, 0),
        done=counts.get(ItemState.DONE, 0),
        failed=counts.get(ItemState.FAILED, 0),
        cancelled=counts.get(ItemState.CANCELLED, 0),
        postponed=waiting["postponed"],
        fraction=(ended + partial) / total if total else 1.0,
        rate=rate,
        remaining_seconds=remaining,
        basis=basis,
        cancel_requested=job.cancel_requested_at is not None,
        failures=_failures(job) if counts.get(ItemState.FAILED) else (),
        note=_note(job) if open_items else "",
    )


def _rate(job: Job) -> float:
    """Items that ended per second, lately."""
    now = timezone.now()
    since = now - timedelta(seconds=RATE_SECONDS)
    if job.started_at is not None and job.started_at > since:
        since = job.started_at
    seconds = (now - since).total_seconds()
    worked = Item.objects.filter(job=job, ended_at__gt=since).count()
    return worked / seconds if seconds > 0 else 0.0


def _remaining(job: Job, open_items: int, worked: float, rate: float) -> tuple[float | None, str]:
    """Seconds until the job ends and what they rest on."""
    if open_items == 0:
        return 0.0, "none"
    if rate > 0:
        return open_items / rate, "last_minute"
    if worked > 0 and job.started_at is not None:
        elapsed = (timezone.now() - job.started_at).total_seconds()
        whole = worked + open_items
        return elapsed * (whole - worked) / worked, "progress"
    return None, "none"


def _failures(job: Job) -> tuple[Failures, ...]:
    """The reasons, most frequent first, each with its first item as an example."""
    groups = (
        Item.objects.filter(job=job, state=ItemState.FAILED)
        .values("error_code")
        .annotate(count=Count("pk"), first=Min("pk"))
        .order_by("-count", "error_code")
    )
    rows = list(groups)
    examples = Item.objects.select_related("input").in_bulk([row["first"] for row in rows])
    return tuple(
        Failures(
            code=row["error_code"],
            count=row["count"],
            name=input_.name if (input_ := examples[row["first"]].input) else "",
            example=examples[row["first"]].error,
        )
        for row in rows
    )


def _note(job: Job) -> str:
    """What long work says about itself, or why items wait."""
    noted = (
        Item.objects.filter(job=job, state__in=[ItemState.LEASED, ItemState.QUEUED])
        .exclude(note="")
        .order_by("state", "position")
        .values_list("note", flat=True)
        .first()
    )
    return noted or ""
