"""What has to be there before the processes start. Every step may run again at any time."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.core.management import call_command

from loupe.registry import services as registry
from loupe.schedules import starting
from loupe.supervisor import demo

FOLDERS = ("run", "log", "broker", "blobs", "scratch", "spool")


@dataclass(frozen=True)
class Step:
    """One thing to prepare, and the words shown while it happens."""

    words: str
    do: Callable[[], object]


def steps() -> Iterator[Step]:
    """What to prepare, in order."""
    yield Step("folders", _folders)
    yield Step("database", _migrate)
    yield Step("static files", _static_files)
    yield Step("shipped models", registry.register_shipped)
    yield Step("demo project", demo.prepare)
    yield Step("timetables", starting.begin)


def _folders() -> None:
    var = Path(settings.VAR)
    for name in FOLDERS:
        (var / name).mkdir(parents=True, exist_ok=True)
    for folder in (settings.MODEL_REPOSITORY, settings.ENGINE_STATE, settings.WATCH_ROOT):
        Path(folder).mkdir(parents=True, exist_ok=True)
    (var / "run").chmod(0o700)


def _migrate() -> None:
    call_command("migrate", verbosity=0, interactive=False)


def _static_files() -> None:
    call_command("collectstatic", verbosity=0, interactive=False)
