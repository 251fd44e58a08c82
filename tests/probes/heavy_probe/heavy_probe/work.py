"""Reads a large file in chunks, remembers how far it came, and survives a kill."""

import hashlib
import json
import os
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from loupe.contract.runtime.payload import JsonValue, Payload
from loupe.contract.runtime.reporter import Reporter

CHUNK = 4 * 2**20  # bytes


def digest(
    path: Path, options: Mapping[str, JsonValue], scratch: Path, reporter: Reporter
) -> Payload:
    """Sum of bytes chunk by chunk; the sum so far is kept in `scratch` after each chunk.

    ``HEAVY_PROBE_SECONDS_PER_CHUNK`` slows the work down, as a network would.
    """
    size = path.stat().st_size
    notes = scratch / "progress.json"
    done, total = json.loads(notes.read_text()) if notes.exists() else (0, 0)
    resumed_at = done
    pause = float(os.environ.get("HEAVY_PROBE_SECONDS_PER_CHUNK", "0"))
    with path.open("rb") as file:
        file.seek(done)
        while chunk := file.read(CHUNK):
            total += int(np.frombuffer(chunk, dtype=np.uint8).sum(dtype=np.int64))
            done += len(chunk)
            part = notes.with_suffix(".part")
            part.write_text(json.dumps([done, total]))
            part.replace(notes)
            time.sleep(pause)
            reporter.progress(done, size, f"{done} of {size} bytes")
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    return Payload(
        meta={
            "sha256": sha256,
            "size": size,
            "mean": total / size if size else 0.0,
            "resumed_at": resumed_at,
        }
    )
