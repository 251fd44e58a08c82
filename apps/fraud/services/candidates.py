"""What can be tried: a version with the operating point it has, or with a draft."""

from dataclasses import dataclass

from django.utils.translation import gettext as _

from apps.fraud.models import PointDraft
from apps.fraud.schema import OperatingPoint
from apps.fraud.services import drafts
from apps.fraud.services.ready import declared
from loupe.host.models import ModelVersion, operating_point, resolve, visible_versions
from loupe.host.models import OperatingPoint as StoredPoint
from loupe.host.people import Actor, NotVisible, Project


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A version and the point it would decide by; one of `draft` and `stored` says whose."""

    version: ModelVersion
    point: OperatingPoint
    draft: PointDraft | None = None
    stored: StoredPoint | None = None


def candidate(
    actor: Actor, project: Project, version_id: int | None = None, draft: int | None = None
) -> Candidate:
    """A version with its own point or with a draft's.

    Args:
        version_id: None: the draft's version, else the one that decides now.
        draft: the number of a draft; None: the point that the version has here.

    Raises:
        NotVisible: there is no such version or draft.
        NoModel: no version decides.
    """
    drafted = drafts.find(actor, project, draft) if draft is not None else None
    if version_id is None:
        version = drafted.version if drafted else resolve(actor, project, "fraud")
    else:
        rows = visible_versions(actor, project, "fraud").filter(pk=version_id)
        found = rows.select_related("model__project").first()
        if found is None:
            raise NotVisible(_("There is no such model version that you can see."))
        version = found
    if drafted is not None:
        # A draft keeps what it was written with; the embeddings are the project's of now.
        point = OperatingPoint.model_validate({**drafted.data, **declared(project.pk)})
        return Candidate(version=version, point=point, draft=drafted)
    stored = operating_point(version, project)
    return Candidate(
        version=version, point=OperatingPoint.model_validate(stored.data), stored=stored
    )


def champion(actor: Actor, project: Project) -> Candidate:
    """What decides now.

    Raises:
        NoModel: no version decides.
    """
    return candidate(actor, project)
