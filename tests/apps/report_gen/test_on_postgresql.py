"""Reports hold on PostgreSQL too.

Runs tests again in a process whose DATABASE_URL names a real server: the triggers that hold
versions, what people and workers do at the same moment, claims, newer drafts, sending back.
"""

import os
import subprocess
import sys

import pytest
from django.conf import settings

from tests.host.jobs.stack import ROOT
from tests.postgres import fresh_database

pytestmark = [pytest.mark.slow, pytest.mark.serial]
REPORTING = "tests/apps/report_gen/services/reporting"
SIGNING = f"{REPORTING}/test_signing.py"
RETURNING = f"{REPORTING}/test_sending_back.py"
TRIGGERS = f"{SIGNING}::test_the_database_itself_refuses_to_change_or_delete_a_version"
AGAIN = (
    TRIGGERS,
    f"{SIGNING}::test_an_amendment_is_a_new_version_with_a_reason",
    f"{SIGNING}::test_two_people_never_overwrite_one_another",
    f"{REPORTING}/test_at_once.py",
    f"{REPORTING}/test_newer.py",
    f"{REPORTING}/test_worklist.py",
    f"{RETURNING}::test_nothing_is_lost_between_the_signature_and_its_message",
    f"{RETURNING}::test_a_worker_that_is_killed_keeps_nobody_from_sending_it_later",
    f"{RETURNING}::test_an_amendment_goes_back_after_what_it_amends",
    "tests/apps/report_gen/dicom/test_outbox.py",
)


@pytest.mark.skipif(
    "postgresql" in str(settings.DATABASES["default"]["ENGINE"]),
    reason="this run is on PostgreSQL already",
)
@pytest.mark.timeout(1200)
def test_a_reports_life_holds_on_postgresql_and_its_versions_never_change(
    postgres_url: str,
) -> None:
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "--create-db", "-p", "no:cacheprovider"),
            *("-rA", "--show-capture=no", *AGAIN),
        ],
        env={
            **{name: value for name, value in os.environ.items() if name != "LOUPE_VAR"},
            "DATABASE_URL": fresh_database(postgres_url, "reports"),
        },
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=270,
    )
    assert done.returncode == 0, done.stdout[-6000:]
    # The triggers themselves were asked there, for UPDATE and for DELETE.
    assert done.stdout.count(f"PASSED {TRIGGERS}") == 2
