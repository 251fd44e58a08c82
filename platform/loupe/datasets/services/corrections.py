"""What people correct in review becomes a record's labels: `correct_from_review`."""

from django.db import IntegrityError, transaction
from pydantic import BaseModel

from loupe.accounts.policy import Action, Actor, require
from loupe.bulk import insert
from loupe.datasets import vocabulary
from loupe.datasets.models import Dataset, LabelSource, Record
from loupe.datasets.names import Names, group_from_facts
from loupe.datasets.services.labelling import save_labels
from loupe.datasets.wakeups import fingerprint_after_commit
from loupe.jobs.models import Result
from loupe.plugins import registry
from loupe.review.models import Review

NAME = "corrections"


def correct_from_review(actor: Actor, review: Review) -> Record | None:
    """Put the correction of a review into the dataset that takes corrections, which is made where
    there is none; classes it lacks are added to it. Returns the record, or None where the review
    holds no correction or the input's bytes are gone. Run it in the review's transaction.

    Saying the same again changes nothing; another correction of the same picture replaces its
    labels.

    Raises:
        NotVisible, Denied: the actor may not label here.
        LabelsRefused: the correction is not valid.
    """
    if review.correction is None:
        return None
    result = Result.objects.select_related(
        "project",
        "item__input__blob",
        "item__input__submission",
        "provenance__model_version__model",
    ).get(pk=review.result_id)
    require(actor, Action.LABEL, result.project)
    source = result.item.input
    if source is None or source.blob is None:
        return None
    with transaction.atomic():
        dataset = _dataset(actor, result)
        record = (
            Record.objects.filter(dataset=dataset, blob=source.blob)
            .select_related("dataset__project")
            .order_by("pk")
            .first()
        )
        if record is None:
            record = Record(
                dataset=dataset,
                blob=source.blob,
                name=Names(dataset).free(source.name),
                group=group_from_facts(source.submission.facts),
                result=result,
            )
            insert([record])
            fingerprint_after_commit(dataset)
        return save_labels(
            actor, record, review.correction, source=LabelSource.CORRECTED, review=review
        )


def _dataset(actor: Actor, result: Result) -> Dataset:
    """The dataset that takes corrections, with all classes of the result's model."""
    labelling = vocabulary.labelling_of(result.app)
    wanted = vocabulary.of_model(labelling, _manifest(result))
    mine = Dataset.objects.select_for_update(of=("self",)).filter(
        project=result.project, app=result.app
    )
    dataset = (
        mine.filter(takes_corrections=True).first()
        or mine.filter(name=NAME, archived_at=None).first()
    )
    if dataset is None:
        try:
            with transaction.atomic():
                return Dataset.objects.create(
                    project=result.project,
                    app=result.app,
                    name=_free_name(result),
                    about=vocabulary.stored(wanted),
                    takes_corrections=True,
                    created_by=actor.user,
                )
        except IntegrityError:
            # Somebody else was quicker by a moment; theirs is there now.
            dataset = mine.get(takes_corrections=True)
    _extend(
        dataset, vocabulary.merge(labelling, vocabulary.about(labelling, dataset.about), wanted)
    )
    return dataset


def _free_name(result: Result) -> str:
    """`NAME`, numbered where archived datasets have it."""
    rows = Dataset.objects.filter(project=result.project, app=result.app, name__startswith=NAME)
    taken = set(rows.values_list("name", flat=True))
    numbered = (f"{NAME}-{number}" for number in range(2, len(taken) + 2))
    return next((name for name in (NAME, *numbered) if name not in taken), NAME)


def _extend(dataset: Dataset, about: BaseModel) -> None:
    data = vocabulary.stored(about)
    if data != dataset.about:
        dataset.about = data
        dataset.save(update_fields=["about"])


def _manifest(result: Result) -> dict[str, object]:
    version = result.provenance.model_version
    if version is None or not registry.get(result.app).needs_model:
        return {}
    return dict(version.manifest)
