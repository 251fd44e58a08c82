"""The search for rings in a child process: a worker loads no numerical framework."""

import json
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from apps.fraud.rings.told import Ring
from apps.fraud.scheme import Scheme
from loupe.contract.runtime.columns import Columns
from loupe.contract.runtime.errors import TemporarilyUnavailable

LIMIT_S = 110.0
"""A task of a worker stays under two minutes."""


def search(columns: Columns, scheme: Scheme) -> list[Ring]:
    """The rings of transactions, as columns of `apps.fraud.events`.

    Raises:
        TemporarilyUnavailable: it took too long, or the child died.
    """
    with TemporaryDirectory(prefix="loupe-rings-") as folder:
        table, declared, out = (Path(folder) / name for name in ("in.npz", "scheme", "out"))
        with table.open("wb") as file:
            np.savez(
                file, allow_pickle=False, **{name: np.asarray(columns[name]) for name in columns}
            )
        declared.write_text(scheme.model_dump_json(), encoding="utf-8")
        command = [sys.executable, "-m", "apps.fraud.rings", str(table), str(declared), str(out)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S)
        except subprocess.TimeoutExpired as error:
            raise TemporarilyUnavailable(
                f"The search for rings took more than {LIMIT_S:g} s; let the schedule look at "
                "fewer transactions (option most_rows).",
                code="rings_slow",
            ) from error
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ["no message"])[-1]
            raise TemporarilyUnavailable(
                f"The search for rings ended with status {done.returncode}: {last}",
                code="rings_failed",
            )
        return [Ring.from_json(one) for one in json.loads(out.read_text(encoding="utf-8"))]
