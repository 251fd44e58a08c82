"""Which process works on an app's items: a worker, or the attendant for those that take minutes."""

from loupe.contract.app import DomainApp
from loupe.contract.runtime.steps import Place
from loupe.plugins import registry as apps


def takes_minutes(app: type[DomainApp]) -> bool:
    """Whether the app's one step is long work in a child of its own."""
    return app.steps[0].place is Place.CHILD


def worker_apps() -> list[str]:
    """Slugs of the apps whose items Celery workers claim."""
    return [app.slug for app in apps.installed() if not takes_minutes(app)]


def attendant_apps() -> list[str]:
    """Slugs of the apps whose items the attendant claims."""
    return [app.slug for app in apps.installed() if takes_minutes(app)]
