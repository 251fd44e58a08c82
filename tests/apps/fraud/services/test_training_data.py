"""What a project's models learn from: its own labelled log, or a table that was uploaded."""

import json

import pytest

from apps.fraud.services import training_data
from apps.fraud.services.labels import Said, give
from loupe.blobs import services as blobs
from loupe.contract.runtime.errors import InputRefused
from loupe.intake.models import Channel, Input, Submission
from tests.apps.fraud.bank import Bank, paid


def uploaded(bank: Bank, name: str = "last quarter.csv", **facts: str) -> Input:
    """A table as people send it."""
    sent = Submission.objects.create(
        project=bank.project, app="fraud", channel=Channel.WEB, facts=facts
    )
    blob = blobs.store_bytes(f"id,amount\n{name},1\n".encode(), "text/csv")
    return Input.objects.create(submission=sent, name=name, kind="table", blob=blob)


def test_the_log_is_its_blocks_by_hash_and_the_labels_that_stand(bank: Bank) -> None:
    first, second = bank.block(paid(1), paid(2)), bank.block(paid(3))
    give(
        bank.actor(), bank.project,
        [Said(transaction="T-1", label="fraud"), Said(transaction="T-3", label="unknown")],
        source="analyst",
    )  # fmt: skip
    found = training_data.gather(bank.project.pk, "log")
    assert [one.name for one in found.files] == [
        f"blocks/{first.block_id:012d}.parquet",
        f"blocks/{second.block_id:012d}.parquet",
        "labels.jsonl",
    ]
    assert all(len(one.stored) == 64 for one in found.files[:2])
    ((name, label, known),) = map(json.loads, found.files[2].content.decode().splitlines())
    assert (name, label) == ("T-1", 1)
    assert known > 1_700_000_000_000
    assert found.counts == {"rows": 3, "labels": 1}


def test_a_log_that_nobody_labelled_is_refused_and_says_what_is_missing(bank: Bank) -> None:
    bank.block(paid(1))
    with pytest.raises(InputRefused, match="1 stored blocks of transactions and 0 labels"):
        training_data.gather(bank.project.pk, "log")


def test_uploaded_tables_are_offered_newest_first_and_gathered_with_their_mapping(
    bank: Bank,
) -> None:
    old, new = uploaded(bank, "old.csv"), uploaded(bank, "new.csv")
    sync = uploaded(bank, "rows")
    Submission.objects.filter(pk=sync.submission_id).update(channel=Channel.SYNC)
    keys = [key for key, _words in training_data.sources(bank.project.pk)]
    assert keys == ["log", f"upload-{new.pk}", f"upload-{old.pk}"]
    found = training_data.gather(bank.project.pk, f"upload-{new.pk}")
    assert [(one.name, one.stored) for one in found.files] == [("tables/new.csv", new.blob_id)]
    assert "scheme" in found.about
    assert "start" not in found.about


def test_a_table_brings_the_start_that_it_was_sent_with(bank: Bank) -> None:
    sent = uploaded(bank, "paysim.csv")
    facts = {"start": "hours since 2026-01-01"}
    Submission.objects.filter(pk=sent.submission_id).update(facts=facts)
    found = training_data.gather(bank.project.pk, f"upload-{sent.pk}")
    assert found.about["start"] == "hours since 2026-01-01"


def test_another_projects_table_is_none_of_this_one(bank: Bank) -> None:
    theirs = uploaded(bank)
    Submission.objects.filter(pk=theirs.submission_id).update(project=bank.other)
    with pytest.raises(InputRefused, match="none of this project's"):
        training_data.gather(bank.project.pk, f"upload-{theirs.pk}")
