"""What rests on locks, triggers and transactions holds on PostgreSQL as on SQLite.

Runs the same tests again in a process of their own whose DATABASE_URL names a real server.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

from tests.postgres import fresh_database

pytestmark = [pytest.mark.slow, pytest.mark.serial]
PACKAGES = ("accounts", "audit", "bulk", "changes", "delivery", "monitoring", "review", "schedules")
HERE = Path(__file__).parent


@pytest.mark.skipif(
    "postgresql" in str(settings.DATABASES["default"]["ENGINE"]),
    reason="this run is on PostgreSQL already",
)
@pytest.mark.timeout(1200)
def test_the_same_tests_pass_on_postgresql(postgres_url: str) -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "--create-db",
            "-m",
            "not slow",
            "-p",
            "no:cacheprovider",
            *(str(HERE / package) for package in PACKAGES),
        ],
        env={
            **{name: value for name, value in os.environ.items() if name != "LOUPE_VAR"},
            "DATABASE_URL": fresh_database(postgres_url, "again"),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6000:]
