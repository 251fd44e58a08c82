"""How the host calls this app."""

from typing import Final

SLUG: Final = "report_gen"
