"""Which models a project sees, and which version a name means."""

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from loupe.accounts.errors import NotVisible
from loupe.accounts.models import Project
from loupe.accounts.policy import Actor, projects
from loupe.registry.errors import NoModel, UnknownModel
from loupe.registry.models import Model, ModelVersion, ScopeModel, Stage


def visible_models(actor: Actor, project: Project, app: str | None = None) -> QuerySet[Model]:
    """The project's own models and the shared ones, by name; of one app if given.

    Raises:
        NotVisible: the project does not exist for the actor.
    """
    _require_visible(actor, project)
    models = Model.objects.filter(Q(project=project) | Q(project=None)).select_related("project")
    if app is not None:
        models = models.filter(app=app)
    return models.order_by("name", "pk")


def visible_versions(
    actor: Actor, project: Project, app: str | None = None
) -> QuerySet[ModelVersion]:
    """The versions of `visible_models`, newest first."""
    models = visible_models(actor, project, app).order_by()
    return (
        ModelVersion.objects.filter(model__in=models)
        .select_related("model", "model__project", "created_by")
        .order_by("-created_at", "-pk")
    )


def usable(actor: Actor, project: Project, app: str) -> list[ModelVersion]:
    """What `resolve` can be asked for by name: versions in production, the default first.

    A project's own model hides a shared one of the same name.

    Raises:
        NotVisible: the project does not exist for the actor.
    """
    production = _in_production(visible_models(actor, project, app))
    by_name = {version.model.name: version for version in sorted(production, key=_rank)[::-1]}
    return sorted(by_name.values(), key=_rank)


def resolve(
    actor: Actor,
    project: Project,
    app: str,
    name: str | None = None,
    number: int | None = None,
    *,
    scope: str = "",
) -> ModelVersion:
    """The version that work in `project` uses.

    Args:
        name: a registered model, the project's own before a shared one of that name. None means
            the scope's model, else the project's default: its own model promoted last, else the
            app's shipped one.
        number: a version other than the one in production; needs a name.
        scope: what is inspected, e.g. a product; it may have a model of its own.

    Raises:
        NotVisible: the project does not exist for the actor.
        UnknownModel: there is no such model or version; the message lists what there is.
        NoModel: no model is in production.
    """
    models = visible_models(actor, project, app)
    if not name:
        return _of_scope(models, project, app, scope) or _default(models, app)
    named = sorted(models.filter(name=name), key=lambda model: model.project_id is None)
    if not named:
        known = ", ".join(models.values_list("name", flat=True).distinct()) or "none"
        raise UnknownModel(
            _("No model is called %(name)r; registered are: %(known)s.")
            % {"name": name, "known": known}
        )
    versions = ModelVersion.objects.filter(model__in=named).select_related("model__project")
    for model in named:
        wanted = versions.filter(model=model)
        found = wanted.filter(
            **({"stage": Stage.PRODUCTION} if number is None else {"number": number})
        ).first()
        if found is not None:
            return found
    if number is not None:
        have = ", ".join(str(version.number) for version in versions.order_by("number"))
        raise UnknownModel(
            _("Model %(name)r has no version %(number)s; it has: %(have)s.")
            % {"name": name, "number": number, "have": have or "none"}
        )
    raise NoModel(
        _("Model %(name)r has no version in production. Promote one first.") % {"name": name}
    )


def _of_scope(
    models: QuerySet[Model], project: Project, app: str, scope: str
) -> ModelVersion | None:
    """The production version of the model that `scope` is inspected by; None: it has none."""
    if not scope:
        return None
    chosen = ScopeModel.objects.filter(project=project, app=app, scope=scope).values("model")
    found = _in_production(models.filter(pk__in=chosen)).first()
    if found is None and chosen.exists():
        raise NoModel(
            _(
                "The model chosen for %(scope)r has no version in production. Promote one, or "
                "choose another model."
            )
            % {"scope": scope}
        )
    return found


def _default(models: QuerySet[Model], app: str) -> ModelVersion:
    found = min(_in_production(models), key=_rank, default=None)
    if found is None:
        raise NoModel(
            _("No model of %(app)s is in production in this project. Upload one and promote it.")
            % {"app": app}
        )
    return found


def _in_production(models: QuerySet[Model]) -> QuerySet[ModelVersion]:
    return ModelVersion.objects.filter(
        model__in=models.order_by(), stage=Stage.PRODUCTION
    ).select_related("model__project")


def _rank(version: ModelVersion) -> tuple[bool, float, int]:
    """Defaults first: own models, promoted last; then shared ones in the order apps list them."""
    shared = version.model.project_id is None
    promoted = version.promoted_at.timestamp() if version.promoted_at and not shared else 0.0
    return shared, -promoted, version.model_id if shared else -version.pk


def _require_visible(actor: Actor, project: Project) -> None:
    if not projects(actor).filter(pk=project.pk).exists():
        raise NotVisible(
            _("There is no project %(slug)r that you can see.") % {"slug": project.slug}
        )
