"""Runs inside an installation: makes calls through Django's test client, which knows only the
long way, and prints what came back as JSON. Cases come as JSON on standard input."""

import base64
import json
import sys

import django

django.setup()

# ruff: noqa: E402
from django.test import Client


def main() -> None:
    """Answer every case in order."""
    client = Client(headers={"Host": "127.0.0.1"})
    answers = []
    for case in json.load(sys.stdin):
        response = client.generic(
            "POST",
            case["path"],
            base64.b64decode(case["body"]),
            content_type=case["headers"].get("Content-Type", ""),
            headers=case["headers"],
        )
        body = json.loads(response.content)
        answers.append(
            [response.status_code, response["Content-Type"], body, dict(response.items())]
        )
    sys.stdout.write("\n" + json.dumps(answers) + "\n")


main()
