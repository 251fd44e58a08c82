"""The figures work is cut by. Times are in seconds."""

CLAIM_SIZE = 16
"""Items a worker claims at once: enough to keep the engine busy, few enough to lose with it."""

TASK_SECONDS = 20.0
"""How long one task works before it sends the next wake-up and ends."""

FINISH_SECONDS = 0.5
"""How long a finished item waits at most for others to be stored with it."""

POSTPONE_FIRST_SECONDS = 1.0
POSTPONE_MOST_SECONDS = 30.0
MAX_POSTPONEMENTS = 240
"""With the back-off above: a missing engine or a full disk is waited for for about two hours."""

MAX_LATE = 10
"""An item the engine never answers in time is given up after so many tries."""

WAKE_AGAIN_SECONDS = 5.0
"""The reaper wakes workers for a job with waiting items after this long without a wake-up."""

RATE_SECONDS = 60.0
"""Progress rates are taken over this long."""

STORE_AGAIN_SECONDS = (0.2, 1.0, 3.0)
"""Pauses between tries to store results while the database cannot write."""

FULL_LANE_MOST_SECONDS = 2.0
"""Longest pause before an item asks again for a place in the engine's full lane."""

FULL_LANE_PATIENCE_SECONDS = 15.0
"""After this long the item is put back; its worker turns to other work."""
