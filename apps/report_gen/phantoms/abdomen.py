"""What a chest CT shows below the diaphragm: liver, spleen, stomach, bowel, fat."""

import torch
from torch import Tensor

from apps.report_gen.phantoms.anatomy import Anatomy
from apps.report_gen.phantoms.canvas import FAT, MUSCLE, Canvas
from apps.report_gen.phantoms.grid import ellipsoid, smooth_min, step
from apps.report_gen.phantoms.trees import liver_vessels


def draw_abdomen(
    canvas: Canvas, who: Anatomy, cage: Tensor, dome: Tensor, contrast: float, blood: float
) -> None:
    """Fill the cage below the diaphragm's height `dome`.

    Args:
        contrast: share of contrast in organs, 0 to 1.
        blood: HU of vessels.
    """
    at, chance = canvas.at, canvas.chance
    below = torch.maximum(cage, (at.z - dome) * 0.8)
    inner = below + 2.5
    canvas.paint(canvas.cover(below), FAT + 5 * canvas.texture(18))
    organ = below + 3.6
    left_edge = chance.between(-70, -25)
    # The liver fills the right and thins towards the left.
    slope = at.x - left_edge - 0.45 * (who.domes[0] - at.z) - 0.28 * (20 - at.y)
    liver = smooth_min(-slope * 0.85, 3 - 0 * slope, 1.0)
    liver = torch.maximum(torch.maximum(organ, liver), -(at.x - who.spine_x(at.z)).abs() + 0)
    spine = who.spine_y(at.z)
    near = ((at.x / 34) ** 2 + ((at.y - spine) / 34) ** 2 + 1e-6).sqrt()
    liver = torch.maximum(liver, (1 - near) * 30)
    fatty = chance.between(0, 1) < 0.15
    tissue = (20 if fatty else 58) + 52 * contrast
    canvas.paint(canvas.cover(liver), tissue + 3 * canvas.texture(10))
    vessels = liver_vessels(canvas, who)
    if vessels is not None:
        canvas.paint(vessels * canvas.cover(liver + 5), 0.35 * blood + 0.65 * (38 + 90 * contrast))
    _left(canvas, who, organ, contrast)
    # The kidneys' fat and the crura around the aorta.
    for side in (1.0, -1.0):
        x, y = at.x - side * 13, at.y - spine - 20
        crus = ((x / 6) ** 2 + (y / 15) ** 2 + 1e-6).sqrt() * 6 - 6
        crus = torch.maximum(crus, at.z - dome.clamp(max=who.domes[1] - 18))
        canvas.paint(canvas.cover(torch.maximum(crus, organ)), MUSCLE)
    leaf = torch.maximum(below, -inner)
    canvas.paint(canvas.cover(leaf) * (at.z < dome + 4), MUSCLE)


def _left(canvas: Canvas, who: Anatomy, organ: Tensor, contrast: float) -> None:
    """Spleen at the back, stomach with air and food in front, a loop of colon."""
    at, chance = canvas.at, canvas.chance
    dome = who.domes[1]
    size = chance.between(0.85, 1.2)
    centre = (dome - 62, -46.0, -0.66 * who.half_width)
    spleen = ellipsoid(at, centre, (46 * size, 44 * size, 28 * size))
    canvas.paint(canvas.cover(torch.maximum(spleen, organ)), 48 + 62 * contrast)
    centre = (dome - 52 - 6 * size, 8.0, -0.5 * who.half_width)
    stomach = ellipsoid(at, centre, (44 * size, 44 * size, 38 * size))
    stomach = torch.maximum(stomach, organ + 1)
    canvas.paint(canvas.cover(stomach), 45.0)
    level = centre[1] + chance.between(-25, 22)
    food = chance.between(0, 40) + 25 * canvas.texture(9)
    canvas.paint(canvas.cover(stomach + 4), food)
    canvas.paint(canvas.cover(torch.maximum(stomach + 4, level - at.y)), -990.0)
    if chance.happens(0.6):
        centre = (dome - 48, 50.0, -0.62 * who.half_width)
        colon = ellipsoid(at, centre, (26.0, 22.0, 34.0)) + 3 * canvas.texture(30)
        colon = torch.maximum(colon, organ + 1)
        canvas.paint(canvas.cover(colon), 40.0)
        gas = -940 + 420 * step(canvas.texture(14), 0.2, 1.4)
        canvas.paint(canvas.cover(colon + 2.5), gas)
