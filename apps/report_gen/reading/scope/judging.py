"""Whether a volume is a chest CT in Hounsfield units with enough of the lungs on it."""

from typing import Final

from apps.report_gen.reading.reasons import Reason, refusal, warning
from apps.report_gen.reading.scope.hounsfield import not_hounsfield
from apps.report_gen.reading.scope.lungs import Lungs, find_lungs, thinned
from apps.report_gen.volume import Volume

LEAST_LITRES: Final = 0.8
LEAST_EXTENT: Final = 120.0
"""mm of lung from the lowest to the highest slice."""
LUNG_PER_MM: Final = 0.005
"""Litres a mm (50 cm² a slice): a chest that was cut short still has as much."""
CUT: Final = 0.15
"""Share of the largest lung area that an end of the scan may still show."""

CUT_SIDE: Final = 0.2
"""Share of the slices with lung on which the field of view may cut the body at one side."""
LEAST_WIDTH: Final = 230.0
"""mm; the chest of an adult is wider."""
LEAST_OF_A_CHILD: Final = 0.1
"""Litres of lung."""

_SIDES: Final = {"left": "左侧", "right": "右侧", "back": "后方", "front": "前方"}
_ENDS: Final = {"lower": ("lower end", "下端"), "upper": ("upper end", "上端")}


def judge(volume: Volume) -> list[Reason]:
    """The reasons that come from the values; expects values that nobody clipped."""
    coarse, spacing = thinned(volume)
    wrong = not_hounsfield(coarse)
    if wrong is not None:
        return [wrong]
    lungs = find_lungs(coarse, spacing)
    if lungs.litres < LEAST_LITRES or lungs.extent < LEAST_EXTENT:
        return [_too_little(lungs)]
    reasons = [
        warning(
            "coverage",
            end=_ENDS[end][0],
            end_zh=_ENDS[end][1],
            share=round(share, 3),
        )
        for end, share in (("lower", lungs.lower_cut), ("upper", lungs.upper_cut))
        if share > CUT
    ]
    reasons += [
        warning(
            "coverage",
            "coverage_side",
            side=side,
            side_zh=_SIDES[side],
            share=round(share, 3),
        )
        for side, share in lungs.cut.items()
        if share > CUT_SIDE
    ]
    if _is_small(lungs):
        reasons.append(warning("small_body", width=round(lungs.width)))
    return reasons


def _too_little(lungs: Lungs) -> Reason:
    """Why there is less lung than in a chest: of a small body, in a part of it, or none."""
    litres, extent = round(lungs.litres, 3), round(lungs.extent, 1)
    whole = max(lungs.lower_cut, lungs.upper_cut) <= CUT
    if whole and lungs.litres >= LEAST_OF_A_CHILD and _is_small(lungs):
        return refusal(
            "small_body",
            "small_body_refused",
            litres=litres,
            extent=extent,
            width=round(lungs.width),
        )
    cut = [side for side, share in lungs.cut.items() if share > CUT_SIDE]
    if cut and lungs.litres >= LEAST_OF_A_CHILD:
        return refusal(
            "coverage",
            "coverage_sides_refused",
            sides=", ".join(cut),
            sides_zh="、".join(_SIDES[side] for side in cut),
            litres=litres,
        )
    dense = lungs.extent > 0 and lungs.litres / lungs.extent >= LUNG_PER_MM
    if dense and lungs.extent < LEAST_EXTENT:
        return refusal("coverage", "coverage_refused", extent=extent, least=LEAST_EXTENT)
    return refusal(
        "body_part",
        litres=litres,
        extent=extent,
        least_litres=LEAST_LITRES,
        least_extent=LEAST_EXTENT,
    )


def _is_small(lungs: Lungs) -> bool:
    whole = max(lungs.cut["left"], lungs.cut["right"]) <= CUT_SIDE if lungs.cut else False
    return whole and lungs.width < LEAST_WIDTH
