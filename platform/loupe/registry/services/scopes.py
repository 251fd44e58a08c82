"""Which model inspects what belongs to one scope, such as a product."""

from django.db import transaction
from django.utils.translation import gettext as _

from loupe.accounts.models import Project
from loupe.accounts.policy import Action, Actor, require
from loupe.audit.services import record
from loupe.registry.errors import UnknownModel
from loupe.registry.models import Model, ScopeModel
from loupe.registry.services.resolve import visible_models


def scope_model(project: Project, app: str, scope: str) -> Model | None:
    """The model chosen for `scope`; None: the project's default inspects it."""
    found = ScopeModel.objects.filter(project=project, app=app, scope=scope)
    chosen = found.select_related("model__project").first()
    return chosen.model if chosen else None


@transaction.atomic
def set_scope_model(
    actor: Actor, project: Project, app: str, scope: str, model: Model | None
) -> None:
    """Have `scope` inspected by `model`, or by the project's default where it is None.

    Raises:
        NotVisible, Denied: the actor may not manage models here.
        UnknownModel: the project cannot use that model.
    """
    require(actor, Action.MANAGE_MODELS, project)
    here = ScopeModel.objects.filter(project=project, app=app, scope=scope)
    before = scope_model(project, app, scope)
    if before == model:
        return
    if model is None:
        here.delete()
    else:
        if not visible_models(actor, project, app).filter(pk=model.pk).exists():
            raise UnknownModel(
                _("Model %(name)r is none that this project can use.") % {"name": model.name}
            )
        ScopeModel.objects.update_or_create(
            project=project, app=app, scope=scope, defaults={"model": model}
        )
    record(
        actor,
        project,
        "scope.model_set",
        f"scope:{scope}",
        {"app": app, "model": model.name if model else "", "before": before.name if before else ""},
    )
