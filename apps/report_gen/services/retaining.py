"""The schedule ``retain``: who studies are about is forgotten after a time.

Without a period nothing is erased: the run says what is kept.
"""

from typing import Any, Final
from uuid import UUID

from apps.report_gen.clinical import erasing
from loupe.contract.runtime.errors import InputRefused
from loupe.host.people import SYSTEM, Project, record_audit

MOST_SECONDS: Final = 60.0
"""Of a run; what is left is erased by the next one."""
MOST_DAYS: Final = 36_500
_OPTIONS: Final = ("days", "dry")


def retain(project_id: str, options: dict[str, Any]) -> str:
    """Erase identity and original files of studies that arrived more than ``days`` ago.

    Args:
        options: ``days`` (left out: nothing is erased), ``dry`` (true: only counted).

    Raises:
        InputRefused: an option is not known, or has no such value.
    """
    days, dry = _checked(options)
    project = Project.objects.get(pk=UUID(project_id))
    if days is None:
        count = erasing.old(project, 0).count()
        return f"No period is set (option days): nothing was erased; {count} studies name somebody."
    if dry:
        count = erasing.old(project, days).count()
        return f"{count} studies are older than {days} days; nothing was erased (dry)."
    erased = erasing.erase_old(project, days, MOST_SECONDS)
    left = erasing.old(project, days).count()
    if erased:
        told = {"days": days, "studies": erased, "left": left}
        record_audit(SYSTEM, project, "clinical.retained", f"project:{project.slug}", told)
    return f"{erased} studies older than {days} days were erased, {left} are left."


def _checked(options: dict[str, Any]) -> tuple[int | None, bool]:
    for name in options:
        if name not in _OPTIONS:
            raise InputRefused(
                f"The option {name[:60]!r} is not known; known are {', '.join(_OPTIONS)}. "
                "Take it out.",
                code="unknown_option",
            )
    days, dry = options.get("days"), options.get("dry", False)
    whole = isinstance(days, int) and not isinstance(days, bool)
    if days is not None and not (whole and 1 <= days <= MOST_DAYS):
        raise InputRefused(
            f"The option days is {str(days)[:60]!r}; a whole number from 1 to {MOST_DAYS:,} is "
            "needed, or none: then nothing is erased.",
            code="days",
        )
    if not isinstance(dry, bool):
        raise InputRefused(
            f"The option dry is {str(dry)[:60]!r}; true or false is needed.", code="dry"
        )
    return days, dry
