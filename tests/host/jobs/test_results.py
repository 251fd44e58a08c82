"""Promises of reading: rows and blocks look alike, filters hold, pages cost the same queries."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from loupe.accounts.errors import NotVisible
from loupe.accounts.models import Project
from loupe.accounts.policy import SYSTEM, Actor
from loupe.intake.models import Channel
from loupe.intake.sources import Source
from loupe.jobs import results, services
from loupe.jobs.execution.bench import Bench
from loupe.jobs.execution.shift import Shift
from loupe.jobs.models import Job, ResultBlock
from loupe.jobs.results import Filters
from loupe.plugins import registry as apps
from tests.host.jobs.conftest import Start, readings

ROWS, COLUMNS = "dummy_app", "stateful_probe"
Queries = Callable[[int], AbstractContextManager[object]]


def work(bench: Bench) -> None:
    Shift(bench, [ROWS, COLUMNS], 60).run()


@pytest.fixture
def table(start: Start, place: Path, project: Project, bench: Bench) -> Job:
    """Twelve payments over accounts 0 and 1; the later ones of account 1 pass the cap."""
    lines = [f"{row % 2},{row % 2 * 30_000}" for row in range(12)]
    path = place / "payments.csv"
    path.write_text("\n".join(["account,cents", *lines]) + "\n")
    source = Source(name="payments.csv", path=path)
    job = services.submit(SYSTEM, project, COLUMNS, Channel.REST, [source])
    work(bench)
    return job


def test_pages_follow_each_other_and_hold_every_result_once(
    start: Start, project: Project, bench: Bench
) -> None:
    start(readings(7))
    work(bench)
    seen: list[int] = []
    after: int | None = None
    while True:
        page = results.page(SYSTEM, project, ROWS, after_id=after, limit=3)
        seen += [result.id for result in page.results]
        after = page.next_after_id
        if after is None:
            break
    assert seen == sorted(seen, reverse=True)
    assert len(seen) == 7
    assert [result.id for result in results.views(SYSTEM, project, ROWS, chunk=2)] == seen


def test_filters_hold(start: Start, project: Project, bench: Bench) -> None:
    job = start(readings(15))
    work(bench)
    for outcome, least, most in (("low", 0, 10), ("middle", 12, 20), ("high", 22, 28)):
        found = results.page(SYSTEM, project, ROWS, Filters(outcome=outcome)).results
        assert found
        assert all(least <= result.data.scaled <= most for result in found)  # type: ignore[attr-defined]
        assert {result.outcome for result in found} == {outcome}
    assert len(results.page(SYSTEM, project, ROWS, Filters(job_id=job.pk)).results) == 15
    assert len(results.page(SYSTEM, project, ROWS, Filters(reviewed=True)).results) == 0
    named = results.page(SYSTEM, project, ROWS, Filters(name_contains="014")).results
    assert [result.name for result in named] == ["014.json"]


def test_a_page_of_ten_and_a_page_of_a_hundred_cost_the_same_queries(
    start: Start, project: Project, bench: Bench, django_assert_num_queries: Queries
) -> None:
    start(readings(110))
    work(bench)
    for limit in (10, 100):
        with django_assert_num_queries(2):
            assert len(results.page(SYSTEM, project, ROWS, limit=limit).results) == limit


def test_the_input_of_a_result_can_be_opened(start: Start, project: Project, bench: Bench) -> None:
    start(readings(1))
    work(bench)
    (result,) = results.page(SYSTEM, project, ROWS).results
    with result.open_input() as path:
        assert path.read_text() == '{"value": 0}'


def test_another_projects_result_does_not_exist(
    start: Start, project: Project, bench: Bench, operator: Actor
) -> None:
    start(readings(1))
    work(bench)
    (result,) = results.page(operator, project, ROWS).results
    assert results.view(operator, ROWS, result.id) == result
    operator.user.memberships.all().delete()  # type: ignore[union-attr]
    with pytest.raises(NotVisible, match="no result"):
        results.view(operator, ROWS, result.id)


def test_rows_of_a_block_read_like_rows(
    table: Job, project: Project, django_assert_num_queries: Queries
) -> None:
    block = ResultBlock.objects.get(job=table)
    assert block.rows == 12
    assert sum(block.outcomes.values()) == 12
    with django_assert_num_queries(2):
        page = results.page(SYSTEM, project, COLUMNS, limit=5)
    everything = list(results.views(SYSTEM, project, COLUMNS, chunk=5))
    assert [one.id for one in everything[:5]] == [one.id for one in page.results]
    assert len({one.id for one in everything}) == 12
    schema = apps.get(COLUMNS).result_schema
    assert all(isinstance(one.data, schema) for one in everything)
    blocked = list(results.views(SYSTEM, project, COLUMNS, Filters(outcome="block")))
    assert [one.outcome for one in blocked] == ["block"] * block.outcomes["block"]
    labelled = list(results.views(SYSTEM, project, COLUMNS, Filters(label="over_cap")))
    assert labelled == blocked


def test_one_row_of_a_block_says_why_it_was_decided(table: Job, project: Project) -> None:
    newest, *_, oldest = results.views(SYSTEM, project, COLUMNS)
    shown = results.view(SYSTEM, COLUMNS, newest.id)
    assert shown.data == newest.data
    assert shown.decision.outcome == newest.decision.outcome
    assert shown.decision.reasons
    newer, older = results.neighbours(SYSTEM, project, COLUMNS, Filters(), oldest.id)
    assert (newer, older) == (oldest.id + 1, None)
    with pytest.raises(NotVisible):
        results.view(SYSTEM, COLUMNS, newest.id + 1)
