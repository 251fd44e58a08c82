"""How much one live service keeps, and for how long: one place, told in docs/fraud.md."""

from pydantic import BaseModel, ConfigDict, Field

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


class Policy(BaseModel):
    """What a project may choose; it travels as ``policy`` in the context of each request."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    horizon_ms: int = Field(
        default=DAY_MS, ge=HOUR_MS, le=400 * DAY_MS, description="how long an id is known"
    )
    features_ms: int = Field(
        default=2 * DAY_MS,
        ge=HOUR_MS,
        description="how long features stay in the log; replay makes older ones again",
    )
    retention_ms: int | None = Field(
        default=None, ge=31 * DAY_MS, description="how long transactions stay; None: for good"
    )
    base_rows: int = Field(
        default=1_000_000, ge=1_000, description="at most so many are fed again after a start"
    )


MAX_ROWS = 10_000
"""Of one request: no request may hold up the next for long."""
MAX_SESSIONS = 256
"""Of all projects together; files give way, the one worked on longest ago first."""
MAX_GONE = 10_000
"""Files of which it is remembered that they gave way."""
MAX_STATE_BYTES = 16 * 2**30
"""Of all sessions together, in memory."""
MAX_PENDING = 100_000
"""Labels of a session that came before their transaction."""
SEGMENT_ROWS = 65_536
COMPACT_ROWS = 2**20
WAITING_ROWS = 4 * SEGMENT_ROWS
"""That wait to become segments, 1.1 kB of memory each; with more the writer waits for the disk."""
UNWRITTEN_ROWS = 8_192
"""The newest ones that a snapshot may have to write; with more it had better wait a little."""
TOLERATED_SKEW_MS = HOUR_MS
"""An event may claim to happen this long after Loupe heard of it; a live one no longer."""
EARLIEST_MS = 0
LATEST_MS = 4_102_444_800_000
"""From 1970 to 2100."""
