"""REST v1's base classes and pieces, for the endpoints of apps."""

from loupe.api import describe
from loupe.api.answers import answer, ordered, parameter
from loupe.api.endpoint import Endpoint, RowEndpoint, find, named_project
from loupe.api.idempotency import idempotent
from loupe.api.paging import decode, encode, limit_of
from loupe.api.shapes.base import Order, Paged, Shape
from loupe.api.views.models import VersionEndpoint

__all__ = [
    "Endpoint",
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
    "limit_of",
    "named_project",
    "ordered",
    "parameter",
]
