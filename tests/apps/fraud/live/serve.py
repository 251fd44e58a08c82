"""Engines with fraud's live service alone, with snapshots, segments and generations cut small.

``python -m tests.apps.fraud.live.serve --socket …`` imports everything once and waits: for each
line on its input it forks an engine and tells its process id. So thirty kills cost thirty engines,
but one import.
"""

import os
import signal
import sys
from functools import partial
from typing import Any, ClassVar

import pytest

from apps.fraud.live.limits import Policy
from apps.fraud.live.service import FraudService
from loupe.engine import services
from loupe.engine.__main__ import main
from tests.apps.fraud.live.conftest import cut, wait_for_bases
from tests.apps.fraud.live.transactions import work
from tests.host.engine.tiny import app as tiny

SNAPSHOT_REQUESTS = 35


class App(tiny.App):
    """No parser, no model: requests to the service."""

    slug = "fraud"
    steps: ClassVar[Any] = tiny.App.steps[1:]
    service = "apps.fraud.live.service:FraudService"


def cut_small() -> None:
    """Several segments, generations and snapshots within a few hundred requests."""
    limits = partial(services.Limits, snapshot_requests=SNAPSHOT_REQUESTS)
    services.Limits = limits  # type: ignore[misc, assignment]
    cut(pytest.MonkeyPatch())
    wait_for_bases(pytest.MonkeyPatch())
    Policy.model_fields["base_rows"].default = 1_000
    Policy.model_rebuild(force=True)


def serve() -> None:
    """Fork an engine for each line."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for _ in sys.stdin:
        child = os.fork()
        if child == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            os._exit(main(sys.argv[1:], {App.slug: App}))
        sys.stdout.write(f"{child}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    cut_small()
    warm = FraudService()
    for request in work(12):
        warm.apply(request)
    serve()
