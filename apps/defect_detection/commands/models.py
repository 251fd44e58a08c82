"""Which registered version a command means."""

from loupe.host import models
from loupe.host.people import SYSTEM, Project

SLUG = "defect_detection"


def version_named(project: Project, name: str) -> models.ModelVersion:
    """The version that ``NAME`` or ``NAME@3`` says: without a number the one in production, else
    the newest.

    Raises:
        UnknownModel: there is no such model or version; the message lists what there is.
    """
    model, mark, number = name.partition("@")
    if mark:
        if not number.isdecimal():
            raise models.UnknownModel(
                f"{name!r} names no version: write NAME for the one that serves, or NAME@3."
            )
        return models.resolve(SYSTEM, project, SLUG, model, int(number))
    found = models.visible_versions(SYSTEM, project, SLUG).filter(model__name=model)
    serving = [each for each in models.usable(SYSTEM, project, SLUG) if each.model.name == model]
    newest = serving[0] if serving else found.first()
    # Without any, `resolve` says what there is.
    return newest or models.resolve(SYSTEM, project, SLUG, model)
