#!/usr/bin/env python
"""Puts platform/ on the path, then hands over to Django."""

import os
import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent / "platform"))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "loupe.settings.dev")
    from django.core.management import execute_from_command_line

    from loupe.contract.runtime.offline import stay_offline

    stay_offline()
    execute_from_command_line(sys.argv)
