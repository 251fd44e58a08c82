"""What models learn from beside labelled datasets: an app's sources, frozen as versions."""

from django.db import transaction
from django.utils.translation import gettext as _

from loupe.accounts.models import Project
from loupe.accounts.policy import Action, Actor, require
from loupe.audit.services import record
from loupe.blobs import services as blobs
from loupe.blobs.models import Blob
from loupe.changes.kinds import Kind
from loupe.changes.services import publish
from loupe.contract.runtime.errors import LoupeError
from loupe.contract.runtime.steps import load
from loupe.contract.training import Gathered
from loupe.datasets import manifest
from loupe.datasets.models import Dataset, DatasetVersion, Split
from loupe.datasets.services.creating import check_name
from loupe.training.errors import TrainingRefused
from loupe.training.recipes import training_of

MEDIA_TYPE = "application/octet-stream"


def sources(project: Project, app: str) -> list[tuple[str, str]]:
    """What models of `app` can be trained on in a project: keys and how people call them.

    Ask the policy before.

    Raises:
        UnknownApp, TrainingRefused: there is no such app, or it trains nothing.
    """
    named = training_of(app).sources
    return (
        [] if named is None else [(str(key), str(words)) for key, words in load(named)(project.pk)]
    )


def freeze(actor: Actor, project: Project, app: str, source: str) -> DatasetVersion:
    """The source as a version of the dataset called like it; the newest one where nothing changed.

    Raises:
        NotVisible, Denied: the actor may not train here.
        TrainingRefused: models of the app are trained on labelled datasets.
        InputRefused: the project has no such source, or it is empty.
        DiskFull: there is no room.
    """
    require(actor, Action.TRAIN, project)
    named = training_of(app).gather
    if named is None:
        raise TrainingRefused(
            _("source=%(source)r cannot be chosen: name a dataset.") % {"source": source[:60]},
            code="no_sources",
        )
    gathered: Gathered = load(named)(project.pk, source)
    check_name(source)
    listed = manifest.write(_lines(gathered))
    about = dict(gathered.about)
    with transaction.atomic():
        dataset, _made = Dataset.objects.get_or_create(
            project=project,
            app=app,
            name=source,
            defaults={"about": about, "created_by": actor.user},
        )
        Dataset.objects.select_for_update(of=("self",)).get(pk=dataset.pk)
        newest = dataset.versions.select_related("dataset__project").order_by("-number").first()
        if newest is not None and (newest.manifest_id, newest.about) == (listed.pk, about):
            return newest
        made = DatasetVersion.objects.create(
            dataset=dataset,
            number=(newest.number if newest else 0) + 1,
            about=about,
            manifest=listed,
            counts=dict(gathered.counts),
            created_by=actor.user,
        )
        facts = {"dataset": source, "version": made.number, "sha256": listed.pk}
        record(
            actor, project, "dataset.version_made", f"dataset_version:{made.pk}",
            {**facts, "records": len(gathered.files)},
        )  # fmt: skip
        publish(project, Kind.DATASET_VERSION_MADE, made.pk, {**facts, "app": app})
    return made


def _lines(gathered: Gathered) -> list[manifest.Line]:
    """The files in their order; new bytes are stored first."""
    names = [one.name for one in gathered.files]
    if len(set(names)) < len(names):
        raise LoupeError("The app gathered two files of one name.", code="app_error")
    wanted = {one.stored for one in gathered.files if one.stored}
    known = Blob.objects.in_bulk(wanted)
    lines = []
    for one in gathered.files:
        blob = (
            known.get(one.stored) if one.stored else blobs.store_bytes(one.content, one.media_type)
        )
        if blob is None:
            raise LoupeError(
                f"{one.name}: no bytes {one.stored!r} are stored.", code="blob_missing"
            )
        lines.append(
            manifest.Line(
                name=one.name,
                sha256=blob.pk,
                size=blob.size,
                media_type=blob.media_type,
                group="",
                split=Split.TRAIN,
                labels={},
                revision=0,
            )
        )
    return lines
