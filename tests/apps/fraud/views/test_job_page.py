"""The page of an upload says what its transactions came to, and what to do next."""

from django.urls import reverse

from loupe.jobs.models import Item, ItemState, Job
from tests.apps.fraud.bank import Bank, paid


def shown(bank: Bank, job: object) -> str:
    address = reverse("console:job", args=[bank.project.slug, job])
    return bank.client("viewer").get(address).content.decode()


def test_a_file_that_is_through_tells_its_outcomes(bank: Bank) -> None:
    rows = [paid(number, f"C-{number}", score=0.1) for number in range(3)]
    block = bank.store(*rows, paid(9, "C-9", score=0.95), session="a file's")
    page = shown(bank, block.job_id)
    assert '<dt>Approve</dt><dd class="number">3</dd>' in page
    assert '<dt>Review</dt><dd class="number">1</dd>' in page
    assert "<dt>Block</dt>" not in page
    assert "Open the alerts" in page
    assert "Say what the columns mean" not in page


def test_a_file_whose_columns_nobody_knows_leads_to_the_mapping(bank: Bank) -> None:
    job = bank.block(paid(1)).job_id
    Item.objects.filter(job=job).update(state=ItemState.FAILED, error_code="mapping_missing")
    Job.objects.filter(pk=job).update(state="done")
    page = shown(bank, job)
    assert reverse("fraud:mapping", args=[bank.project.slug]) in page
    assert "Say what the columns mean" in page
