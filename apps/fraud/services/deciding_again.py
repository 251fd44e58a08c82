"""The program that decides again, as a child: workers load no numerical framework.

See `apps.fraud.operating.__main__` for what it is asked. It ends with this process, because its
input ends then.
"""

import json
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from apps.fraud.schema import OperatingPoint
from loupe.contract.runtime.errors import InputRefused, TemporarilyUnavailable
from loupe.host.models import ModelVersion, artefact

ANSWER_S = 80.0
"""A request that takes longer has its child killed: a task of a worker stays under two minutes."""


class Program:
    """A running child."""

    def __init__(self, process: "subprocess.Popen[str]", errors: Any) -> None:
        self._process = process
        self._errors = errors

    def ask(self, op: str, **said: Any) -> dict[str, Any]:
        """The answer to one request.

        Raises:
            InputRefused: it cannot be done; nothing changed.
            TemporarilyUnavailable: the child died or took too long.
        """
        process = self._process
        if process.stdin is None or process.stdout is None:
            raise TemporarilyUnavailable("The child has no pipes.", code="deciding_failed")
        late = threading.Timer(ANSWER_S, process.kill)
        late.start()
        try:
            process.stdin.write(json.dumps({"op": op, **said}) + "\n")
            process.stdin.flush()
            line = process.stdout.readline()
        except OSError:
            line = ""
        finally:
            late.cancel()
        if not line:
            process.wait()
            self._errors.seek(0)
            last = (self._errors.read().strip().splitlines() or ["no message"])[-1]
            raise TemporarilyUnavailable(
                f"Deciding again ended with status {process.returncode} at {op}: {last[:500]}",
                code="deciding_failed",
            )
        told: dict[str, Any] = json.loads(line)
        if refused := told.get("refused"):
            raise InputRefused(str(refused["message"]), code=str(refused["code"]))
        return told


@contextmanager
def deciding(version: ModelVersion, point: OperatingPoint) -> Iterator[Program]:
    """A child that decides by `version`, which comes with its model, and `point`.

    Raises:
        InputRefused: the version's artefact cannot be used.
        TemporarilyUnavailable: the child does not start.
    """
    with started() as program:
        program.ask(
            "begin",
            artefact=str(artefact(version)),
            version=version.pk,
            point=point.model_dump(mode="json"),
        )
        yield program


@contextmanager
def started() -> Iterator[Program]:
    """A child that knows of no model yet.

    Raises:
        TemporarilyUnavailable: it does not start.
    """
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "apps.fraud.operating"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            encoding="utf-8",
        )
        try:
            yield Program(process, errors)
        finally:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    with suppress(BrokenPipeError):  # of a request that it died before reading
                        pipe.close()
