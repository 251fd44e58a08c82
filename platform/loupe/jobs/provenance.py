"""Which model and operating point made a result: one row shared by everything they made."""

from django.conf import settings

from loupe.jobs.models import Provenance
from loupe.registry.models import ModelVersion, OperatingPoint


def shared(
    app: str, version: ModelVersion | None, operating_point: OperatingPoint | None
) -> Provenance:
    """The row for this combination and this release of Loupe; made when it is new.

    Two processes may make one each at the same moment; both rows say the same.
    """
    sha256 = version.artefact_sha256 if version else ""
    found = (
        Provenance.objects.filter(
            app=app,
            model_version=version,
            operating_point=operating_point,
            artefact_sha256=sha256,
            loupe_version=settings.VERSION,
        )
        .order_by("pk")
        .first()
    )
    return found or Provenance.objects.create(
        app=app,
        model_version=version,
        operating_point=operating_point,
        artefact_sha256=sha256,
        loupe_version=settings.VERSION,
    )
