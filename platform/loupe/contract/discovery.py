"""Finds the installed apps by the entry-point group ``loupe.apps``, without Django."""

from functools import cache
from importlib.metadata import entry_points

from loupe.contract.app import DomainApp
from loupe.contract.runtime.steps import load

GROUP = "loupe.apps"


@cache
def declared() -> dict[str, type[DomainApp]]:
    """Every installed app's class by slug.

    An entry point's value is the app's Django configuration, ``package.apps:Name``; the class
    itself is ``package.app:App``.

    Raises:
        ImportError: an app cannot be imported; the start stops.
        ValueError: two apps claim one slug, or a module holds no app.
    """
    found: dict[str, type[DomainApp]] = {}
    for point in sorted(entry_points(group=GROUP), key=lambda point: point.name):
        package = point.module.rpartition(".")[0]
        app = load(f"{package}.app:App")
        if not (isinstance(app, type) and issubclass(app, DomainApp)):
            raise ValueError(
                f"{package}.app:App is no DomainApp; entry point {point.name!r} names it."
            )
        if app.slug in found:
            raise ValueError(f"Two installed apps claim the slug {app.slug!r}; uninstall one.")
        found[app.slug] = app
    return found
