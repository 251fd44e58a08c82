"""``python -m apps.fraud.live``: what the live service keeps, and the past again.

    status FOLDER                          sizes and bytes per transaction of every session
    replay FOLDER --project P --first A --stop B [--compare] [--output FILE.parquet]

FOLDER is the service's, below the engine's state: ``var/engine/fraud``. ``--compare`` sets
the replayed features against those that were told, where the log still has them.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from apps.fraud.events import FEATURE
from apps.fraud.live import encoding, looking_back, questions
from apps.fraud.live.session import LIVE
from loupe.contract.runtime.errors import InputRefused
from loupe.contract.runtime.payload import Payload


def main(arguments: Sequence[str]) -> int:
    """Run one of the verbs; 0 unless something is refused or differs."""
    parser = argparse.ArgumentParser(prog="python -m apps.fraud.live")
    verbs = parser.add_subparsers(dest="verb", required=True)
    for name in ("status", "replay"):
        verb = verbs.add_parser(name)
        verb.add_argument("folder", type=Path)
        if name == "replay":
            verb.add_argument("--project", required=True)
            verb.add_argument("--session", default=LIVE)
            verb.add_argument("--first", type=int, required=True)
            verb.add_argument("--stop", type=int, required=True)
            verb.add_argument("--compare", action="store_true")
            verb.add_argument("--output", type=Path)
    options = parser.parse_args(arguments)
    try:
        snapshot = looking_back.newest_snapshot(options.folder)
        return status(snapshot) if options.verb == "status" else replay(snapshot, options)
    except InputRefused as error:
        sys.stderr.write(f"{error.message}\n")
        return 2


def status(snapshot: Path) -> int:
    """One JSON line a session."""
    for session in looking_back.sessions(snapshot):
        meta = questions.status(session, Payload()).meta
        line = {"project": session.project, "session": session.name, **meta}
        del line["memory_bytes"]
        sys.stdout.write(json.dumps(line) + "\n")
    return 0


def replay(snapshot: Path, options: argparse.Namespace) -> int:
    """Make features again; tells how many rows there are, and how many differ."""
    session = looking_back.session(snapshot, options.project, options.session)
    rows = compared = different = 0
    writer = None
    for at, columns in looking_back.features(session, options.first, options.stop):
        count = len(columns["id"])
        rows += count
        if options.compare:
            names = [name for name in columns if name.startswith(FEATURE)]
            told = session.log.rows(np.arange(at, at + count), names)
            there = ~np.isnan(told[names[0]])
            same = np.all([told[name] == columns[name] for name in names], axis=0)
            compared += int(there.sum())
            different += int((there & ~same).sum())
        if options.output is not None:
            batch = encoding.batch({"sequence": np.arange(at, at + count), **columns})
            writer = writer or pq.ParquetWriter(options.output, batch.schema)
            writer.write_table(pa.Table.from_batches([batch]))
    if writer is not None:
        writer.close()
    line = {"rows": rows, "compared": compared, "different": different}
    sys.stdout.write(json.dumps(line) + "\n")
    return int(different > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
