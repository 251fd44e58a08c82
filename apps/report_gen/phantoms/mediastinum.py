"""Heart, great vessels, trachea, oesophagus, and the fat that they lie in."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from apps.report_gen.phantoms.anatomy import Anatomy, spline
from apps.report_gen.phantoms.canvas import BLOOD, FAR, FAT, Canvas
from apps.report_gen.phantoms.grid import ellipsoid, smooth_min, step


@dataclass(frozen=True, kw_only=True)
class Phase:
    """HU of blood in the right heart and lungs, in the left heart and aorta, in veins.

    `organs` is the share of contrast in liver and spleen, `wall` HU of the heart's muscle.
    """

    right: float
    left: float
    veins: float
    organs: float
    wall: float


PLAIN = Phase(right=BLOOD, left=BLOOD, veins=BLOOD, organs=0.0, wall=46.0)


@dataclass(frozen=True, kw_only=True)
class Middle:
    """Distances that others need: to heart, vessels, aorta, and to all that is no lung."""

    heart: Tensor
    vessels: Tensor
    aorta: Tensor
    solid: Tensor


def vessel_paths(who: Anatomy) -> dict[str, tuple[Tensor, float]]:
    """Curves [N, 3] and radii, mm, of what runs between the lungs."""
    heart = who.heart_parts()
    (_lv, _), (rv, _), (ra, _), (la, _) = heart
    la_z, top = la[0], who.apex
    spine = float(who.spine_y(torch.tensor(20.0)))

    def curve(*knots: tuple[float, float, float]) -> Tensor:
        return spline(torch.tensor(knots), 12)

    arch = top - 62
    branch = la_z + 26
    return {
        "aorta": (who.aorta_path(), who.aorta),
        "trunk": (curve((rv[0] + 24, 44, -14), (la_z + 24, 40, -20), (branch + 4, 22, -20)), 13.0),
        "right_pulmonary": (
            curve(
                (branch + 4, 22, -18), (branch, 4, 0), (branch - 2, -6, 28), (branch - 6, -10, 48)
            ),
            10.5,
        ),
        "left_pulmonary": (
            curve((branch + 4, 22, -20), (branch + 8, 4, -28), (branch + 4, -12, -44)),
            11.0,
        ),
        "cava": (
            curve(
                (ra[0], 16, 28), (branch, 10, 30), (arch, 12, 28), (top - 30, 14, 26), (top, 8, 30)
            ),
            8.5,
        ),
        "innominate": (
            curve((top - 40, 16, 26), (top - 38, 26, 4), (top - 26, 20, -24), (top, 6, -34)),
            6.2,
        ),
        "carotid_right": (curve((arch + 8, 6, 10), (top - 20, 2, 18), (top + 50, -4, 26)), 4.6),
        "carotid_left": (curve((arch + 6, -2, -8), (top - 20, -4, -16), (top + 50, -6, -26)), 3.8),
        "subclavian_left": (
            curve(
                (arch + 4, -14, -16), (top - 20, -20, -28), (top - 2, -16, -42), (top + 4, -8, -90)
            ),
            4.4,
        ),
        "subclavian_right": (
            curve((top - 22, 0, 18), (top - 2, -10, 40), (top + 4, -6, 92)),
            4.4,
        ),
        "azygos": (
            curve((-120, spine + 14, 7), (20, spine + 14, 8), (branch + 14, spine + 16, 10)),
            3.4,
        ),
        "cava_lower": (
            curve((-170, -4, 22), (who.domes[0] - 20, -2, 24), (ra[0] - 8, 8, 24)),
            11.5,
        ),
        "veins_right": (curve((la_z, la[1], 16), (la_z - 2, -10, 36)), 6.5),
        "veins_left": (curve((la_z, la[1], -22), (la_z - 2, -12, -42)), 6.5),
    }


OF_LEFT = {"aorta", "carotid_right", "carotid_left", "subclavian_left", "subclavian_right",
           "veins_right", "veins_left"}  # fmt: skip
OF_RIGHT = {"trunk", "right_pulmonary", "left_pulmonary"}


def airway_paths(who: Anatomy) -> list[tuple[Tensor, float]]:
    """The trachea and the main bronchi."""
    branch = who.heart_parts()[3][0][0] + 32
    top = torch.tensor([(170.0, 4, 0), (who.apex, -6, 1), (branch + 24, -14, 3), (branch, -20, 3)])
    right = torch.tensor([(branch, -20.0, 3), (branch - 10, -20, 18), (branch - 22, -20, 40)])
    left = torch.tensor([(branch, -20.0, 3), (branch - 12, -20, -16), (branch - 22, -22, -42)])
    return [(spline(top, 12), 8.6), (spline(right, 12), 6.6), (spline(left, 12), 6.0)]


def gullet_path(who: Anatomy) -> Tensor:
    """The oesophagus."""
    spine = float(who.spine_y(torch.tensor(20.0)))
    knots = [(170.0, -14, -4), (who.apex - 20, -26, -5), (40.0, spine + 27, -3),
             (-20.0, spine + 28, -5), (who.domes[1] - 26, spine + 38, -14)]  # fmt: skip
    return spline(torch.tensor(knots), 12)


def measure_middle(canvas: Canvas, who: Anatomy) -> Middle:
    """Where everything between the lungs is."""
    at, grid = canvas.at, canvas.grid
    heart = who.heart_surface(at)
    paths = vessel_paths(who)
    aorta = canvas.tube(*paths["aorta"])
    others = torch.full(grid.shape, FAR, device=grid.device)
    for name in ("trunk", "right_pulmonary", "left_pulmonary", "cava", "cava_lower"):
        others = torch.minimum(others, canvas.tube(*paths[name]))
    vessels = torch.minimum(aorta, others)
    airways = torch.full(grid.shape, FAR, device=grid.device)
    for points, radius in airway_paths(who):
        airways = torch.minimum(airways, canvas.tube(points, radius + 2.5))
    solid = smooth_min(who.middle(at), heart - 4.0, 12.0)
    solid = smooth_min(solid, torch.minimum(vessels - 2.5, airways), 9.0)
    return Middle(heart=heart, vessels=vessels, aorta=aorta, solid=solid)


def with_solid(middle: Middle, solid: Tensor) -> Middle:
    """The same, the lungs keeping away from `solid`."""
    return replace(middle, solid=solid)


def fill_middle(canvas: Canvas, who: Anatomy, cage: Tensor) -> None:
    """The cage's inside is fat until something else is drawn there."""
    fill = torch.maximum(cage, who.diaphragm(canvas.at) - canvas.at.z)
    canvas.paint(canvas.cover(fill), FAT + 6 * canvas.texture(12))


