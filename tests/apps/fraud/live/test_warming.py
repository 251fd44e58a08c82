"""A service that has begun compiles nothing more at its first requests."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[4]
PROGRAM = """
import sys
from numba.core.dispatcher import Dispatcher
from apps.fraud.live import bloom, encoding, hashing, incoming, known_ids
from apps.fraud.live.service import FraudService
from tests.apps.fraud.live.transactions import batch, rows

def forms():
    modules = (bloom, encoding, hashing, incoming, known_ids)
    return {
        f"{module.__name__}.{name}": len(one.overloads)
        for module in modules
        for name, one in vars(module).items()
        if isinstance(one, Dispatcher) and not one.targetoptions.get("forceinline")
    }

live = FraudService()
before = forms()
for number in (0, 1, 2, 1):
    live.apply(rows(batch(number)))
after = forms()
sys.stdout.write(repr((len(after) > 8, [name for name in after if after[name] != before[name]])))
"""


def test_nothing_of_the_live_service_is_compiled_at_a_request() -> None:
    told = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=ROOT, capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'platform'}"},
    )  # fmt: skip
    assert told.stdout == "(True, [])", told.stderr
