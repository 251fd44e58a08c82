"""``python -m apps.fraud.live.base_writer SNAPSHOT NUMBER INTO``: a base of one session's features.

SNAPSHOT is the folder of a snapshot, NUMBER its session, INTO a folder that is not there yet. See
`apps.fraud.live.bases`. Ends when its standard input does: when the engine has ended. What it reads
and writes may be removed from then on, and that is no fault to tell of.
"""

import os
import select
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from apps.fraud.live import storing
from apps.fraud.live.bases import WHOLE
from apps.fraud.live.session import Room
from loupe.contract.runtime.errors import InputRefused


def main(arguments: list[str]) -> int:
    """Write the base; 0 when it is whole and on the disk, 1 when the engine ended before."""
    snapshot, number, into = arguments
    threading.Thread(target=_end_with_the_engine, daemon=True).start()
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))  # transactions go first
    try:
        write(Path(snapshot), int(number), Path(into))
    except (OSError, InputRefused):
        if _engine_has_ended():
            return 1
        raise
    return 0


def write(snapshot: Path, number: int, into: Path) -> None:
    """Write the features' state of a snapshot's session to `into`.

    Raises:
        OSError: the disk is full, or the snapshot has gone.
        InputRefused: the snapshot or its last base is damaged.
    """
    whole = storing.read_manifest(snapshot)
    with ThreadPoolExecutor(1) as worker:
        room = Room(whole.secret, worker)
        session = storing.read(whole.sessions[number], snapshot / str(number), room)
        storing.feed_features(session)
        session.state.snapshot(into)
    for path in into.iterdir():
        descriptor = os.open(path, os.O_RDONLY)
        os.fsync(descriptor)
        os.close(descriptor)
    (into / WHOLE).touch()


def _end_with_the_engine() -> None:
    select.select([0], [], [])  # nothing is ever sent, so it is the end that can be read
    os._exit(1)


def _engine_has_ended() -> bool:
    readable, _, _ = select.select([0], [], [], 0)
    return bool(readable)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
