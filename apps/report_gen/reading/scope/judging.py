"""Whether a volume is a chest CT in Hounsfield units with enough of the lungs on it."""

from typing import Final

from apps.report_gen.reading.reasons import Reason, refusal, warning
from apps.report_gen.reading.scope.hounsfield import not_hounsfield
from apps.report_gen.reading.scope.lungs import find_lungs, thinned
from apps.report_gen.volume import Volume

LEAST_LITRES: Final = 0.8
LEAST_EXTENT: Final = 120.0
"""mm of lung from the lowest to the highest slice."""
LUNG_PER_MM: Final = 0.005
"""Litres a mm (50 cm² a slice): a chest that was cut short still has as much."""
CUT: Final = 0.15
"""Share of the largest lung area that an end of the scan may still show."""

_ENDS: Final = {"lower": ("lower end", "下端"), "upper": ("upper end", "上端")}


def judge(volume: Volume) -> list[Reason]:
    """The reasons that come from the values; expects values that nobody clipped."""
    coarse, spacing = thinned(volume)
    wrong = not_hounsfield(coarse)
    if wrong is not None:
        return [wrong]
    lungs = find_lungs(coarse, spacing)
    if lungs.litres < LEAST_LITRES or lungs.extent < LEAST_EXTENT:
        dense = lungs.extent > 0 and lungs.litres / lungs.extent >= LUNG_PER_MM
        if dense and lungs.extent < LEAST_EXTENT:
            return [
                refusal(
                    "coverage",
                    "coverage_refused",
                    extent=round(lungs.extent, 1),
                    least=LEAST_EXTENT,
                )
            ]
        return [
            refusal(
                "body_part",
                litres=round(lungs.litres, 3),
                extent=round(lungs.extent, 1),
                least_litres=LEAST_LITRES,
                least_extent=LEAST_EXTENT,
            )
        ]
    return [
        warning(
            "coverage",
            end=_ENDS[end][0],
            end_zh=_ENDS[end][1],
            share=round(share, 3),
        )
        for end, share in (("lower", lungs.lower_cut), ("upper", lungs.upper_cut))
        if share > CUT
    ]
