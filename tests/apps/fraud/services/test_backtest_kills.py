"""A backtest whose worker is killed is finished by the next one, to the same figures."""

import json
import sqlite3
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.processes import Site

pytestmark = [pytest.mark.slow, pytest.mark.serial]

BLOCKS = 60
FILL = """
import django; django.setup()
from django.db import transaction
from loupe.accounts.models import Role
from loupe.registry.models import Stage
from loupe.testing import factories
from tests.apps.fraud.bank import Bank
from tests.apps.fraud.services import trials
made = factories.project("bank", "Bank")
engineer = factories.person("engineer", made, Role.ENGINEER)
bank = Bank(project=made, other=made, people={"engineer": engineer})
trials.version(bank, 1, Stage.PRODUCTION)
trials.version(bank, 2)
with transaction.atomic():
    for block in range(60):
        rows = trials.payments(20, block % 5, seed=block)
        rows = [row.model_copy(update={"id": f"{block}-{row.id}"}) for row in rows]
        bank.store(*rows)
        trials.label(bank, rows, seed=block)
"""
BEGIN = """
import django; django.setup()
from datetime import datetime, timedelta, UTC
from django.contrib.auth.models import User
from loupe.accounts.models import Project
from loupe.accounts.policy import Actor
from loupe.registry.models import ModelVersion
from apps.fraud.services import backtests
from tests.apps.fraud.bank import AT
start = datetime.fromtimestamp(AT / 1000, tz=UTC)
made = backtests.begin(
    Actor(user=User.objects.get(username="engineer")), Project.objects.get(slug="bank"),
    version=ModelVersion.objects.get(model__name="cards", number=2).pk, start=start,
    stop=start + timedelta(days=30),
)
print(made.pk)
"""
LOOK = """
import django; django.setup()
import json
from apps.fraud.models import Backtest
row = Backtest.objects.get(pk="{}")
print(json.dumps([row.state, row.done, row.rows, row.result, row.error]))
"""


def looked(site: Site, backtest: str) -> list[object]:
    return list(json.loads(site.python(LOOK.format(backtest))))


@pytest.mark.timeout(1500)
def test_a_killed_worker_costs_time_and_nothing_else() -> None:
    with TemporaryDirectory(prefix="loupe-bt-", dir="/tmp") as folder:
        site = Site(Path(folder), {"LOUPE_WORKERS": "1"}, probes=False)
        site.prepare()
        try:
            site.start("broker")
            site.python(FILL)
            site.start("worker")
            whole = _until_done(site, site.python(BEGIN))
            cut = site.python(BEGIN)
            killed_at = []
            for blocks in (8, 25):
                killed_at.append(_wait_for(site, cut, blocks))
                site.restart("worker")
            again = _until_done(site, cut)
            log = site.log("worker")
        finally:
            site.stop()
    assert whole[0] == "done", whole
    assert whole[2] == 1_200
    assert again[:4] == whole[:4], log[-2000:]
    assert max(killed_at) < BLOCKS, "the worker was killed while it was at it"


def _wait_for(site: Site, backtest: str, blocks: int) -> int:
    """Until so many blocks are read; returns how many were. Asks the file, which is quick."""
    until, done = time.monotonic() + 400, 0
    question = "select done from fraud_backtest where id = ?"
    with sqlite3.connect(f"file:{site.var / 'loupe.sqlite3'}?mode=ro", uri=True) as database:
        while time.monotonic() < until:
            (done,) = database.execute(question, [backtest.replace("-", "")]).fetchone()
            if done >= blocks:
                break
            time.sleep(0.01)
    return int(done)


def _until_done(site: Site, backtest: str) -> list[object]:
    until = time.monotonic() + 400
    found = looked(site, backtest)
    while found[0] not in ("done", "failed") and time.monotonic() < until:
        time.sleep(0.5)
        found = looked(site, backtest)
    return found
