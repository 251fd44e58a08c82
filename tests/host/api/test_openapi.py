"""The API's own description."""

import json

import pytest
from django.test import Client


@pytest.fixture
def document(client: Client) -> dict[str, object]:
    return json.loads(client.get("/api/v1/openapi.json").content)


def test_document_is_openapi_3_1(document: dict[str, object]) -> None:
    assert document["openapi"] == "3.1.0"
