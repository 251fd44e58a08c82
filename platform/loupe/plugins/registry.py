"""The installed apps, asked for by slug. Filled once at start, then closed."""

from loupe.contract import discovery
from loupe.contract.app import DomainApp
from loupe.contract.runtime.errors import LoupeError


class UnknownApp(LoupeError):
    """No installed app has this slug."""

    code = "unknown_app"


class RegistryClosed(LoupeError):
    """Apps are found at start; none can be added to a running process."""

    code = "registry_closed"


class Registry:
    """Apps by slug, in the order of their slugs. `close` ends registration for good."""

    def __init__(self) -> None:
        self._apps: dict[str, type[DomainApp]] = {}
        self._closed = False

    @property
    def closed(self) -> bool:
        """Whether registration has ended."""
        return self._closed

    def register(self, app: type[DomainApp]) -> None:
        """Add one app.

        Raises:
            RegistryClosed: the start is over.
        """
        if self._closed:
            raise RegistryClosed(
                f"App {app.slug!r} comes too late: apps are registered while the process starts. "
                "Declare it by an entry point of the group 'loupe.apps' and restart."
            )
        self._apps[app.slug] = app

    def close(self) -> None:
        """End registration."""
        self._closed = True

    def installed(self) -> tuple[type[DomainApp], ...]:
        """Every app, sorted by slug."""
        return tuple(self._apps[slug] for slug in sorted(self._apps))

    def get(self, slug: str) -> type[DomainApp]:
        """The app called `slug`.

        Raises:
            UnknownApp: there is none; the message lists those that are.
        """
        if slug not in self._apps:
            known = ", ".join(sorted(self._apps)) or "none"
            raise UnknownApp(f"No app is called {slug!r}; installed are: {known}.")
        return self._apps[slug]


_registry = Registry()


def fill() -> None:
    """Register every app found by entry point, then close; a second call changes nothing."""
    if _registry.closed:
        return
    for app in discovery.declared().values():
        _registry.register(app)
    _registry.close()


def installed() -> tuple[type[DomainApp], ...]:
    """Every installed app, sorted by slug."""
    return _registry.installed()


def get(slug: str) -> type[DomainApp]:
    """The installed app called `slug`, or `UnknownApp` with the list of those that are."""
    return _registry.get(slug)


def register(app: type[DomainApp]) -> None:
    """Refused once the start is over: see `Registry.register`."""
    _registry.register(app)
