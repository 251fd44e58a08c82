"""The entity index: counts as a plain loop would have them, whoever adds them and whoever dies."""

from collections import defaultdict
from typing import Any

import numpy as np
import pytest
from celery import current_app
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.fraud import tasks
from apps.fraud.models import Entity, EntityLink, IndexGroup, Unindexed
from apps.fraud.schema import ScoredTransaction
from apps.fraud.services import entities, schemes, wakeups
from apps.fraud.services.entity_index import keeping_up, notes
from apps.fraud.services.history import block_ids
from tests.apps.fraud.bank import Bank, paid

NAMES = st.sampled_from(["", "a", "b", "A", "Ä", "c/d", "很长", "x\x00y"])
ROW = st.tuples(NAMES, NAMES, NAMES, st.sampled_from([0.01, 0.75, 0.95, 0.999]))
BLOCK = st.tuples(st.lists(ROW, min_size=1, max_size=6), st.sampled_from([0, 0, 1, 3, 2000]))


def shown(key: str) -> str:
    """An identifier as both databases can keep it."""
    return key.replace("\x00", "\ufffd")


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(blocks=st.lists(BLOCK, min_size=1, max_size=5))
def test_the_index_equals_a_plain_count_however_it_is_brought_up_to_date(
    bank: Bank, blocks: list[Any]
) -> None:
    Entity.objects.all().delete()
    number = 0
    wanted: dict[tuple[str, str], list[Any]] = defaultdict(lambda: [0, 0, 0, 0.0, [], set()])
    links: dict[tuple[str, str, str], int] = defaultdict(int)
    for rows, step in blocks:
        made = []
        for customer, device, address, score in rows:
            number += 1
            made.append(
                paid(
                    number, customer, terminal="", device=device, address=address, score=score,
                    amount=number,
                )
            )  # fmt: skip
        block = bank.store(*made)
        for one in made:
            flagged = one.score >= 0.9
            for type_, key in one.entities.items():
                kept = wanted[type_, shown(key)]
                kept[0] += 1
                kept[1] += flagged
                kept[2] += one.amount
                kept[3] = max(kept[3], one.score)
                kept[4].append(one.event_time)
                kept[5].add(block.block_id)
                if type_ != "customer" and "customer" in one.entities:
                    links[shown(one.entities["customer"]), type_, shown(key)] += 1
        if step:
            assert not keeping_up.work(bank.project.pk, 60, step)
    assert keeping_up.catch_up(bank.project.pk) == 0
    found = {(row.type, row.key): row for row in Entity.objects.all()}
    assert set(found) == set(wanted)
    for place, (count, flagged, amount, score, times, held) in wanted.items():
        row = found[place]
        assert (row.count, row.flagged, row.amount, row.score) == (count, flagged, amount, score)
        assert (row.first_ms, row.last_ms) == (min(times), max(times))
        assert list(block_ids(row.blocks)) == sorted(held, reverse=True)
    stored = EntityLink.objects.values_list("payer__key", "other__type", "other__key", "count")
    assert {(a, b, c): n for a, b, c, n in stored} == dict(links)


def counts(bank: Bank) -> dict[tuple[str, str], int]:
    """Of every entity, its transactions."""
    rows = Entity.objects.filter(project=bank.project)
    return {(type_, key): n for type_, key, n in rows.values_list("type", "key", "count")}


def some(first: int, many: int) -> list[ScoredTransaction]:
    return [paid(n, f"C-{n % 7}", device=f"d-{n % 3}") for n in range(first, first + many)]


WHOLE = {
    **{("customer", f"C-{n}"): 3 if n < 6 else 2 for n in range(7)},
    **{("device", f"d-{n}"): 7 if n < 2 else 6 for n in range(3)},
    ("terminal", "M-1"): 20,
}


