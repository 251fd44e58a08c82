"""Names and times of results are found by index, on either database, and found right."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from loupe.accounts.models import Project
from loupe.accounts.policy import SYSTEM
from loupe.jobs import name_index, results
from loupe.jobs.filters import Filters
from loupe.jobs.models import Result
from loupe.testing import factories

APP = "dummy_app"
NAMES = (
    "Halle 3/ring-0001.json",
    "Halle 3/RING-0002.json",
    "批次七/零件-03.json",
    "50%_off\\x.json",
    'say "cheese".json',
    "ärger-Über.json",
)
START = datetime(2026, 3, 1, tzinfo=UTC)


def made(project: Project, names: tuple[str, ...] = NAMES) -> list[Result]:
    lot = [factories.Made(name=name, data={"value": 1.0, "scaled": 2.0}) for name in names]
    job = factories.job(project, APP, lot)
    return list(Result.objects.filter(job=job).order_by("pk"))


def found(project: Project, **filters: Any) -> list[str]:
    page = results.page(SYSTEM, project, APP, Filters(**filters))
    return [row.name for row in page.results]


@pytest.fixture
def project(db: None) -> Project:
    return factories.project("line", "Line")


@pytest.mark.parametrize(
    ("text", "hits"),
    [
        ("ring", (1, 0)),
        ("Ring-0002", (1,)),
        ("halle 3/r", (1, 0)),
        ("3/", (1, 0)),
        ("零件", (2,)),
        ("批次七/零", (2,)),
        ("50%_", (3,)),
        ("%%%", ()),
        ("___", ()),
        ('"cheese"', (4,)),
        ('" OR "', ()),
        ("ring* NOT x", ()),
        ("off\\x", (3,)),
        ("json", (5, 4, 3, 2, 1, 0)),
        ("js", (5, 4, 3, 2, 1, 0)),
        ("a\x00b", ()),
        ("nowhere", ()),
    ],
)
def test_a_name_is_found_by_any_part_of_it(
    project: Project, text: str, hits: tuple[int, ...]
) -> None:
    made(project)
    made(factories.project("other", "Other"))
    assert found(project, name_contains=text) == [NAMES[hit] for hit in hits]


def test_pages_and_neighbours_of_a_search_follow_the_same_order(project: Project) -> None:
    rows = made(project, tuple(f"{'ring' if n % 3 else 'disc'}-{n:03d}.json" for n in range(30)))
    wanted = [row.pk for row in reversed(rows) if row.pk not in {r.pk for r in rows[::3]}]
    filters, seen, after = Filters(name_contains="ring"), [], None
    while True:
        page = results.page(SYSTEM, project, APP, filters, after_id=after, limit=7)
        seen += [row.id for row in page.results]
        after = page.next_after_id
        if after is None:
            break
    assert seen == wanted
    middle = wanted[9]
    assert results.neighbours(SYSTEM, project, APP, filters, middle) == (wanted[8], wanted[10])
    assert results.neighbours(SYSTEM, project, APP, filters, wanted[0])[0] is None
    assert results.neighbours(SYSTEM, project, APP, filters, wanted[-1])[1] is None


def test_a_deleted_result_is_not_found_any_more(project: Project) -> None:
    rows = made(project)
    rows[0].delete()
    assert found(project, name_contains="ring") == [NAMES[1]]


def test_the_index_makes_itself_good_again(project: Project) -> None:
    made(project)
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL's index is the server's own to keep.")
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TRIGGER {name_index.TABLE}_insert")
    made(project, ("lost-1.json",))
    assert found(project, name_contains="lost") == []
    name_index.ensure(connection)
    made(project, ("lost-2.json",))
    assert found(project, name_contains="lost") == ["lost-2.json", "lost-1.json"]
    with CaptureQueriesContext(connection) as asked:
        name_index.ensure(connection)
    assert not any(query["sql"].startswith(("INSERT", "DELETE")) for query in asked)


def spread(project: Project) -> list[Result]:
    """One result an hour, ten days long; the times do not rise with the ids everywhere."""
    rows = made(project, tuple(f"part-{n:03d}.json" for n in range(240)))
    for number, row in enumerate(rows):
        row.created_at = START + timedelta(hours=number ^ 1)
    Result.objects.bulk_update(rows, ["created_at"])
    return rows


@pytest.mark.parametrize(
    ("since", "until"), [(48, 72), (None, 3), (237, None), (47, 48), (500, None), (100, 100)]
)
def test_a_stretch_of_time_holds_exactly_its_results(
    project: Project, since: int | None, until: int | None
) -> None:
    rows = spread(project)
    spread(factories.project("other", "Other"))
    asked = Filters(
        since=None if since is None else START + timedelta(hours=since),
        until=None if until is None else START + timedelta(hours=until),
    )
    page = results.page(SYSTEM, project, APP, asked, limit=500)
    wanted = [
        row.pk
        for row in reversed(rows)
        if (asked.since is None or row.created_at >= asked.since)
        and (asked.until is None or row.created_at < asked.until)
    ]
    assert [row.id for row in page.results] == wanted


def plan(sql: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(
            ("EXPLAIN QUERY PLAN " if connection.vendor == "sqlite" else "EXPLAIN ") + sql
        )
        return "\n".join(str(row) for row in cursor.fetchall())


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL plans by what tables hold")
def test_both_searches_read_an_index_and_sort_nothing(project: Project) -> None:
    spread(project)
    for filters, index in (
        ({"name_contains": "part-1"}, "VIRTUAL TABLE"),
        (
            {"since": START, "until": START + timedelta(days=2)},
            "project_id=? AND app=? AND id>? AND id<?",
        ),
    ):
        with CaptureQueriesContext(connection) as asked:
            found(project, **filters)
        listing = plan(asked[-1]["sql"])
        assert index in listing
        assert "TEMP B-TREE" not in listing
