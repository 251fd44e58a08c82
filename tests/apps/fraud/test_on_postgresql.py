"""Alerts, cases, labels, lists and the entity index hold on PostgreSQL too.

Runs the tests of their services and of REST again, in a process whose DATABASE_URL names a real
server: upserts, partial constraints, locks, JSON, text in another order.
"""

import os
import subprocess
import sys

import pytest
from django.conf import settings

from tests.host.jobs.stack import ROOT
from tests.postgres import fresh_database

pytestmark = [pytest.mark.slow, pytest.mark.serial]
FLOWS = ("services", "api")
# Nothing of these depends on the database, or others say the same in less time.
LEFT_OUT = (
    "queries_do_not_grow", "every_endpoint", "cannot_be", "that_no_list_can", "was_killed",
    "a_turn_ends", "kills_its_process", "how_it_died", "no_numerical_framework", "cannot_score",
    "weighed_by_labels", "files_say", "nobody_spoke_of", "period_takes", "looked_at",
)  # fmt: skip


@pytest.mark.skipif(
    "postgresql" in str(settings.DATABASES["default"]["ENGINE"]),
    reason="this run is on PostgreSQL already",
)
@pytest.mark.timeout(1200)
def test_the_desk_holds_on_postgresql(postgres_url: str) -> None:
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "--create-db", "-p", "no:cacheprovider"),
            *("-m", "not serial"),
            *("-k", " and ".join(f"not {name}" for name in LEFT_OUT)),
            *(str(ROOT / "tests" / "apps" / "fraud" / flow) for flow in FLOWS),
        ],
        env={
            **{name: value for name, value in os.environ.items() if name != "LOUPE_VAR"},
            "DATABASE_URL": fresh_database(postgres_url, "desk"),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6000:]
