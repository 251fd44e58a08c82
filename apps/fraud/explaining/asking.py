"""What the host hands to the runner with each request, told by the operating point."""

from apps.fraud.schema import OperatingPoint

EXPLAIN_FROM = "explain_from"


def request(point: OperatingPoint) -> dict[str, float | int | str | bool]:
    """Options of the engine's step: scores from the lowest cut-off of all bands are explained."""
    cuts = [min(band.step_up, band.review, band.block) for band in point.bands]
    return {EXPLAIN_FROM: min(cuts)}
