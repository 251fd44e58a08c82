"""Keeps libraries from reaching out of the machine: no update checks, downloads or telemetry.

Libraries read these variables when they are first imported, so `stay_offline` is called at the
very start of a process, and the supervisor hands `VARIABLES` to every child.
"""

import os
from types import MappingProxyType

VARIABLES = MappingProxyType(
    {
        "YOLO_OFFLINE": "1",  # Ultralytics: no version check, no events, no downloads
        "YOLO_AUTOINSTALL": "0",  # Ultralytics: never runs pip
        "YOLO_VERBOSE": "0",
        "HF_HUB_OFFLINE": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_DATASETS_OFFLINE": "1",
        "TRANSFORMERS_OFFLINE": "1",
        "NO_ALBUMENTATIONS_UPDATE": "1",
        "DO_NOT_TRACK": "1",
        "ORT_DISABLE_TELEMETRY": "1",
        "WANDB_MODE": "disabled",
    }
)


def stay_offline() -> None:
    """Set every one of `VARIABLES` in this process and, by inheritance, in its children."""
    os.environ.update(VARIABLES)
