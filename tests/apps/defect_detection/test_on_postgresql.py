"""Datasets, trainings, promotions, parts, points, sources and uploads hold on PostgreSQL too.

Runs the tests of their services and of REST again, in a process whose DATABASE_URL names a real
server: locks that SQLite does not have, violations inside transactions, JSON, text and order.
"""

import os
import subprocess
import sys

import pytest
from django.conf import settings

from tests.host.jobs.stack import ROOT
from tests.postgres import fresh_database

pytestmark = [pytest.mark.slow, pytest.mark.serial]
FLOWS = (
    "host/annotation/test_correcting.py",
    "host/datasets/test_corrections.py",
    "host/datasets/test_labelling.py",
    "host/datasets/test_races.py",
    "host/datasets/test_versions.py",
    "host/sources/test_services.py",
    "host/training/test_promotion.py",
    "host/training/test_trainer.py",
    "host/uploads/test_parts.py",
    "apps/defect_detection/parts/test_joining.py",
    "apps/defect_detection/parts/test_rest.py",
    "apps/defect_detection/points/test_rest.py",
    "apps/defect_detection/similar/test_searching.py",
)
# Nothing of these depends on the database, or others say the same in less time.
LEFT_OUT = (
    "costs_the_same", "large_dataset", "queries_do_not_grow", "every_endpoint", "computed_in_full",
    "killed", "dies_over", "goes_wrong", "same_seed", "disk",
    "cancel", "listen", "vanished", "silent_child", "stopped", "take_turns", "somebody_else_trains",
    "keeps_no_keys", "swept", "history", "printed", "starts_from", "measured_on_the_new",
)  # fmt: skip


@pytest.mark.skipif(
    "postgresql" in str(settings.DATABASES["default"]["ENGINE"]),
    reason="this run is on PostgreSQL already",
)
@pytest.mark.timeout(1200)
def test_the_main_flows_pass_on_postgresql(postgres_url: str) -> None:
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "--create-db", "-p", "no:cacheprovider"),
            *("-k", " and ".join(f"not {name}" for name in LEFT_OUT)),
            *(str(ROOT / "tests" / flow) for flow in FLOWS),
        ],
        env={
            **{name: value for name, value in os.environ.items() if name != "LOUPE_VAR"},
            "DATABASE_URL": fresh_database(postgres_url, "flows"),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6000:]
