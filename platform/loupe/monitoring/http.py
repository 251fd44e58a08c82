"""Wall times of HTTP requests, kept in this process until Prometheus fetches them."""

from prometheus_client import CollectorRegistry, Histogram

REGISTRY = CollectorRegistry()
_SECONDS = Histogram(
    "loupe_http_request_duration_seconds",
    "Wall time of answered requests, by the route's pattern.",
    ["method", "route", "status"],
    buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
    registry=REGISTRY,
)
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def observe(method: str, route: str, status: int, seconds: float) -> None:
    """Count one answered request.

    Args:
        route: the pattern, not the path: paths hold ids and would make a series each.
    """
    known = method if method in METHODS else "other"
    _SECONDS.labels(known, route, str(status)).observe(seconds)
