"""Asks REST by key or as a person, and holds each answer against the OpenAPI document."""

import json
from functools import cache
from typing import Any

import schemathesis
from django.contrib.auth.models import User
from django.test import Client
from schemathesis.core.transport import Response

from loupe.accounts import keys
from loupe.accounts.policy import SCOPES
from loupe.host.people import SYSTEM
from tests.apps.report_gen.desk import Desk

API = "/api/v1/report_gen/"


@cache
def document() -> dict[str, Any]:
    """The OpenAPI document of the installation."""
    found: dict[str, Any] = json.loads(Client().get("/api/v1/openapi.json").content)
    return found


def check(answer: Any, operation: str) -> dict[str, Any]:
    """The JSON of an answer, which is as the document says of this operation.

    Args:
        operation: its id, e.g. ``report_gen_studies_list``.
    """
    sent: Any = None  # nothing of the request is needed to judge the answer
    headers = {"content-type": [answer.headers["Content-Type"]]}
    schemathesis.openapi.from_dict(document()).find_operation_by_id(operation).validate_response(
        Response(
            status_code=answer.status_code, headers=headers, content=answer.content, request=sent,
            elapsed=0.0, verify=False,
        )
    )  # fmt: skip
    body: dict[str, Any] = answer.json()
    return body


class Asking:
    """A client of a project."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self._secret = self.new_key(*SCOPES)

    def new_key(self, *scopes: str) -> str:
        """A key of the project."""
        return keys.create(SYSTEM, self.desk.project, "test", scopes, "never")[1]

    def get(self, path: str, **headers: Any) -> Any:
        """By the key that may do everything."""
        return Client().get(API + path, **self._headers(headers))

    def post(self, path: str, body: object, kind: str = "application/json", **headers: Any) -> Any:
        """A body as JSON, or bytes as they are."""
        data = body if isinstance(body, bytes) else json.dumps(body)
        return Client().post(API + path, data, kind, **self._headers(headers))

    def patch(self, path: str, body: object, **headers: Any) -> Any:
        """A body as JSON."""
        return Client().patch(
            API + path, json.dumps(body), "application/json", **self._headers(headers)
        )

    def form(self, path: str, fields: dict[str, Any], **headers: Any) -> Any:
        """Fields and files as a form."""
        return Client().post(API + path, fields, **self._headers(headers))

    def person(self, user: User, path: str, method: str = "GET", body: object = None) -> Any:
        """As somebody who is signed in."""
        client = Client()
        client.force_login(user)
        data = json.dumps({} if body is None else body)
        address = f"{API}{path}"
        if method == "GET":
            return client.get(address)
        return client.generic(method, address, data, "application/json")

    def _headers(self, more: dict[str, Any]) -> dict[str, Any]:
        return {"HTTP_AUTHORIZATION": f"Bearer {self._secret}", **more}
