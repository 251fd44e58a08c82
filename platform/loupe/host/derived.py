"""A place for what can be computed again: caches of apps, below the variable folder."""

from pathlib import Path

from django.conf import settings


def place(app: str, name: str) -> Path:
    """The file called `name` among what `app` keeps; its folder may not be there yet."""
    return Path(settings.VAR) / "derived" / app / name
