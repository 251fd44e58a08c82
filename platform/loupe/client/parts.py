"""Large files in parts (tus 1.0.0): a connection that breaks costs one part, not the file."""

import base64
import hashlib
import time
import uuid
from pathlib import Path

from loupe.client.errors import LoupeApiError
from loupe.client.transport import Transport

FROM_BYTES = 64 * 2**20
"""Files from this size on travel in parts."""
PART_BYTES = 16 * 2**20
_TUS = {"Tus-Resumable": "1.0.0"}
_GO_ON = {"offset_conflict", "upload_busy", "checksum_mismatch"}
_STANDSTILLS = 10


def send_in_parts(transport: Transport, name: str, path: Path) -> uuid.UUID:
    """Send the file at `path` under `name`; returns the upload's id, to be submitted.

    Raises:
        LoupeApiError: the server refused.
        Unreachable: no answer came.
    """
    size = path.stat().st_size
    encoded = base64.b64encode(name.encode()).decode()
    announced = {**_TUS, "Upload-Length": str(size), "Upload-Metadata": f"filename {encoded}"}
    made = transport.send("POST", "uploads", headers=announced)
    upload_id = uuid.UUID(made.json()["id"])
    offset = standstills = 0
    with path.open("rb") as file:
        while offset < size:
            file.seek(offset)
            part = file.read(PART_BYTES)
            try:
                offset = _send(transport, upload_id, offset, part)
                standstills = 0
            except LoupeApiError as error:
                standstills += 1
                if error.code not in _GO_ON or standstills > _STANDSTILLS:
                    raise
                time.sleep(0.2 * standstills)
                offset = _offset(transport, upload_id)
    return upload_id


def _send(transport: Transport, upload_id: uuid.UUID, offset: int, part: bytes) -> int:
    digest = base64.b64encode(hashlib.sha256(part).digest()).decode()
    headers = {
        **_TUS,
        "Upload-Offset": str(offset),
        "Upload-Checksum": f"sha256 {digest}",
        "Content-Type": "application/offset+octet-stream",
    }
    path = f"uploads/{upload_id}"
    answer = transport.send("PATCH", path, content=lambda: {"content": part}, headers=headers)
    return int(answer.headers["Upload-Offset"])


def _offset(transport: Transport, upload_id: uuid.UUID) -> int:
    answer = transport.send("HEAD", f"uploads/{upload_id}", headers=_TUS)
    return int(answer.headers["Upload-Offset"])
