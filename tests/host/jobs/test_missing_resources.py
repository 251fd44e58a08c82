"""Promises while something is missing: items wait, visibly, and go on; nothing is lost."""

from pathlib import Path

import pytest
from django.db import OperationalError, connection
from pytest_django import Settings

from loupe.accounts.models import Project
from loupe.accounts.policy import SYSTEM
from loupe.intake.models import Channel
from loupe.intake.sources import Source
from loupe.jobs import claims, services
from loupe.jobs.execution import shift
from loupe.jobs.execution.bench import Bench
from loupe.jobs.execution.outcomes import Finished, Postponed
from loupe.jobs.execution.shift import Shift
from loupe.jobs.execution.store import backoff, store
from loupe.jobs.limits import MAX_LATE
from loupe.jobs.models import Item, ItemState, JobState, Result
from tests.host.jobs.conftest import Start, readings

APPS = ["dummy_app", "stateful_probe"]


def test_without_an_engine_items_wait_and_lose_no_attempt(
    start: Start, bench: Bench, place: Path, settings: Settings
) -> None:
    job = start(readings(40))
    socket = settings.ENGINE_SOCKET
    settings.ENGINE_SOCKET = place / "no-engine.sock"
    gone = Bench()
    tally = Shift(gone, APPS, 60).run()
    gone.sandbox.close()
    assert tally.stored == tally.postponed
    assert tally.postponed < 40, "one block finds out; the others are not tried"
    progress = services.progress(job)
    assert (progress.queued, progress.failed, progress.postponed) == (40, 0, tally.postponed)
    assert "No engine answers" in progress.note
    assert set(Item.objects.values_list("attempts", "losses")) == {(0, 0)}
    settings.ENGINE_SOCKET = socket
    Item.objects.update(not_before=None)
    Shift(bench, APPS, 60).run()
    job.refresh_from_db()
    assert (job.state, Result.objects.count()) == (JobState.DONE, 40)


def test_an_item_the_engine_is_always_late_for_is_given_up(start: Start) -> None:
    job = start(readings(1))
    late = Postponed(code="deadline_exceeded", message="The engine did not answer in time.")
    for _ in range(MAX_LATE):
        Item.objects.update(not_before=None)
        claim = claims.claim(APPS, 1)
        assert claim is not None
        store([Finished(claim=claim, item=claim.items[0], outcome=late)])
    item = Item.objects.get(job=job)
    assert (item.state, item.error_code) == (ItemState.FAILED, "deadline_exceeded")


def test_back_off_doubles_up_to_half_a_minute() -> None:
    assert [backoff(n).total_seconds() for n in range(7)] == [1, 2, 4, 8, 16, 30, 30]


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "sqlite", reason="fills an SQLite file to its last page")
def test_a_full_disk_while_results_are_written_loses_and_doubles_nothing(
    start: Start, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shift, "STORE_AGAIN_SECONDS", (0.01,))
    job = start({name: text + " " * 3000 for name, text in readings(60).items()})
    with connection.cursor() as cursor:
        cursor.execute("VACUUM")  # pages that other tests left free would be room
        cursor.execute("PRAGMA page_count")
        (pages,) = cursor.fetchone()
        cursor.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(OperationalError, match="full"):
        Shift(bench, APPS, 60).run()
    written = Result.objects.count()
    assert written < 60
    assert Item.objects.filter(state=ItemState.DONE).count() == written
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA max_page_count = 1000000")
    Item.objects.filter(state=ItemState.LEASED).update(state=ItemState.QUEUED, lease_token=None)
    Shift(bench, APPS, 60).run()
    job.refresh_from_db()
    assert (job.state, Result.objects.count()) == (JobState.DONE, 60)
    assert set(Item.objects.values_list("losses", flat=True)) == {0}


def test_a_full_disk_for_blocks_postpones_the_item_and_says_so(
    place: Path, project: Project, bench: Bench, settings: Settings
) -> None:
    path = place / "payments.csv"
    path.write_text("account,cents\n1,5\n")
    source = Source(name="payments.csv", path=path)
    services.submit(SYSTEM, project, "stateful_probe", Channel.REST, [source])
    settings.MIN_FREE_BYTES = 2**60
    Shift(bench, APPS, 60).run()
    item = Item.objects.get()
    assert (item.state, item.postponements) == (ItemState.QUEUED, 1)
    assert item.note
    settings.MIN_FREE_BYTES = 0
    Item.objects.update(not_before=None)
    Shift(bench, APPS, 60).run()
    assert Item.objects.get().state == ItemState.DONE
