#!/usr/bin/env python
"""Puts platform/ on the path, then hands over to Django."""

import os
import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent / "platform"))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "loupe.settings.dev")
    from loupe.contract.runtime.offline import stay_offline

    stay_offline()
    from loupe.plugins.commandline import execute

    execute(sys.argv)