def draw_middle(canvas: Canvas, who: Anatomy, middle: Middle, phase: Phase) -> None:
    """Draw everything between the lungs."""
    chance = canvas.chance
    _soft(canvas, who)
    _heart(canvas, who, middle, phase)
    paths = vessel_paths(who)
    for name, (points, radius) in paths.items():
        blood = phase.left if name in OF_LEFT else phase.right if name in OF_RIGHT else phase.veins
        if name == "aorta":
            canvas.paint(canvas.cover(middle.aorta - 1.2), phase.wall)
            canvas.paint(canvas.cover(middle.aorta + 0.8), blood)
        else:
            size = radius * chance.between(0.9, 1.1)
            canvas.stroke(points, size, blood)
    gullet = gullet_path(who)
    canvas.stroke(gullet, 7.0, 38.0)
    if chance.happens(0.5):
        place = int(chance.between(10, 40))
        canvas.stroke(gullet[place : place + 5], 2.5, -800.0)
    for points, radius in airway_paths(who):
        canvas.stroke(points, radius + 1.8, 35.0)
    for points, radius in airway_paths(who):
        canvas.stroke(points, radius, -995.0)


def _soft(canvas: Canvas, who: Anatomy) -> None:
    """Thyroid, thymus and small lymph nodes."""
    chance, at = canvas.chance, canvas.at
    for side in (1.0, -1.0):
        lobe = ellipsoid(at, (who.apex + 36, 4.0, side * 17), (24.0, 10.0, 9.0))
        canvas.paint(canvas.cover(lobe), 75.0 if chance.happens(0.5) else 100.0)
    spots = torch.tensor(chance.draw.normal(0, 1, (7, 3)) * (26, 12, 16), dtype=torch.float32)
    spots += torch.tensor((who.apex - 80.0, -6.0, 4.0))
    sizes = torch.tensor(chance.draw.uniform(1.8, 4.2, 7), dtype=torch.float32)
    canvas.paint(canvas.tubes(spots, sizes), 40.0)


def _heart(canvas: Canvas, who: Anatomy, middle: Middle, phase: Phase) -> None:
    """A thin sac, fat on the heart, walls, and blood in four chambers."""
    line = torch.maximum(middle.heart - 0.9, -0.9 - middle.heart)
    canvas.paint(canvas.cover(middle.heart), FAT + 14)
    canvas.paint(canvas.cover(line) * 0.6, 30.0)
    parts = [ellipsoid(canvas.at, centre, radii) for centre, radii in who.heart_parts()]
    rough = 1.2 * canvas.texture(15)
    left, right, right_atrium, left_atrium = parts
    epicardial = canvas.chance.between(1.0, 4.5)
    muscle = smooth_min(
        smooth_min(left, right, 12.0), torch.minimum(right_atrium, left_atrium), 8.0
    )
    groove = step(-(left - right).abs(), -7, 0) * 5
    canvas.paint(canvas.cover(muscle + epicardial + groove + rough), phase.wall)
    canvas.paint(canvas.cover(left_atrium + epicardial + 2.5 + rough), phase.left)
    canvas.paint(canvas.cover(right_atrium + epicardial + 2.5 + rough), phase.veins)
    free = torch.maximum(right + epicardial + 4, 5 - left - 5)
    canvas.paint(canvas.cover(free + rough), phase.right)
    canvas.paint(canvas.cover(left + epicardial + 11 + 2 * rough), phase.left)


def phase_of(canvas: Canvas, name: str) -> Phase:
    """The HU of a phase: ``plain``, ``arterial`` or ``venous``."""
    chance = canvas.chance
    if name == "arterial":
        left = chance.between(230, 380)
        return Phase(right=left * chance.between(0.8, 1.3), left=left,
                     veins=left * chance.between(0.7, 1.6), organs=0.25, wall=85.0)  # fmt: skip
    if name == "venous":
        blood = chance.between(120, 190)
        return Phase(right=blood, left=blood, veins=blood * 0.95, organs=1.0, wall=100.0)
    blood = chance.between(34, 50)
    return Phase(right=blood, left=blood, veins=blood, organs=0.0, wall=blood + 6)
