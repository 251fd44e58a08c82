"""`/healthz`, `/readyz`, `/metrics`."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET
from prometheus_client import CONTENT_TYPE_LATEST

from loupe.monitoring import checks, metrics
from loupe.monitoring.access import allowed


@never_cache
@require_GET
def healthz(request: HttpRequest) -> HttpResponse:
    """The process lives; asks nothing else, so that a restart is not the cure for a full disk."""
    return JsonResponse({"status": "ok"})


@never_cache
@require_GET
def readyz(request: HttpRequest) -> HttpResponse:
    """Everything Loupe needs is there: 200, or 503 with what is missing."""
    answers = checks.ask_all()
    ready = all(answer.ok for answer in answers)
    body = {
        "status": "ok" if ready else "not_ready",
        "checks": {
            answer.name: {"ok": answer.ok, "ms": answer.ms, "message": answer.message}
            for answer in answers
        },
    }
    return JsonResponse(body, status=200 if ready else 503)


@never_cache
@require_GET
def prometheus(request: HttpRequest) -> HttpResponse:
    """Metrics in Prometheus' text format, for this machine or the holder of the token."""
    if not allowed(request):
        return HttpResponse(
            "Metrics are for this machine, or for requests with "
            "'Authorization: Bearer' and LOUPE_METRICS_TOKEN.\n",
            status=403,
            content_type="text/plain; charset=utf-8",
        )
    return HttpResponse(metrics.render(), content_type=CONTENT_TYPE_LATEST)
