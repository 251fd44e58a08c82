"""The scheduled half of the search for similar cases: what was confirmed by day is taken in."""

from apps.defect_detection.models import Embedder
from apps.defect_detection.similar import keeping
from loupe.host.models import resolve
from loupe.host.people import SYSTEM, Project

SECONDS = 90.0
"""A task stays short; what is left is taken in by the next run, newest first."""


def take_in(project_id: str, options: dict[str, object]) -> str:
    """Begin anew where another model is in production now, then catch up; says how far it came.

    Raises:
        NoModel: no model is in production.
        TemporarilyUnavailable: the engine is away, late or too busy; what was done stays.
    """
    project = Project.objects.get(pk=project_id)
    now = resolve(SYSTEM, project, keeping.APP)
    kept = Embedder.objects.filter(project=project).first()
    anew = kept is not None and kept.version_id != now.pk
    if anew:
        keeping.start_anew(project)
    embedder = keeping.embedder_of(project)
    taken = keeping.catch_up(embedder, SECONDS)
    left = keeping.unkept(embedder).count()
    begun = f"Began anew with {embedder.version}; " if anew else ""
    return f"{begun}{taken} results taken in, {left} left."