@pytest.mark.parametrize("died_at", range(1, 9))
def test_a_worker_that_dies_between_two_steps_is_gone_on_for(
    bank: Bank, monkeypatch: pytest.MonkeyPatch, died_at: int
) -> None:
    bank.store(*some(0, 12))
    bank.store(*some(12, 8))
    steps, stepped = 0, keeping_up._stepped

    def dying(*arguments: Any) -> bool:
        nonlocal steps
        steps += 1
        if steps == died_at:
            raise KeyboardInterrupt
        return stepped(*arguments)

    monkeypatch.setattr(keeping_up, "_stepped", dying)
    with pytest.raises(KeyboardInterrupt):
        keeping_up.work(bank.project.pk, 60, step=2)
    assert IndexGroup.objects.get(project=bank.project).done == 2 * (died_at - 1)
    bank.store(paid(99, "C-9", terminal="M-2"))  # which is no part of the group
    keeping_up.work(bank.project.pk, 60, step=3)
    assert counts(bank) == {**WHOLE, ("customer", "C-9"): 1, ("terminal", "M-2"): 1}
    assert not Unindexed.objects.exists()
    assert not IndexGroup.objects.exists()


def test_two_who_work_on_one_group_count_it_once(
    bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    bank.store(*some(0, 20))
    stepped, inside = keeping_up._stepped, False

    def beside(*arguments: Any) -> bool:
        nonlocal inside
        if not inside:
            inside = True
            keeping_up.work(bank.project.pk, 0, step=1)  # one step of somebody else
            inside = False
        return stepped(*arguments)

    monkeypatch.setattr(keeping_up, "_stepped", beside)
    assert not keeping_up.work(bank.project.pk, 60, step=2)
    assert counts(bank) == WHOLE


def test_notes_of_another_shape_make_a_group_of_their_own(bank: Bank) -> None:
    bank.store(*some(0, 20))
    declared = schemes.of(bank.project.pk)
    without = [one for one in declared.entities if one.key != "device"]
    narrow = declared.model_copy(update={"entities": tuple(without)})
    block = bank.block(*some(20, 20))
    columns, _decided = block.read()
    notes.write(bank.project.pk, block.block_id, narrow, columns, np.zeros(20, bool))
    bank.store(*some(40, 20))
    assert len(keeping_up._oldest(bank.project.pk)) == 1
    assert keeping_up.catch_up(bank.project.pk) == 0
    assert counts(bank)["terminal", "M-1"] == 60
    assert counts(bank)["device", "d-0"] == 7 + 6


def test_another_project_is_left_alone(bank: Bank) -> None:
    bank.store(paid(1))
    assert keeping_up.catch_up(bank.other.pk) == 0
    assert keeping_up.waiting(bank.project.pk) == 1
    assert keeping_up.catch_up(bank.project.pk) == 0
    assert keeping_up.waiting(bank.project.pk) == 0


def test_a_reader_leaves_much_to_workers_and_says_how_much(
    bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    bank.store(*some(0, 20))
    monkeypatch.setattr(keeping_up, "READERS", 19)
    assert keeping_up.catch_up(bank.project.pk) == 20
    assert not Entity.objects.exists()
    tasks.index(str(bank.project.pk))
    assert counts(bank) == WHOLE


def test_one_message_tells_of_all_that_comes_within_its_delay(
    bank: Bank, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
) -> None:
    sent: list[Any] = []
    monkeypatch.setattr(current_app, "send_task", lambda *a, **more: sent.append((a, more)))
    clock = [1000.0]
    monkeypatch.setattr("apps.fraud.services.wakeups.time.monotonic", lambda: clock[0])
    with django_capture_on_commit_callbacks(execute=True):
        bank.store(paid(1))
        bank.store(paid(2))
    assert [(a[0], more["args"]) for a, more in sent] == [
        (wakeups.INDEX, [str(bank.project.pk)])
    ]  # fmt: skip
    clock[0] += wakeups.INDEX_AFTER_S
    with django_capture_on_commit_callbacks(execute=True):
        bank.store(paid(3))
    assert len(sent) == 2
    keeping_up.recover()


def test_pages_hold_what_was_answered_just_now(bank: Bank) -> None:
    bank.store(paid(1, "C-5"))
    assert entities.find(bank.actor("viewer"), bank.project, "customer", "C-5").count == 1
    bank.store(paid(2, "C-5"))
    assert [row.count for row in entities.search(bank.actor("viewer"), bank.project, "C-5")] == [2]
