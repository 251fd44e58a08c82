"""Which artefact ``--model`` means: a registered version by name, or a folder."""

from pathlib import Path

from loupe.host import commands, models
from loupe.host.people import SYSTEM, Project

SLUG, MANIFEST = "fraud", "manifest.json"


def folder_of(name: str, project: str | None) -> Path:
    """The verified files of ``NAME``, ``NAME@3``, or of a folder with an artefact.

    Args:
        name: without a number the version in production is meant, else the newest.
        project: its slug; None where there is only one.

    Raises:
        UnknownModel: there is no such model or version; the message lists what there is.
        UnknownProject: see `commands.project_named`.
    """
    for folder in (Path(name), Path(name) / "artefact"):
        if (folder / MANIFEST).is_file():
            return folder
    commands.prepare_for(SLUG)
    return models.artefact(_version(commands.project_named(project), name))


def _version(project: Project, name: str) -> models.ModelVersion:
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
