"""A stored score that is no number is told as null wherever results are read."""

import json

import numpy as np
import pytest
from django.urls import reverse

from apps.fraud.app import App
from apps.fraud.schema import ScoredTransaction
from loupe.blobs import services as blobs
from loupe.contract.runtime.columns import from_rows
from loupe.contract.runtime.errors import InputRefused
from loupe.jobs import parquet
from loupe.jobs.models import ResultBlock
from tests.apps.fraud.bank import Bank, columns_of, paid

LIST = "/api/v1/results?app=fraud&project=bank"


@pytest.fixture
def broken(bank: Bank) -> Bank:
    """A block as nobody can store it any more."""
    bank.block(paid(1), paid(2))
    columns = from_rows([paid(1), paid(2)], ScoredTransaction)
    columns["score"] = np.array([0.25, np.nan])
    decided = App.decide_columns(columns, bank.point)
    encoded = parquet.encode(ScoredTransaction, columns, decided, conforming=True)
    blob = blobs.store_bytes(encoded.data, parquet.PARQUET)
    ResultBlock.objects.update(blob=blob, outcomes=encoded.outcomes)
    return bank


def test_a_score_that_is_no_number_is_not_stored(bank: Bank) -> None:
    columns = {**columns_of(paid(1)), "score": np.array([np.nan])}
    with pytest.raises(InputRefused, match="score of row 0 is nan"):
        bank.keep(columns)
    assert not ResultBlock.objects.exists()


def test_lists_single_results_and_exports_stay_json(broken: Bank) -> None:
    client = broken.client("viewer")
    listed = client.get(LIST)
    assert listed.status_code == 200
    rows = {one["data"]["id"]: one for one in listed.json()["results"]}
    assert (rows["T-1"]["data"]["score"], rows["T-2"]["data"]["score"]) == (0.25, None)
    assert rows["T-2"]["outcome"] == "review"
    one = client.get(f"/api/v1/results/{rows['T-2']['id']}?app=fraud")
    assert (one.status_code, one.json()["data"]["score"]) == (200, None)
    lines = b"".join(client.get(f"{LIST}&format=json").streaming_content).splitlines()  # type: ignore[attr-defined]
    told = [json.loads(line, parse_constant=lambda name: pytest.fail(name)) for line in lines]
    assert {line["id"]: line["score"] for line in told} == {"T-1": 0.25, "T-2": None}


def test_the_page_of_such_a_result_opens(broken: Bank) -> None:
    found = broken.client("viewer").get(LIST).json()["results"]
    number = next(one["id"] for one in found if one["data"]["id"] == "T-2")
    page = f"{reverse('console:result', args=['bank', 'fraud', number])}"
    shown = broken.client("viewer").get(page)
    assert shown.status_code == 200
    assert "The model gave no score, so a person looks at it." in shown.content.decode()
    raw = broken.client("viewer").get(f"{page}raw.json")
    assert json.loads(raw.content, parse_constant=pytest.fail)["score"] is None
