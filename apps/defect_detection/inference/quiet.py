"""Ultralytics without its habits: no downloads, no installs, no usage reports, no update checks."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module

from PIL import Image

from loupe.contract.runtime.offline import stay_offline


@contextmanager
def ultralytics_quietly() -> Iterator[None]:
    """Set what Ultralytics reads while it is imported; every import of it stands inside this.

    Its settings file goes to a private temporary folder, so nothing of a person's own settings is
    read or changed. Pillow stays as it is: Ultralytics would have it install a package whenever a
    picture is damaged.
    """
    stay_offline()
    opened = Image.open
    if "YOLO_CONFIG_DIR" not in os.environ:
        os.environ["YOLO_CONFIG_DIR"] = tempfile.mkdtemp(prefix="loupe-ultralytics-")
    yield
    Image.open = opened
    settings = import_module("ultralytics.utils").SETTINGS
    if settings["sync"]:
        settings.update({"sync": False})
