"""The API's own description."""

import json
from typing import Any

import pytest
from django.test import Client
from pydantic import BaseModel

from loupe.api.shapes.base import Order, Shape


@pytest.fixture
def document(client: Client) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(client.get("/api/v1/openapi.json").content)
    return found


def operations(document: dict[str, Any]) -> list[dict[str, Any]]:
    """The host's operations; the probe's own route is the probe's to describe."""
    return [
        operation
        for path, several in document["paths"].items()
        for operation in several.values()
        if path != "/api/v1/dummy_app/ping"
    ]


def test_document_is_openapi_3_1_with_both_ways_to_authenticate(document: dict[str, Any]) -> None:
    assert document["openapi"] == "3.1.0"
    assert set(document["components"]["securitySchemes"]) == {"apiKey", "session"}


def test_every_operation_is_named_once_and_described(document: dict[str, Any]) -> None:
    found = operations(document)
    names = [operation["operationId"] for operation in found]
    assert len(set(names)) == len(names) >= 30
    assert [each["operationId"] for each in found if not each.get("description")] == []


def test_every_operation_tells_how_it_refuses(document: dict[str, Any]) -> None:
    for operation in operations(document):
        for status in ("4XX", "5XX"):
            content = operation["responses"][status]["content"]
            assert list(content) == ["application/problem+json"], operation["operationId"]


def test_shapes_people_meet_first_have_examples(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    for name in ("ProblemDocument", "FileAnswer"):
        assert schemas[name]["examples"], name


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    text = json.dumps(document)
    for part in text.split('"$ref": "')[1:]:
        name = part.partition('"')[0].removeprefix("#/components/schemas/")
        assert name in document["components"]["schemas"], name


def test_every_shape_is_described_as_itself(document: dict[str, Any]) -> None:
    """The document keeps shapes by name: of two alike, one would be described as the other."""
    described = document["components"]["schemas"]
    wrong = set()
    for shape in _below(Shape) | _below(Order):
        if not shape.__module__.startswith(("loupe.", "apps.")) or shape.__name__ not in described:
            continue
        schema = shape.model_json_schema()
        for name, each in {**schema.pop("$defs", {}), shape.__name__: schema}.items():
            if set(each.get("properties", ())) != set(described[name].get("properties", ())):
                wrong.add((f"{shape.__module__}.{shape.__name__}", name))
    assert wrong == set()


def _below(kind: type[BaseModel]) -> set[type[BaseModel]]:
    direct = set(kind.__subclasses__())
    return direct.union(*(_below(each) for each in direct))


def test_streams_of_rows_are_there_and_take_keys_alone(document: dict[str, Any]) -> None:
    stream = document["paths"]["/api/v1/fraud/score/stream"]["post"]
    assert stream["operationId"] == "fraud_score_stream"
    assert set(stream["requestBody"]["content"]) == {
        "application/x-ndjson",
        "application/vnd.apache.arrow.stream",
    }
    assert stream["security"] == [{"apiKey": []}]
    assert "Idempotency-Key" not in [one["name"] for one in stream["parameters"]]
    assert "deadline_ms" in [one["name"] for one in stream["parameters"]]
