"""REST v1's base classes, for the endpoints of apps."""

from loupe.api.endpoint import Endpoint, RowEndpoint, find, named_project

__all__ = ["Endpoint", "RowEndpoint", "find", "named_project"]
