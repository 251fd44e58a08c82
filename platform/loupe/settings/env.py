"""Typed readers of the environment: a wrong value stops the start with a sentence."""

import os
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured


def text(name: str, default: str | None = None) -> str:
    """The variable as it is; without a default it must be set."""
    value = os.environ.get(name, default)
    if value is None:
        raise ImproperlyConfigured(f"Set the environment variable {name}; it has no default.")
    return value


def flag(name: str, default: bool) -> bool:
    """One of 1/0, true/false, yes/no, on/off."""
    value = os.environ.get(name)
    if value is None:
        return default
    if value.lower() in {"1", "true", "yes", "on"}:
        return True
    if value.lower() in {"0", "false", "no", "off"}:
        return False
    raise ImproperlyConfigured(f"{name}={value!r} is not a yes or no: use 1 or 0.")


def number(name: str, default: int, *, at_least: int = 0) -> int:
    """A whole number of at least `at_least`."""
    value = os.environ.get(name)
    if value is None:
        return default
    try:
        parsed = int(value)
    except ValueError:
        raise ImproperlyConfigured(f"{name}={value!r} is not a whole number.") from None
    if parsed < at_least:
        raise ImproperlyConfigured(f"{name}={parsed} is too small: at least {at_least}.")
    return parsed


def words(name: str, default: tuple[str, ...] = ()) -> list[str]:
    """A comma-separated list."""
    value = os.environ.get(name)
    if value is None:
        return list(default)
    return [word.strip() for word in value.split(",") if word.strip()]


def networks(name: str) -> list[IPv4Network | IPv6Network]:
    """A comma-separated list of IP networks such as ``10.0.0.0/8``; none by default."""
    found = []
    for word in words(name):
        try:
            found.append(ip_network(word))
        except ValueError as error:
            raise ImproperlyConfigured(
                f"{name} holds {word!r}, which is no IP network ({error}): write 10.0.0.0/8."
            ) from None
    return found


def folder(name: str, default: Path) -> Path:
    """An absolute folder; it is made when it is first used."""
    path = Path(os.environ.get(name, default))
    if not path.is_absolute():
        raise ImproperlyConfigured(f"{name}={str(path)!r} is not an absolute path.")
    return path


def database(name: str, default: str) -> dict[str, object]:
    """A ``sqlite:////path`` or ``postgresql://user:password@host:port/name`` URL for Django."""
    url = os.environ.get(name, default)
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": unquote(parts.path.removeprefix("/")) or ":memory:",
            # The last connection to close checkpoints the whole log, which a call would wait for.
            "CONN_MAX_AGE": 60,
            "OPTIONS": {
                "transaction_mode": "IMMEDIATE",
                "timeout": 20,
                "init_command": (
                    "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; "
                    "PRAGMA cache_size=-20000; PRAGMA temp_store=MEMORY;"
                ),
            },
        }
    if parts.scheme in {"postgresql", "postgres"}:
        return {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": unquote(parts.path.removeprefix("/")),
            "USER": unquote(parts.username or ""),
            "PASSWORD": unquote(parts.password or ""),
            # As libpq: ?host=/folder names the folder of a Unix socket.
            "HOST": parts.hostname or dict(parse_qsl(parts.query)).get("host", ""),
            "PORT": str(parts.port or ""),
            "CONN_HEALTH_CHECKS": True,
            "CONN_MAX_AGE": 60,
        }
    raise ImproperlyConfigured(
        f"{name} starts with {parts.scheme!r}: use sqlite:////absolute/path or "
        "postgresql://user:password@host:port/name."
    )
