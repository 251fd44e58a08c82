"""Loops are compiled before the first request, so that none waits for a compiler."""

import json
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path

import numpy as np

from apps.fraud.events import FEATURE
from apps.fraud.explaining.asking import EXPLAIN_FROM
from apps.fraud.explaining.runner import ExplainingRunner
from apps.fraud.features import warming
from apps.fraud.features.hashing import SECRET_BYTES
from apps.fraud.live.known_ids import Frozen, Sealed
from apps.fraud.live.limits import Policy
from apps.fraud.live.segments import Segment
from apps.fraud.live.session import LIVE, Room, Secret, Session
from apps.fraud.scheme import CARD_PAYMENTS
from loupe.contract.runtime.clock import StageClock
from loupe.contract.runtime.payload import Payload

MOMENT = 1_700_000_000_000
SHIPPED = Path(__file__).parent.parent / "models_shipped" / "payments"


@lru_cache(maxsize=1)
def warm() -> None:
    """Run everything once, in a session that is thrown away; once in a process is enough."""
    warming.warm(CARD_PAYMENTS)
    with ThreadPoolExecutor(1) as worker:
        room = Room(Secret((0, 0), bytes(SECRET_BYTES)), worker)
        session = Session("", LIVE, CARD_PAYMENTS, Policy(), room)
        told = session.rows(
            {
                "id": np.arange(warming.ROWS).astype(np.str_),
                "event_time": np.full(warming.ROWS, MOMENT),
                "amount": np.ones(warming.ROWS, np.int64),
                "entity.customer": np.arange(warming.ROWS).astype(np.str_),
            }
        )
        table = np.ones((2, 5), np.uint64)
        Frozen.of(table, None).look(table[:, 0].copy(), table[:, 1].copy())
        Sealed(table).look(table[:, 0].copy(), table[:, 1].copy())
        still = session.log.still()
        for _, rows in still.stretches:
            if not isinstance(rows, Segment):
                Segment.fresh(0, rows.parts, room.secret.key, None)
        session.rows(told)
    _warm_model()


def _warm_model() -> None:
    """Trees and their reasons are compiled with the shipped model, whichever is used later."""
    manifest = json.loads((SHIPPED / "manifest.json").read_text())
    runner = ExplainingRunner(SHIPPED, manifest)
    row = {FEATURE + name: np.zeros(2, np.float32) for name in manifest["features"]}
    asked = {"id": np.array(["a", "b"]), **row}
    runner.infer([Payload(arrays=asked, meta={EXPLAIN_FROM: 0.0})], StageClock())
    runner.close()
