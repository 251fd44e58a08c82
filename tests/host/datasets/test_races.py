"""What people do to datasets at the same moment: each gets an answer, nothing is torn."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import TypeVar

import pytest
from django.db import connections

from loupe.accounts.models import Project
from loupe.accounts.policy import Actor
from loupe.datasets import services
from loupe.datasets.errors import DatasetRefused
from loupe.datasets.models import Dataset, DatasetVersion, Record
from loupe.intake.sources import Source
from tests.host.datasets.conftest import APP

pytestmark = pytest.mark.django_db(transaction=True)
AT_ONCE = 4
T = TypeVar("T")


def at_once(what: Callable[[int], T], count: int = AT_ONCE) -> list[T | Exception]:
    """What comes of `what(number)` for each number, begun at the same moment, or what it raised."""
    begin = Barrier(count)

    def one(number: int) -> T | Exception:
        begin.wait()
        try:
            return what(number)
        except Exception as error:
            return error
        finally:
            connections.close_all()

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))


def test_first_datasets_made_at_once_are_all_made_and_one_takes_corrections(
    engineer: Actor, project: Project
) -> None:
    made = at_once(lambda number: services.create(engineer, project, APP, f"lot-{number}"))
    assert all(isinstance(one, Dataset) for one in made), made
    assert Dataset.objects.filter(takes_corrections=True).count() == 1


def test_of_datasets_made_at_once_by_one_name_the_first_is_made_and_the_others_are_told(
    engineer: Actor, project: Project
) -> None:
    made = at_once(lambda _number: services.create(engineer, project, APP, "same"))
    told = [one for one in made if isinstance(one, DatasetRefused)]
    assert (len(told), {one.code for one in told}) == (AT_ONCE - 1, {"name_in_use"}), made


def test_of_those_who_choose_at_once_where_corrections_go_the_last_one_wins(
    engineer: Actor, project: Project
) -> None:
    rows = [services.create(engineer, project, APP, f"lot-{number}") for number in range(AT_ONCE)]
    done = at_once(lambda number: services.take_corrections(engineer, rows[number]))
    assert done == [None] * AT_ONCE
    assert Dataset.objects.filter(takes_corrections=True).count() == 1


def test_files_of_one_name_added_at_once_get_names_of_their_own(
    engineer: Actor, dataset: Dataset, tmp_path: Path
) -> None:
    def add(number: int) -> int:
        path = tmp_path / f"{number}.json"
        path.write_text(f'{{"value": {number}.5}}')
        added = services.add_records(engineer, dataset, [Source(name="part.json", path=path)])
        return len(added.records)

    assert at_once(add) == [1] * AT_ONCE
    names = set(Record.objects.values_list("name", flat=True))
    assert names == {"part.json", "part (2).json", "part (3).json", "part (4).json"}


def test_versions_made_at_once_are_numbered_one_by_one(
    engineer: Actor, dataset: Dataset, tmp_path: Path
) -> None:
    path = tmp_path / "1.json"
    path.write_text('{"value": 1.0}')
    (record,) = services.add_records(engineer, dataset, [Source(name="1", path=path)]).records
    services.save_labels(engineer, record, {"scaled": 2.0})
    made = at_once(lambda _number: services.make_version(engineer, dataset))
    assert all(isinstance(one, DatasetVersion) for one in made), made
    numbers = DatasetVersion.objects.order_by("number").values_list("number", flat=True)
    assert list(numbers) == [1, 2, 3, 4]
