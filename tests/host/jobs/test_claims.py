"""Promises of claiming: one holder at a time, turns between jobs, suspects alone."""

from datetime import timedelta

from django.utils import timezone

from loupe.accounts.policy import SYSTEM
from loupe.jobs import claims, services
from loupe.jobs.models import Item, ItemState, Job, JobState
from tests.host.jobs.conftest import Start, readings

APPS = ["dummy_app"]


def test_an_item_is_claimed_once(start: Start) -> None:
    start(readings(10))
    first, second, third = (claims.claim(APPS, 6) for _ in range(3))
    assert first is not None
    assert second is not None
    assert third is None
    assert not {item.pk for item in first.items} & {item.pk for item in second.items}
    assert len(first.items) + len(second.items) == 10


def test_jobs_take_turns(start: Start) -> None:
    start(readings(20))
    start(readings(4))
    claimed = [claims.claim(APPS, 4) for _ in range(3)]
    jobs = [claim.job.pk for claim in claimed if claim is not None]
    assert jobs[0] != jobs[1]
    assert len(jobs) == 3
    assert jobs[2] == jobs[0]


def test_a_claimed_job_runs_and_knows_when_it_began(start: Start) -> None:
    job = start(readings(1))
    claims.claim(APPS, 1)
    job.refresh_from_db()
    assert job.state == JobState.RUNNING
    assert job.started_at is not None


def test_a_suspect_is_claimed_alone_and_only_by_a_process_with_empty_hands(start: Start) -> None:
    job = start(readings(3))
    Item.objects.filter(job=job).update(suspect=True)
    assert claims.claim(APPS, 16, suspects=False) is None
    claim = claims.claim(APPS, 16)
    assert claim is not None
    assert (len(claim.items), claim.suspect) == (1, True)


def test_items_wait_until_their_back_off_is_over(start: Start) -> None:
    job = start(readings(2))
    Item.objects.filter(job=job, position=0).update(
        not_before=timezone.now() + timedelta(minutes=1)
    )
    claim = claims.claim(APPS, 16)
    assert claim is not None
    assert [item.position for item in claim.items] == [1]


def test_renewing_extends_only_what_is_still_held(start: Start) -> None:
    start(readings(3))
    claim = claims.claim(APPS, 3)
    assert claim is not None
    before = {item.pk: item.lease_until for item in claim.items}
    Item.objects.filter(pk=claim.items[0].pk).update(state=ItemState.CANCELLED)
    assert claims.renew(claim) == {item.pk for item in claim.items[1:]}
    for item in Item.objects.filter(state=ItemState.LEASED):
        held_before = before[item.pk]
        assert item.lease_until is not None
        assert held_before is not None
        assert item.lease_until > held_before


def test_what_is_handed_back_has_lost_no_attempt(start: Start) -> None:
    start(readings(2))
    claim = claims.claim(APPS, 2)
    assert claim is not None
    assert claims.hand_back(claim, [item.pk for item in claim.items]) == 2
    assert set(Item.objects.values_list("state", "attempts", "losses")) == {("queued", 0, 0)}


def test_nothing_is_claimed_of_a_cancelled_job(start: Start) -> None:
    job = start(readings(2))
    services.cancel(SYSTEM, job)
    Item.objects.filter(job=job).update(state=ItemState.QUEUED)
    assert claims.claim(APPS, 2) is None
    assert Job.objects.get(pk=job.pk).state == JobState.CANCELLED
