"""Behind a TLS proxy: what must be given, and what stays reachable for probes."""

import os
import subprocess
import sys

SCRIPT = """
import django; django.setup()
from django.test import Client
client = Client()
print(client.get("/healthz", headers={"host": "127.0.0.1"}).status_code)
print(client.get("/", headers={"host": "loupe.example"}).headers["Location"])
print(client.get("/healthz", headers={"host": "evil.example"}).status_code)
"""


def run(**variables: str) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "loupe.settings.prod", **variables}
    return subprocess.run(
        [sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True, check=False
    )


def test_probes_are_answered_over_plain_http_and_people_sent_to_https() -> None:
    done = run(LOUPE_SECRET_KEY="x" * 50, LOUPE_HOSTS="loupe.example")
    assert done.stdout.split() == ["200", "https://loupe.example/", "400"], done.stderr


def test_the_start_stops_without_a_secret_or_hosts() -> None:
    assert "LOUPE_SECRET_KEY" in run(LOUPE_HOSTS="loupe.example").stderr
    assert "Set LOUPE_HOSTS" in run(LOUPE_SECRET_KEY="x" * 50, LOUPE_HOSTS="").stderr
