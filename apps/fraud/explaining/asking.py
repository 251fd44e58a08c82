"""What the host hands to the runner with each request, told by the operating point."""

from apps.fraud.schema import OperatingPoint

EXPLAIN_FROM, EMBEDDINGS = "explain_from", "embeddings"


def request(point: OperatingPoint) -> dict[str, float | int | str | bool]:
    """Options of the engine's step: scores from the lowest cut-off of all bands are explained,
    and whose embeddings of entities are looked up."""
    cuts = [min(band.step_up, band.review, band.block) for band in point.bands]
    told: dict[str, float | int | str | bool] = {EXPLAIN_FROM: min(cuts)}
    if point.embeddings:
        told[EMBEDDINGS] = point.embeddings
    return told
