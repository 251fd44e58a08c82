"""Batches that an app reads whole, answered by live state and the model behind it."""

import json
import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import pyarrow as pa
import pytest

from tests.host.api.server import http, new_key
from tests.processes import Site

pytestmark = [pytest.mark.slow, pytest.mark.serial]

JUDGE = "/api/v1/chained_probe/judge"
ARROW = "application/vnd.apache.arrow.stream"
NDJSON = "application/x-ndjson"


@pytest.fixture(scope="module")
def client(site: Site) -> Iterator[httpx.Client]:
    with http(site, new_key(site, "batches")) as found:
        yield found


def purchases(*cents: int, account: str | None = None) -> list[dict[str, Any]]:
    """Purchases of one account, of a new one unless it is named."""
    name = account or uuid.uuid4().hex
    return [
        {"id": f"p{n}", "account": name, "cents": amount, "places": {"shop": "s"} if n else {}}
        for n, amount in enumerate(cents)
    ]


def streamed(rows: list[dict[str, Any]]) -> bytes:
    table = pa.Table.from_pylist(rows)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    body: bytes = sink.getvalue().to_pybytes()
    return body


def test_rows_come_back_with_dictionaries_scores_and_reasons(client: httpx.Client) -> None:
    answer = client.post(JUDGE, json=purchases(9, 1)).raise_for_status().json()
    first, second = answer["rows"]
    assert first["data"]["places"] == {}
    assert first["data"]["features"] == {"share": 1.0}
    assert second["data"]["places"] == {"shop": "s"}
    assert second["data"]["features"]["before"] == 9.0
    assert (first["data"]["score"], first["decision"]["outcome"]) == (0.5, "stop")
    assert [reason["code"] for reason in first["decision"]["reasons"]] == ["unusual"]
    assert (second["decision"]["outcome"], second["decision"]["reasons"]) == ("pass", [])
    assert answer["model"]["name"] == "shares"
    assert {"decode", "state", "queue", "score", "decide", "store", "total"} <= set(
        answer["times_ms"]
    )


def test_every_form_of_a_batch_is_answered_alike(client: httpx.Client) -> None:
    bodies: list[tuple[str, Any]] = [
        ("application/json", lambda rows: json.dumps(rows).encode()),
        (NDJSON, lambda rows: "\n".join(map(json.dumps, rows)).encode()),
        (ARROW, streamed),
    ]
    found = []
    for media_type, form in bodies:
        answer = client.post(
            JUDGE,
            content=form(purchases(4, 1, 5)),
            headers={"Content-Type": media_type, "Accept": "application/json"},
        )
        found.append([row["data"]["score"] for row in answer.raise_for_status().json()["rows"]])
    assert found == [pytest.approx([0.5, 0.2, 0.5])] * 3


def test_arrow_answers_have_a_column_for_each_key_and_the_reasons_beside_them(
    client: httpx.Client,
) -> None:
    sent = {"Content-Type": ARROW, "Accept": ARROW}
    answer = client.post(JUDGE, content=streamed(purchases(9, 1)), headers=sent)
    with pa.ipc.open_stream(answer.raise_for_status().content) as reader:
        table = reader.read_all()
    assert table["places.shop"].to_pylist() == ["", "s"]
    assert table["features.share"].type == pa.float32()
    np.testing.assert_array_equal(table["features.before"].to_numpy(), [np.nan, 9.0])
    told = json.loads(table.schema.metadata[b"loupe"])
    assert [reason["code"] for reason in told["reasons"]["0"]] == ["unusual"]


@pytest.mark.parametrize("accept", ["application/json", ARROW])
def test_a_repeat_gets_the_first_answer(client: httpx.Client, accept: str) -> None:
    sent = {"Idempotency-Key": uuid.uuid4().hex, "Accept": accept}
    rows = purchases(9, 1)
    first = client.post(JUDGE, json=rows, headers=sent).raise_for_status()
    again = client.post(JUDGE, json=rows, headers=sent).raise_for_status()
    assert again.headers["Idempotency-Replayed"] == "true"
    if accept == ARROW:
        tables = [pa.ipc.open_stream(one.content).read_all() for one in (first, again)]
        assert tables[0].schema == tables[1].schema
        assert str(tables[0].to_pydict()) == str(tables[1].to_pydict())  # nan is not itself
        return
    assert first.json()["rows"] == again.json()["rows"]


@pytest.mark.parametrize(
    ("rows", "code", "words"),
    [
        ([{"id": "1", "account": "a", "cents": -1}], "bad_row", "Row 0, cents: -1"),
        ([{"id": "1", "account": "refused", "cents": 1}], "account_refused", "no purchases"),
        ([], "body_empty", "at least one row"),
        (purchases(1) * 10_001, "too_many_rows", "10,001 rows came"),
    ],
    ids=["bad row", "refused by the service", "none", "too many"],
)
def test_what_cannot_be_used_is_refused_in_a_sentence(
    client: httpx.Client, rows: list[dict[str, Any]], code: str, words: str
) -> None:
    answer = client.post(JUDGE, json=rows)
    assert 400 <= answer.status_code < 500
    assert answer.json()["code"] == code
    assert words in answer.json()["detail"]


def test_the_app_hears_of_blocks_of_calls_before_they_are_answered(
    site: Site, client: httpx.Client
) -> None:
    account = uuid.uuid4().hex
    client.post(JUDGE, json=purchases(9, 1, account=account)).raise_for_status()
    found = site.python(
        "import django, json; django.setup()\n"
        "from chained_probe.models import Alert\n"
        f"rows = Alert.objects.filter(account={account!r})\n"
        "print(json.dumps([[row.session, row.result_id & 0xFFFFF] for row in rows]))"
    )
    assert json.loads(found) == [["live", 0]]


def test_a_call_the_app_will_not_hear_of_leaves_nothing(client: httpx.Client) -> None:
    path = "/api/v1/results?app=chained_probe"
    before = len(client.get(path).raise_for_status().json()["results"])
    answer = client.post(JUDGE, json=purchases(9, account="unheard"))
    assert (answer.status_code, answer.json()["code"]) == (422, "unheard")
    assert len(client.get(path).json()["results"]) == before


def test_results_of_rows_are_found_again_with_their_dictionaries(client: httpx.Client) -> None:
    client.post(JUDGE, json=purchases(9, 1)).raise_for_status()
    newest = client.get("/api/v1/results?app=chained_probe").json()["results"][0]
    assert newest["data"]["places"] == {"shop": "s"}
    one = client.get(f"/api/v1/results/{newest['id']}", params={"app": "chained_probe"}).json()
    assert one["data"] == newest["data"]
    assert one["decision"]["reasons"]


def test_the_documentation_shows_example_rows(client: httpx.Client) -> None:
    document = client.get("/api/v1/openapi.json").json()
    body = document["paths"][JUDGE]["post"]["requestBody"]["content"]["application/json"]
    assert body["schema"]["examples"][0][0]["account"] == "a"
