"""Labels that come with a file are labels with their time; rows it could not use are kept."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from apps.fraud.assembling import assemble
from apps.fraud.models import BadRows, TransactionLabel
from apps.fraud.schema import ScoredTransaction
from apps.fraud.services import bad_rows, labels
from apps.fraud.services.following import on_blocks
from apps.fraud.services.labels import Said
from apps.fraud.tables.parsing import parse
from loupe.contract.blocks import StoredBlock
from loupe.contract.runtime.columns import conformed
from loupe.contract.runtime.payload import JsonValue, Payload
from tests.apps.fraud.bank import AT, Bank, paid

KNOWN = AT + 7 * 86_400_000
FILE = """transaction_id,time,amount,currency,customer_id,is_fraud,label_time
T-1,2026-03-03T12:00:00Z,12.50,EUR,C-1,1,2026-03-09T10:00:00Z
T-2,2026-03-03T12:01:00Z,-5,EUR,C-2,0,2026-03-09T10:00:00Z
T-3,2026-03-03T12:02:00Z,9.99,EUR,C-3,0,2026-03-10T10:00:00Z
T-4,2026-03-03T12:03:00Z,=1+1,EUR,C-4,0,2026-03-10T10:00:00Z
T-5,2026-03-03T12:04:00Z,3.00,EUR,C-5,,
"""
MAPPING: dict[str, JsonValue] = {
    "id": "transaction_id",
    "time": {"column": "time", "format": "iso", "timezone": "UTC"},
    "amount": "amount",
    "currency": "currency",
    "label": "is_fraud",
    "label_time": {"column": "label_time", "format": "iso", "timezone": "UTC"},
    "entities": {"customer": "customer_id"},
}


def standing(bank: Bank) -> dict[str, tuple[str, datetime, str]]:
    rows = TransactionLabel.objects.filter(project=bank.project, standing=True)
    return {row.transaction: (row.label, row.known_at, row.source) for row in rows}


def test_they_stand_with_the_time_they_were_known(bank: Bank) -> None:
    known = datetime.fromtimestamp(KNOWN / 1000, tz=UTC)
    rows = [
        paid(1, label=1, label_known_at=KNOWN),
        paid(2, label=0, label_known_at=KNOWN),
        paid(3),
        paid(4, label=1, label_known_at=KNOWN, refused="amount_range"),
        paid(5, label=1, label_known_at=KNOWN, repeated=True),
    ]
    bank.store(*rows, session="job")
    expected = {"T-1": ("fraud", known, "file"), "T-2": ("honest", known, "file")}
    assert standing(bank) == expected
    bank.store(*rows, session="job")
    assert standing(bank) == expected
    assert TransactionLabel.objects.count() == 2
    # A file's transactions are none of live state's.
    assert bank.told == []


def test_a_label_that_would_become_known_later_is_known_now(bank: Bank) -> None:
    bank.store(paid(1, label=1, label_known_at=AT + 10**13), session="job")
    assert standing(bank)["T-1"][1] <= datetime.now(tz=UTC)


def test_a_later_word_of_an_analyst_outweighs_the_files(bank: Bank) -> None:
    bank.store(paid(1, label=1, label_known_at=KNOWN), session="job")
    labels.give(bank.actor(), bank.project, [Said(transaction="T-1", label="honest")],
                source="analyst")  # fmt: skip
    bank.store(paid(1, label=1, label_known_at=KNOWN), session="job again")
    assert standing(bank)["T-1"][0] == "honest"


def test_labels_pass_from_the_service_to_the_results() -> None:
    arrays = {
        name: np.array([value])
        for name, value in paid(1).model_dump().items()
        if not isinstance(value, dict) and name not in ("label", "label_known_at")
    }
    without = assemble(Payload(arrays=arrays))
    told = assemble(
        Payload(arrays={**arrays, "label": np.array([1]), "label_known_at": np.array([KNOWN])})
    )
    assert (without["label"].tolist(), told["label"].tolist()) == ([-1], [1])
    assert conformed(told, ScoredTransaction)["label_known_at"].tolist() == [KNOWN]


def stored(bank: Bank, tmp_path: Path) -> StoredBlock:
    """A block of the file's good rows, with what reading it said."""
    file = tmp_path / "rows.csv"
    file.write_text(FILE, encoding="utf-8")
    parsed = parse(file, {"context": {"mapping": MAPPING}})
    block = bank.block(*(paid(int(name[2:])) for name in parsed.arrays["id"].tolist()))
    return replace(block, session="job", input_name="=rows.csv", parsed=parsed.meta)


def test_bad_rows_are_kept_with_line_field_and_reason(bank: Bank, tmp_path: Path) -> None:
    block = stored(bank, tmp_path)
    on_blocks([block])
    on_blocks([block])
    assert BadRows.objects.count() == 1
    assert bad_rows.of_job(block.job_id) == 2
    found = list(bad_rows.listed(bank.project, block.job_id))
    assert [(one["line"], one["field"], one["value"], one["code"]) for one in found] == [
        (3, "amount", "-5", "amount_negative"),
        (5, "amount", "=1+1", "amount_not_a_number"),
    ]
    summary = bad_rows.summary(bank.actor("viewer"), bank.project, block.job_id)
    assert (summary.read, summary.bad) == (5, 2)


def test_they_are_downloaded_without_a_formula(bank: Bank, tmp_path: Path) -> None:
    block = stored(bank, tmp_path)
    on_blocks([block])
    url = bank.url(f"bad-rows/{block.job_id}/csv")
    answer = bank.client("viewer").get(url)
    text = b"".join(answer.streaming_content).decode("utf-8-sig")  # type: ignore[attr-defined]
    assert "'=rows.csv,5,amount,'=1+1,amount_not_a_number," in text
    assert "金额" in text
    assert bank.client("stranger").get(url).status_code == 404
