"""Fitting an operating point, or trying one by hand, and setting it with its certificate."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from apps.defect_detection.operating.certificate import Certificate, Source
from apps.defect_detection.operating.limits import Promise
from apps.defect_detection.operating.predictions import Predictions
from apps.defect_detection.points.evidence import described, predictions_of
from apps.defect_detection.schema import OperatingPoint
from loupe.contract.runtime.steps import load
from loupe.host import models as registry
from loupe.host.evaluations import Evaluation
from loupe.host.models import ModelVersion
from loupe.host.people import Actor, Project

if TYPE_CHECKING:
    from apps.defect_detection.operating.at_point import Rates
    from apps.defect_detection.operating.curves import Curves, Pair

# SciPy stays out of processes that never fit: this code is loaded when it is first used.
_OPERATING = "apps.defect_detection.operating"


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """A point that could be set.

    Attributes:
        certificate: None where it was tried by hand.
        rates: on all parts that training has not seen; None where no evaluation was made.
    """

    point: OperatingPoint
    certificate: Certificate | None
    rates: "Rates | None"


def current(version: ModelVersion, project: Project, scope: str) -> registry.OperatingPoint:
    """The row that decides in `project` about `scope`."""
    return registry.operating_point(version, project, scope)


def rules_of(row: registry.OperatingPoint) -> OperatingPoint:
    """A stored point as the schema's."""
    return OperatingPoint.model_validate(row.data)


def fitted(evaluation: Evaluation, rules: OperatingPoint, promise: Promise) -> Proposal:
    """The point that keeps `promise`, from one evaluation's predictions.

    Raises:
        InputRefused: the predictions are damaged, or a class is unknown.
    """
    found = predictions_of(evaluation)
    made = load(f"{_OPERATING}.fit:fit")(found, rules, promise, _source(evaluation))
    certificate = made.certificate.model_copy(update={"fitted_at": datetime.now(UTC)})
    return Proposal(
        point=made.point,
        certificate=certificate,
        rates=rates(found, made.point, promise.confidence),
    )


def tried(evaluation: Evaluation | None, point: OperatingPoint) -> Proposal:
    """A point somebody chose by hand, with what it does."""
    found = rates(predictions_of(evaluation), point) if evaluation is not None else None
    return Proposal(point=point, certificate=None, rates=found)


def rates(predictions: Predictions, point: OperatingPoint, confidence: float = 0.95) -> "Rates":
    """See `operating.at_point.rates`."""
    measure = load(f"{_OPERATING}.at_point:rates")
    found: Rates = measure(predictions, point, confidence)
    return found


def curves(predictions: Predictions, point: OperatingPoint, label: str) -> "Curves":
    """See `operating.curves.curves`."""
    found: Curves = load(f"{_OPERATING}.curves:curves")(predictions, point, label)
    return found


def pair(predictions: Predictions, point: OperatingPoint) -> "Pair":
    """PG2 and PB2, see `operating.curves.pg2_pb2`."""
    found: Pair = load(f"{_OPERATING}.curves:pg2_pb2")(predictions, point)
    return found


def set_fitted(
    actor: Actor,
    project: Project,
    version: ModelVersion,
    proposal: Proposal,
    note: str = "",
    scope: str = "",
) -> registry.OperatingPoint:
    """Let the proposal decide from now on, with its certificate if every limit holds.

    Raises:
        NotVisible, Denied: the actor may not manage models here.
        ModelConflict: somebody set one at the same moment.
    """
    certificate: dict[str, Any] | None = None
    if proposal.certificate is not None:
        certificate = proposal.certificate.model_dump(mode="json")
    return registry.set_operating_point(
        actor,
        project,
        version,
        proposal.point.model_dump(mode="json"),
        note,
        scope=scope,
        certificate=certificate,
    )


def _source(evaluation: Evaluation) -> Source:
    blob = evaluation.predictions
    return Source(
        evaluation=evaluation.pk,
        dataset=described(evaluation),
        artefact=evaluation.artefact,
        artefact_sha256=evaluation.model_version.artefact_sha256,
        predictions_sha256=blob.sha256 if blob else "",
    )
