"""What comes next, and how far the dataset has come."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from loupe.accounts.errors import NotVisible
from loupe.annotation import presence, queue
from loupe.annotation.models import Presence
from loupe.datasets import services as datasets
from tests.host.annotation.conftest import Bench, readings, target


def test_the_place_of_a_record_names_its_neighbours_and_counts_by_state(bench: Bench) -> None:
    datasets.save_labels(bench.actor(), bench.records[2], target(1))
    datasets.skip(bench.actor(), bench.records[3])
    found = queue.place(bench.actor(), bench.records[1])
    assert (found.position, found.total) == (2, 5)
    assert found.previous == bench.records[0].pk
    assert found.next == bench.records[2].pk
    assert found.next_todo == bench.records[4].pk
    assert found.counts == {"todo": 3, "labelled": 1, "skipped": 1}
    last = queue.place(bench.actor(), bench.records[4])
    assert (last.next, last.next_todo) == (None, bench.records[0].pk)


def test_when_all_is_labelled_nothing_comes_next_and_labelling_starts_at_the_first(
    bench: Bench,
) -> None:
    assert queue.first(bench.actor(), bench.dataset) == bench.records[0].pk
    for record in bench.records:
        datasets.save_labels(bench.actor(), record, target(1))
    assert queue.place(bench.actor(), bench.records[0]).next_todo is None
    assert queue.first(bench.actor(), bench.dataset) == bench.records[0].pk


def test_what_somebody_else_has_open_is_passed_over_while_another_is_left(bench: Bench) -> None:
    me, second = bench.actor(), bench.actor("second")
    presence.arrive(second, bench.records[1])
    assert queue.place(me, bench.records[0]).next_todo == bench.records[2].pk
    assert queue.place(second, bench.records[0]).next_todo == bench.records[1].pk
    for record in bench.records[2:]:
        datasets.skip(me, record)
    assert queue.place(me, bench.records[0]).next_todo == bench.records[1].pk


def test_a_person_is_at_one_record_and_forgotten_when_the_page_falls_silent(bench: Bench) -> None:
    me, second = bench.actor(), bench.actor("second")
    assert presence.arrive(me, bench.records[0]) == []
    assert presence.arrive(second, bench.records[0]) == [bench.people["reviewer"]]
    presence.arrive(me, bench.records[1])
    assert presence.others(second, bench.records[0]) == []
    silent = timezone.now() - timedelta(seconds=presence.SEEN_SECONDS + 1)
    Presence.objects.filter(user=bench.people["reviewer"]).update(seen_at=silent)
    assert presence.others(second, bench.records[1]) == []
    presence.leave(second, bench.records[0])
    assert not Presence.objects.filter(user=bench.people["second"]).exists()


def test_finding_the_place_costs_the_same_in_a_large_dataset(bench: Bench) -> None:
    def asked() -> int:
        with CaptureQueriesContext(connection) as seen:
            queue.place(bench.actor(), bench.records[0])
        return len(seen)

    before = asked()
    readings(bench.dataset, 300)
    assert asked() == before


def test_a_stranger_learns_nothing(bench: Bench) -> None:
    with pytest.raises(NotVisible):
        queue.place(bench.actor("stranger"), bench.records[0])
    with pytest.raises(NotVisible):
        presence.arrive(bench.actor("stranger"), bench.records[0])
