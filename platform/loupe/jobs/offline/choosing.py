"""Which model and operating point an offline prediction uses."""

from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.core.management import call_command
from django.db import connection

from loupe.accounts.models import Project
from loupe.accounts.policy import SYSTEM
from loupe.contract.app import DomainApp
from loupe.contract.runtime.errors import LoupeError
from loupe.registry import services as registry
from loupe.registry.errors import NoModel, UnknownModel
from loupe.registry.models import Model, ModelVersion, OperatingPoint, Stage


@dataclass(frozen=True, kw_only=True)
class Choice:
    """A registered version and the thresholds that decide; None for apps without models.

    `project` is the one that was named, if any.
    """

    version: ModelVersion | None
    point: OperatingPoint | None
    project: Project | None = None


class UnknownProject(LoupeError):
    """No project has this slug."""

    code = "unknown_project"


def prepare(app: type[DomainApp]) -> None:
    """Make database and shipped models of the app where a fresh checkout has neither yet."""
    name = connection.settings_dict["NAME"]
    if connection.vendor == "sqlite" and not str(name).startswith(("file:", ":")):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
    if Model._meta.db_table not in connection.introspection.table_names():
        call_command("migrate", verbosity=0, interactive=False)
    if app.shipped_models and not Model.objects.filter(app=app.slug, project=None).exists():
        Path(settings.MODEL_REPOSITORY).mkdir(parents=True, exist_ok=True)
        registry.register_shipped(app.slug)


def choose(app: type[DomainApp], name: str | None, project_slug: str | None) -> Choice:
    """The version in production called `name`, or the default.

    With a project, as work in that project would choose; without one, a shared model is preferred,
    then a model of that name in whatever project has it.

    Raises:
        UnknownModel: the name is not registered; the message lists those that are.
        UnknownProject, NoModel: there is no such project, or nothing is in production.
    """
    project = None
    if project_slug is not None:
        project = Project.objects.filter(slug=project_slug).first()
        if project is None:
            known = ", ".join(Project.objects.values_list("slug", flat=True)) or "none"
            raise UnknownProject(f"No project is called {project_slug!r}; there are: {known}.")
    if not app.needs_model:
        return Choice(version=None, point=None, project=project)
    if project is not None:
        version = registry.resolve(SYSTEM, project, app.slug, name)
        found = registry.operating_point(version, project)
        return Choice(version=version, point=found, project=project)
    version = _anywhere(app, name)
    point = (
        OperatingPoint.objects.filter(model_version=version, project=version.model.project_id)
        .order_by("-number")
        .first()
        or OperatingPoint.objects.filter(model_version=version).order_by("number").first()
    )
    return Choice(version=version, point=point)


def _anywhere(app: type[DomainApp], name: str | None) -> ModelVersion:
    versions = (
        ModelVersion.objects.filter(model__app=app.slug, stage=Stage.PRODUCTION)
        .select_related("model__project")
        .order_by("model__project__slug", "model_id")
    )
    shared = versions.filter(model__project=None)
    if name is None:
        found = shared.first()
        if found is None:
            raise NoModel(
                f"{app.name} ships no model: name one with --model, registered are: {_known(app)}."
            )
        return found
    found = shared.filter(model__name=name).first() or versions.filter(model__name=name).first()
    if found is not None:
        return found
    if Model.objects.filter(app=app.slug, name=name).exists():
        raise NoModel(f"Model {name!r} has no version in production. Promote one first.")
    raise UnknownModel(f"No model is called {name!r}; registered are: {_known(app)}.")


def _known(app: type[DomainApp]) -> str:
    names = Model.objects.filter(app=app.slug).order_by("name").values_list("name", flat=True)
    return ", ".join(dict.fromkeys(names)) or "none"
