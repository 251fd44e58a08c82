"""REST v1's base classes and pieces, for the endpoints of apps."""

from loupe.api import describe
from loupe.api.answers import answer, ordered, parameter
from loupe.api.endpoint import Endpoint, RowEndpoint, find, named_project
from loupe.api.handed import FILE_PARSERS, take_files
from loupe.api.idempotency import LastStep, idempotent, idempotent_last_step
from loupe.api.paging import decode, encode, limit_of, newest_first
from loupe.api.shapes.base import Order, Paged, Shape
from loupe.api.views.models import VersionEndpoint

__all__ = [
    "FILE_PARSERS",
    "Endpoint",
    "LastStep",
    "Order",
    "Paged",
    "RowEndpoint",
    "Shape",
    "VersionEndpoint",
    "answer",
    "decode",
    "describe",
    "encode",
    "find",
    "idempotent",
    "idempotent_last_step",
    "limit_of",
    "named_project",
    "newest_first",
    "ordered",
    "parameter",
    "take_files",
]
