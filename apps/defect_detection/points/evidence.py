"""What a version's operating points are fitted from: the predictions of its evaluations."""

from apps.defect_detection.operating import keeping
from apps.defect_detection.operating.predictions import Predictions, read
from loupe.contract.runtime.errors import InputRefused
from loupe.host.derived import place
from loupe.host.evaluations import Evaluation, evaluations, open_local
from loupe.host.models import ModelVersion
from loupe.host.people import NotVisible, Project

APP = "defect_detection"


def usable_evaluations(version: ModelVersion, project: Project) -> list[Evaluation]:
    """Those with predictions, what serves first, then the newest; one a dataset and runtime."""
    found = evaluations(version, project).filter(predictions__isnull=False)
    newest: dict[tuple[int, str], Evaluation] = {}
    for one in found.select_related("predictions", "dataset_version__dataset")[:100]:
        newest.setdefault((one.dataset_version_id, one.artefact), one)
    return sorted(newest.values(), key=lambda one: (not one.serving, -one.pk))


def chosen(version: ModelVersion, project: Project, evaluation_id: int | None) -> Evaluation | None:
    """The evaluation of that id, or the first usable one; None where there is none at all.

    Raises:
        NotVisible: the version has no such evaluation.
    """
    found = usable_evaluations(version, project)
    if evaluation_id is None:
        return found[0] if found else None
    for one in found:
        if one.pk == evaluation_id:
            return one
    known = ", ".join(str(one.pk) for one in found) or "none"
    raise NotVisible(
        f"{version} has no evaluation {evaluation_id} to fit from; there are: {known}."
    )


def predictions_of(evaluation: Evaluation) -> Predictions:
    """The pictures of an evaluation that training has not seen.

    Raises:
        InputRefused: the predictions are damaged, or there are none.
    """
    blob = evaluation.predictions
    if blob is None:
        raise InputRefused(
            f"Evaluation {evaluation.pk} kept no predictions. Evaluate the model again.",
            code="predictions_missing",
        )
    manifest = evaluation.model_version.manifest
    kept = place(APP, f"predictions/{evaluation.model_version.artefact_sha256}-{blob.sha256}.npz")
    found = keeping.read_predictions(kept)
    if found is None:
        with open_local(blob) as path, path.open("rb") as lines:
            found = read(lines, manifest.get("classes") or (), manifest.get("severities") or {})
        keeping.write_predictions(kept, found)
    return found.held_out()


def described(evaluation: Evaluation) -> str:
    """Its dataset and version, for people."""
    return f"{evaluation.dataset_version.dataset.name} v{evaluation.dataset_version.number}"
