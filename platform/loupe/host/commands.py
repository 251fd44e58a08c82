"""What an app's commands start with: a database that is there, and the project they are about."""

from loupe.accounts import projects
from loupe.accounts.models import Project
from loupe.accounts.policy import SYSTEM
from loupe.jobs.offline.choosing import UnknownProject, prepare
from loupe.plugins import registry

FIRST_PROJECT = "default"

__all__ = ["FIRST_PROJECT", "UnknownProject", "prepare_for", "project_named"]


def prepare_for(slug: str) -> None:
    """Make database and shipped models of the app where a fresh checkout has neither yet."""
    prepare(registry.get(slug))


def project_named(slug: str | None) -> Project:
    """The project called so; without a name the only one, which is made where there is none.

    Raises:
        UnknownProject: there is no such project, or there are several and none was named.
    """
    if slug is None and not Project.objects.exists():
        return projects.create(SYSTEM, FIRST_PROJECT, "Default")
    found = Project.objects.order_by("slug")
    if slug is not None:
        found = found.filter(slug=slug)
    two = list(found[:2])
    if len(two) == 1:
        return two[0]
    known = ", ".join(Project.objects.order_by("slug").values_list("slug", flat=True)) or "none"
    wanted = f"No project is called {slug!r}" if slug is not None else "There are several projects"
    raise UnknownProject(f"{wanted}: name one of {known} with --project.")
