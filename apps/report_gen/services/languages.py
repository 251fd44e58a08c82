"""In which languages reports are written."""

from collections.abc import Sequence
from uuid import UUID


def choices(project_id: UUID) -> Sequence[tuple[str, str]]:
    """For forms, each in its own words."""
    return (("en", "English"), ("zh", "简体中文"))
