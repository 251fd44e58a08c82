"""Promises of the reaper: a dead worker is a delay, a deadly item is named, ended jobs end."""

from datetime import timedelta

from django.utils import timezone

from loupe.jobs import claims, recovery
from loupe.jobs.models import Item, ItemState, Job, JobState
from tests.host.jobs.conftest import Start, readings

APPS = ["dummy_app"]


def die(count: int) -> None:
    """A worker claims so many items and is never heard of again."""
    assert claims.claim(APPS, count) is not None
    Item.objects.filter(state=ItemState.LEASED).update(
        lease_until=timezone.now() - timedelta(seconds=1)
    )


def test_items_of_a_dead_worker_are_queued_again(start: Start) -> None:
    start(readings(3))
    die(3)
    assert recovery.recover().requeued == 3
    assert set(Item.objects.values_list("state", "suspect", "lease_token")) == {
        ("queued", True, None)
    }


def test_a_living_lease_is_left_alone(start: Start) -> None:
    start(readings(3))
    claims.claim(APPS, 3)
    assert recovery.recover().requeued == 0
    assert Item.objects.filter(state=ItemState.LEASED).count() == 3


def test_an_item_alone_with_three_dying_workers_fails_with_a_sentence(start: Start) -> None:
    job = start(readings(1))
    for _ in range(2):
        die(1)
        assert recovery.recover().requeued == 1
    die(1)
    assert recovery.recover().given_up == 1
    item = Item.objects.get(job=job)
    assert (item.state, item.error_code) == (ItemState.FAILED, "worker_lost")
    assert "worked on 000.json died 3 times" in item.error
    assert Job.objects.get(pk=job.pk).state == JobState.DONE


def test_company_of_a_deadly_item_is_not_blamed(start: Start) -> None:
    start(readings(5))
    for _ in range(4):
        Item.objects.update(suspect=False)  # as if they were claimed together by chance again
        die(5)
        recovery.recover()
    assert set(Item.objects.values_list("state", "losses")) == {("queued", 0)}


def test_a_job_whose_items_all_ended_is_ended_by_the_reaper(start: Start) -> None:
    job = start(readings(2))
    claims.claim(APPS, 2)
    Item.objects.update(state=ItemState.DONE, lease_token=None)
    assert recovery.recover().ended == 1
    assert recovery.recover().ended == 0
    job.refresh_from_db()
    assert job.state == JobState.DONE
    assert job.ended_at is not None


def test_without_a_broker_the_reaper_does_everything_else(start: Start) -> None:
    start(readings(2))
    die(2)
    done = recovery.recover()
    assert (done.requeued, done.woken) == (2, 0)
    assert Job.objects.filter(woken_at__isnull=False).count() == 0
