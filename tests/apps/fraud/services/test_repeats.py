"""A file whose transactions came before is taken, and it is said how many of them did."""

from datetime import timedelta
from uuid import UUID

import pytest
from django.urls import reverse
from django.utils import timezone

from apps.fraud.models import SeenBefore
from apps.fraud.services import repeats, ringing
from loupe.intake.models import Channel, Submission
from loupe.jobs.models import Job, ResultBlock
from tests.apps.fraud.bank import Bank, paid


def shown(bank: Bank, job: object) -> str:
    address = reverse("console:job", args=[bank.project.slug, job])
    return bank.client("viewer").get(address).content.decode()


def uploaded(job: UUID, name: str) -> None:
    """What the bank stored becomes a file's."""
    Submission.objects.filter(job=job).update(name=name, channel=Channel.WEB)


def test_the_first_file_repeats_nothing(bank: Bank) -> None:
    block = bank.store(*(paid(n) for n in range(20)), session="a file's")
    found = repeats.compare(bank.project.pk, block.job_id)
    assert found is not None
    assert (found.rows, found.seen, found.compared, found.everything) == (20, 0, 0, True)
    assert "None of these transactions was here before." in shown(bank, block.job_id)


def test_what_came_before_is_counted_by_where_it_came_from(bank: Bank) -> None:
    march = bank.store(*(paid(n) for n in range(10)), session="a file's")
    uploaded(march.job_id, "march.csv")
    bank.store(*(paid(n) for n in range(10, 13)))
    again = bank.store(*(paid(n) for n in range(4, 24)), session="another's")
    # What comes later does not count against it.
    bank.store(*(paid(n) for n in range(20, 30)), session="a third one's")
    found = repeats.compare(bank.project.pk, again.job_id)
    assert found is not None
    assert (found.rows, found.seen, found.compared) == (20, 9, 13)
    told = repeats.sources(found)
    assert [one.count for one in told] == [6, 3]
    assert [one.job and one.job.pk for one in told] == [march.job_id, None]
    page = shown(bank, again.job_id)
    assert "9 of 20 transactions were here before" in page
    assert "march.csv" in page
    assert "By REST" in page


def test_another_projects_transactions_do_not_count(bank: Bank) -> None:
    block = bank.store(paid(1), session="a file's")
    mine = bank.store(paid(1), session="another's")
    ResultBlock.objects.filter(pk=block.block_id).update(project=bank.other)
    found = repeats.compare(bank.project.pk, mine.job_id)
    assert found is not None
    assert found.seen == 0


def test_comparing_again_changes_nothing(bank: Bank) -> None:
    bank.store(paid(1), session="a file's")
    block = bank.store(paid(1), paid(2), session="another's")
    for _ in range(2):
        repeats.compare(bank.project.pk, block.job_id)
    assert SeenBefore.objects.get().seen == 1


def test_it_says_how_far_it_looked_back(bank: Bank, monkeypatch: pytest.MonkeyPatch) -> None:
    bank.store(*(paid(n) for n in range(5)), session="a file's")
    bank.store(*(paid(n) for n in range(50, 60)), session="another's")
    block = bank.store(paid(1), session="a third one's")
    monkeypatch.setattr(repeats, "MOST_ROWS", 10)
    found = repeats.compare(bank.project.pk, block.job_id)
    assert found is not None
    assert (found.seen, found.compared, found.everything) == (0, 10, False)
    assert "among the 10 newest ones" in shown(bank, block.job_id)


def test_a_file_that_is_through_is_compared_and_its_page_waits_for_that(
    bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ringing, "refresh", lambda *_: "")
    bank.store(paid(1), session="a file's")
    block = bank.store(paid(1), session="another's")
    fragment = bank.url(f"bad-rows/{block.job_id}/before")
    assert "Looking whether" not in shown(bank, block.job_id)  # a call by REST
    uploaded(block.job_id, "again.csv")
    page = shown(bank, block.job_id)
    assert f'hx-get="{fragment}"' in page
    assert "Looking whether" in page
    assert ringing.after_file(block.job_id)
    told = bank.client("viewer").get(fragment).content.decode()
    assert "1 of 1 transaction was here before" in told
    assert "hx-get" not in told
    assert bank.client("stranger").get(fragment).status_code == 404
    # Of a job of last week nobody is about to look.
    SeenBefore.objects.all().delete()
    Job.objects.filter(pk=block.job_id).update(ended_at=timezone.now() - timedelta(days=7))
    assert "Looking whether" not in shown(bank, block.job_id)


def test_a_job_that_stored_nothing_has_nothing_to_compare(bank: Bank) -> None:
    block = bank.block(paid(1))
    ResultBlock.objects.filter(pk=block.block_id).delete()
    assert repeats.compare(bank.project.pk, block.job_id) is None
