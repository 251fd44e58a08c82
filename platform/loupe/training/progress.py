"""How long a run still takes, from how far it came since it last began."""

from django.utils import timezone

from loupe.training.models import Run, RunMetrics, RunState

LEAST_STEPS = 3


def seconds_left(run: Run) -> float | None:
    """Seconds until the end by the pace of the latest steps; None while that cannot be told."""
    if run.state != RunState.RUNNING or run.progress <= 0:
        return None
    last = list(RunMetrics.objects.filter(run=run).order_by("-step").values_list("step", "at")[:10])
    if len(last) < LEAST_STEPS:
        return None
    (newest, at), (oldest, since) = last[0], last[-1]
    pace = (at - since).total_seconds() / max(1, newest - oldest)
    steps = newest / run.progress
    passed = (timezone.now() - at).total_seconds()
    return max(0.0, (steps - newest) * pace - min(passed, pace))
