"""Promises of inputs that are cut: in order, one at a time, none lost, thousands stay quick."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from loupe.accounts.models import Project
from loupe.accounts.policy import SYSTEM
from loupe.blobs import services as blobs
from loupe.intake.models import Channel
from loupe.intake.sources import Source
from loupe.jobs import claims, recovery, services, splitting
from loupe.jobs.claims import Claim
from loupe.jobs.execution.bench import Bench
from loupe.jobs.execution.outcomes import Cut, Failed, Finished, Outcome, Postponed
from loupe.jobs.execution.shift import Shift
from loupe.jobs.execution.store import store
from loupe.jobs.models import Item, ItemState, Job, JobState, ResultBlock

APP = "stateful_probe"
APPS = [APP]
STEP = 5_000
"""Rows of one range of the probe."""
BAD = Failed(code="bad_row", message="Line 3 is bad.")


class Tables:
    """Starts jobs of the stateful probe over tables given by their lines."""

    def __init__(self, place: Path, project: Project) -> None:
        self._place = place
        self._project = project

    def start(self, *tables: list[str]) -> Job:
        sources = []
        for number, lines in enumerate(tables):
            path = self._place / f"table-{number}"
            path.write_text("\n".join(["account,cents", *lines]) + "\n")
            sources.append(Source(name=f"{number}.csv", path=path))
        return services.submit(SYSTEM, self._project, APP, Channel.REST, sources)


@pytest.fixture
def tables(place: Path, project: Project) -> Tables:
    return Tables(place, project)


def lines(count: int, account: int = 1) -> list[str]:
    return [f"{account},{row}" for row in range(count)]


def next_claim() -> Claim:
    claim = claims.claim(APPS, 16)
    assert claim is not None
    return claim


def end(claim: Claim, outcome: Outcome) -> None:
    store([Finished(claim=claim, item=item, outcome=outcome) for item in claim.items])


def cut(claim: Claim, count: int, **last: Any) -> None:
    """Store that a whole input became so many ranges."""
    ranges: list[splitting.Options] = [{"row": number} for number in range(count)]
    end(claim, Cut(ranges=(*ranges, last) if last else tuple(ranges)))


def positions(state: str) -> list[int]:
    found = Item.objects.filter(state=state).order_by("position")
    return list(found.values_list("position", flat=True))


def columns(job: Job) -> Iterator[dict[str, np.ndarray]]:
    for block in ResultBlock.objects.filter(job=job).order_by("item__position"):
        with blobs.open_local(block.blob) as path:
            table = pq.read_table(path)
        yield {name: table[name].to_numpy(zero_copy_only=False) for name in table.column_names}


def test_an_input_is_cut_by_a_worker_and_its_ranges_are_worked_in_order(
    tables: Tables, bench: Bench
) -> None:
    job = tables.start(lines(3 * STEP + 1), lines(STEP + 7))
    assert Item.objects.filter(job=job).count() == 2
    Shift(bench, APPS, 60).run()
    job.refresh_from_db()
    assert (job.state, Item.objects.filter(job=job, state=ItemState.DONE).count()) == ("done", 6)
    told = list(columns(job))
    assert [len(block["cents"]) for block in told] == [STEP, STEP, STEP, 1, STEP, 7]
    counts = np.concatenate([block["count"] for block in told])
    first = int(counts[0])
    # The running count of the one account says in which order every row reached the live state.
    assert np.array_equal(counts, np.arange(first, first + 4 * STEP + 8))


def test_ranges_are_claimed_one_at_a_time_and_across_the_inputs_of_a_job(tables: Tables) -> None:
    tables.start(lines(1), lines(1))
    cut(next_claim(), 3)
    seen = []
    for _ in range(3):
        claim = next_claim()
        assert claims.claim(APPS, 16) is None
        seen += [item.position for item in claim.items]
        end(claim, BAD)
    whole = next_claim()
    assert seen == [0, 1, 2]
    assert [item.position for item in whole.items] == [splitting.PLACES]
    assert splitting.is_uncut(whole.items[0])


def test_a_refused_range_fails_and_the_others_go_on(tables: Tables, bench: Bench) -> None:
    table = lines(2 * STEP + 5)
    table[STEP + 3] = "1,-5"
    job = tables.start(table)
    Shift(bench, APPS, 60).run()
    job.refresh_from_db()
    assert job.state == JobState.DONE
    assert (positions("done"), positions("failed")) == ([0, 2], [1])
    assert f"Line {STEP + 5}" in Item.objects.get(state=ItemState.FAILED).error


def test_a_range_that_must_wait_holds_up_those_behind_it(tables: Tables) -> None:
    tables.start(lines(1))
    cut(next_claim(), 3)
    end(next_claim(), Postponed(code="engine_unavailable", message="No engine answers."))
    assert claims.claim(APPS, 16) is None
    Item.objects.update(not_before=timezone.now())
    assert [item.position for item in next_claim().items] == [0]


def test_a_waiting_job_does_not_keep_others_from_their_turn(tables: Tables) -> None:
    waiting = [tables.start(lines(1, account)) for account in range(12)]
    for _ in waiting:
        cut(next_claim(), 2)
    for _ in waiting:
        end(next_claim(), Postponed(code="engine_unavailable", message="No engine answers."))
    last = tables.start(lines(1, 50))
    assert next_claim().job == last


def test_cancelled_ranges_are_resumed_where_they_stopped(tables: Tables) -> None:
    job = tables.start(lines(1))
    cut(next_claim(), 4)
    end(next_claim(), BAD)
    held = next_claim()
    services.cancel(SYSTEM, job)
    end(held, BAD)
    assert (positions("failed"), positions("cancelled")) == ([0], [1, 2, 3])
    assert services.resume(SYSTEM, Job.objects.get(pk=job.pk)) == 3
    assert [item.position for item in next_claim().items] == [1]


def test_a_cut_that_comes_after_the_cancel_changes_nothing(tables: Tables) -> None:
    job = tables.start(lines(1))
    claim = next_claim()
    services.cancel(SYSTEM, job)
    cut(claim, 3)
    assert Item.objects.count() == 1
    services.resume(SYSTEM, Job.objects.get(pk=job.pk))
    assert splitting.is_uncut(next_claim().items[0])


def test_a_failed_range_is_tried_again_before_those_that_still_wait(tables: Tables) -> None:
    job = tables.start(lines(1))
    cut(next_claim(), 4)
    end(next_claim(), BAD)
    held = next_claim()
    assert services.retry_failed(SYSTEM, job) == 1
    assert claims.claim(APPS, 16) is None
    end(held, BAD)
    assert [item.position for item in next_claim().items] == [0]


def test_a_worker_that_dies_with_a_range_or_a_whole_input_loses_neither(tables: Tables) -> None:
    tables.start(lines(1))
    recovery.take_back(next_claim().token)
    lost = next_claim()
    assert splitting.is_uncut(lost.items[0])
    cut(lost, 3)
    assert Item.objects.filter(suspect=True).count() == 0
    recovery.take_back(next_claim().token)
    again = next_claim()
    assert ([item.position for item in again.items], again.suspect) == ([0], True)


def test_the_same_cut_stored_twice_counts_once(tables: Tables) -> None:
    tables.start(lines(1))
    claim = next_claim()
    cut(claim, 3)
    cut(claim, 3)
    assert positions("queued") == [0, 1, 2]


def test_cutting_goes_on_when_the_last_element_says_so(tables: Tables) -> None:
    tables.start(lines(1))
    cut(next_claim(), 2, split={"row": 2})
    for _ in range(2):
        end(next_claim(), BAD)
    more = next_claim()
    assert more.items[0].options == {"split": {"row": 2}}
    cut(more, 2)
    assert positions("queued") == [2, 3]


def test_a_table_that_cannot_be_cut_is_a_failed_item(tables: Tables, bench: Bench) -> None:
    job = tables.start([])
    Shift(bench, APPS, 60).run()
    item = Item.objects.get(job=job)
    assert (item.state, item.error_code) == ("failed", "no_rows")


def test_each_of_thousands_of_ranges_costs_the_same_few_queries(tables: Tables) -> None:
    job = tables.start(lines(1))
    cut(next_claim(), 5_000)
    with CaptureQueriesContext(
        connection,
    ) as few:
        end(next_claim(), BAD)
    for _ in range(20):
        end(next_claim(), BAD)
    with CaptureQueriesContext(connection) as many:
        end(next_claim(), BAD)
    assert len(many) == len(few)
    assert len(many) < 30
    progress = services.progress(job)
    assert (progress.total, progress.failed, progress.queued) == (5_000, 22, 4_978)
