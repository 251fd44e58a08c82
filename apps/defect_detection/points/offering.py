"""Proposals that wait for a person, as pages show them."""

from dataclasses import dataclass
from urllib.parse import urlencode

from django.urls import reverse

from apps.defect_detection.models import PointProposal, Product
from apps.defect_detection.operating.certificate import Certificate
from apps.defect_detection.operating.limits import Promise
from apps.defect_detection.points.asking import query_of
from apps.defect_detection.points.refitting import offered
from apps.defect_detection.points.showing import PointShown, point
from apps.defect_detection.schema import OperatingPoint
from loupe.host.models import ModelVersion
from loupe.host.people import Project


@dataclass(frozen=True, kw_only=True)
class Offer:
    """One proposal.

    Attributes:
        product: what it is about; empty: everything without a point of its own.
        shown, certificate: None where nothing could be fitted.
        assumed: nobody has promised this yet.
        address: the page with the same question, its curve and what the past would have been;
            empty where the page's form cannot ask it.
    """

    proposal: PointProposal
    product: str
    promise: Promise
    assumed: bool
    shown: PointShown | None
    certificate: Certificate | None
    address: str


def offers(version: ModelVersion, project: Project) -> list[Offer]:
    """What waits, what serves first."""
    rows = list(offered(project, version))
    names: dict[str, str] = {}
    if any(row.scope for row in rows):
        names = dict(Product.objects.filter(project=project).values_list("key", "name"))
    return [_offer(row, version, project, names.get(row.scope, row.scope)) for row in rows]


def _offer(row: PointProposal, version: ModelVersion, project: Project, product: str) -> Offer:
    promise = Promise.model_validate(row.promise)
    classes = tuple(str(name) for name in version.manifest.get("classes", ()))
    asked = query_of(promise, classes)
    here = reverse("defect_detection:point", args=[project.slug, version.model_id, version.number])
    kept = {"evaluation": row.evaluation_id, **({"scope": row.scope} if row.scope else {})}
    return Offer(
        proposal=row,
        product=product,
        promise=promise,
        assumed=row.promised_by_id is None,
        shown=point(OperatingPoint.model_validate(row.point), ()) if row.point else None,
        certificate=Certificate.model_validate(row.certificate) if row.certificate else None,
        address=f"{here}?{urlencode({**asked, **kept})}" if asked is not None else "",
    )
