"""Whoever writes a program finds the scope of each call in the OpenAPI document and the page."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from loupe.accounts.policy import SCOPES, Action
from loupe.api.scoped_schema import sentence

DOCS = Path(__file__).resolve().parents[3] / "docs" / "api.md"


@pytest.fixture
def described(client: Client) -> dict[str, str]:
    """By operation, what the document says of it."""
    document: dict[str, Any] = json.loads(client.get("/api/v1/openapi.json").content)
    return {
        operation["operationId"]: operation.get("description", "")
        for several in document["paths"].values()
        for operation in several.values()
    }


def test_an_operation_tells_its_scope_after_what_it_does(described: dict[str, str]) -> None:
    assert described["jobs_cancel"].startswith("Cancel a job")
    assert described["jobs_cancel"].endswith("\n\nA key needs the scope `cancel`.")


def test_every_scope_that_is_told_can_be_given(described: dict[str, str]) -> None:
    told = re.findall(r"A key needs the scope (.*)\.$", "\n".join(described.values()), re.MULTILINE)
    assert len(told) >= 50
    assert set(re.findall(r"`(\w+)`", " ".join(told))) <= SCOPES


def test_of_several_scopes_any_is_named_and_what_is_for_people_says_so() -> None:
    both = (Action.MANAGE_CASES, Action.MANAGE_MODELS)
    assert sentence(both) == "A key needs the scope `manage_cases` or `manage_models`."
    assert sentence((Action.REVIEW,)) == "For people only: no scope opens it to a key."


def test_the_page_lists_every_scope() -> None:
    (listed,) = re.findall(r"has scopes \(([^)]*)\)", DOCS.read_text())
    assert set(re.findall(r"`(\w+)`", listed)) == SCOPES
