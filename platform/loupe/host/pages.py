"""The frame of pages, for the pages of apps."""

from loupe.console.pages.forms import Reason, blame
from loupe.console.pages.frame import PageRequest, project_page, say, say_refused
from loupe.console.said import translated

__all__ = ["PageRequest", "Reason", "blame", "project_page", "say", "say_refused", "translated"]
