"""Who acts, and what they may do: for the pages, REST and services of apps."""

from loupe.accounts.errors import Denied, NotVisible
from loupe.accounts.models import Project
from loupe.accounts.policy import SYSTEM, Action, Actor, can, people_who_may, require, visible
from loupe.audit.services import record as record_audit

__all__ = [
    "SYSTEM",
    "Action",
    "Actor",
    "Denied",
    "NotVisible",
    "Project",
    "can",
    "people_who_may",
    "record_audit",
    "require",
    "visible",
]
