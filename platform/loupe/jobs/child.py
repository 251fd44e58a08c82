"""The child of the attendant: ``python -m loupe.jobs.child REPORT_FD LIFE_FD < request``.

Runs one app's `LongWork` on one file, without Django. The request is one JSON line on standard
input; a later line ``cancel`` asks the work to stop. Reports are JSON lines on REPORT_FD. The
kernel kills this process when the other end of LIFE_FD closes: when the attendant dies.
"""

import json
import os
import sys
import traceback
from pathlib import Path
from typing import Any

import numpy as np

from loupe.contract.runtime.errors import Cancelled, LoupeError, TemporarilyUnavailable
from loupe.contract.runtime.payload import Payload
from loupe.contract.runtime.reporting import PipeReporter
from loupe.contract.runtime.steps import load
from loupe.contract.runtime.urgency import NICE
from loupe.sandbox import isolation


def main(argv: list[str]) -> int:
    """Do the work; the exit status is 0 whenever the outcome was reported."""
    report, life = int(argv[0]), int(argv[1])
    isolation.die_with_parent(life)
    isolation.no_network()
    isolation.harden()
    os.nice(NICE)  # minutes of work take what the engine's line leaves over
    commands = sys.stdin.fileno()
    request = json.loads(_line(commands))
    reporter = PipeReporter(report, commands)
    scratch = Path(request["scratch"])
    try:
        payload = load(request["run"])(Path(request["path"]), request["options"], scratch, reporter)
        reporter.send({"done": True, **_written(payload, scratch)})
    except Cancelled:
        reporter.send({"cancelled": True})
    except TemporarilyUnavailable as error:
        reporter.send({"postponed": True, "code": error.code, "message": error.message})
    except LoupeError as error:
        reporter.send({"refused": True, "code": error.code, "message": error.message})
    except Exception as error:
        # The border to an app's code: its bug is this item's failure, told with its name.
        traceback.print_exc()
        reporter.send({"broken": f"{type(error).__name__}: {error}"})
    return 0


def _line(commands: int) -> bytes:
    """The request. Read byte by byte so that nothing after it is swallowed."""
    line = bytearray()
    while not line.endswith(b"\n"):
        byte = os.read(commands, 1)
        if not byte:
            raise EOFError("The attendant sent no request.")
        line += byte
    return bytes(line)


def _written(payload: Payload, scratch: Path) -> dict[str, Any]:
    """Leave the payload's arrays in `scratch`; they may be too large for a pipe."""
    files = {}
    for number, (name, array) in enumerate(payload.arrays.items()):
        files[name] = f"payload-{number}.npy"
        np.save(scratch / files[name], array, allow_pickle=False)
    return {"meta": dict(payload.meta), "arrays": files}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
