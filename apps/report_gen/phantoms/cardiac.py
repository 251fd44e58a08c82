"""Around the heart: fluid in its sac, calcium in arteries, stomach above the diaphragm."""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from apps.report_gen.phantoms.anatomy import Anatomy, spline
from apps.report_gen.phantoms.canvas import FAT, Canvas
from apps.report_gen.phantoms.grid import Point, Space, ellipsoid, step
from apps.report_gen.phantoms.mediastinum import Middle, vessel_paths


class Hernia(NamedTuple):
    """A ball of stomach behind the heart."""

    centre: Point
    radii: Point


def some_hernia(canvas: Canvas, who: Anatomy) -> Hernia:
    """Where it lies: behind the heart, before the spine, mostly to the left."""
    chance = canvas.chance
    size = chance.between(19, 36)
    z = who.domes[1] + chance.between(-2, 12)
    spine = float(who.spine_y(torch.tensor(z)))
    deep = 0.85 * size
    return Hernia((z, spine + 16 + deep, chance.between(-18, 8)), (size * 1.1, deep, size * 1.15))


def hernia_distance(hernia: Hernia, at: Space, middle: Middle) -> Tensor:
    """mm to its wall; the heart and the aorta dent it."""
    others = torch.minimum(middle.heart, middle.aorta)
    return torch.maximum(ellipsoid(at, hernia.centre, hernia.radii), 3.0 - others)


def draw_hernia(canvas: Canvas, hernia: Hernia, middle: Middle) -> Tensor:
    """Wall, then fat, or food under air."""
    chance, at = canvas.chance, canvas.at
    distance = hernia_distance(hernia, at, middle) + 1.5 * canvas.texture(22)
    canvas.paint(canvas.cover(distance - 2), FAT)
    canvas.paint(canvas.cover(distance), 42.0)
    if chance.happens(0.3):
        canvas.paint(canvas.cover(distance + 3.5), -70.0 + 30 * canvas.texture(10))
    else:
        canvas.paint(canvas.cover(distance + 4), 25 + 20 * canvas.texture(8))
        if chance.happens(0.75):
            level = hernia.centre[1] + chance.between(-4, 14)
            canvas.paint(canvas.cover(torch.maximum(distance + 4, level - at.y)), -985.0)
    return distance < 0


def draw_sac(canvas: Canvas, middle: Middle, thick: Tensor) -> Tensor:
    """Fluid `thick` mm around the heart, and the sac outside it."""
    outer = middle.heart - thick
    shell = torch.maximum(outer, -middle.heart)
    canvas.paint(canvas.cover(shell), canvas.chance.between(4, 26))
    canvas.paint(canvas.cover((outer - 0.5).abs() - 0.7) * 0.7, 40.0)
    return shell < 0


def sac_thickness(canvas: Canvas, who: Anatomy, thick: float) -> Tensor:
    """Of the fluid, mm: more where the patient lies, and low."""
    at = canvas.at
    back = step(-at.y, -45, 25)
    low = step(-at.z, -10, 60)
    return thick * (0.35 + 0.75 * torch.maximum(back, 0.8 * low)) * (1 - step(at.z, 10, 45))


def _patches(canvas: Canvas, points: Tensor, radius: tuple[float, float], value: float) -> Tensor:
    """Plaques of calcium at `points` [N, 3]."""
    low, high = radius
    sizes = torch.tensor(canvas.chance.draw.uniform(low, high, len(points)), dtype=torch.float32)
    share = canvas.tubes(points, sizes)
    canvas.paint(share, value)
    return share > 0.3


def draw_aortic_calcium(canvas: Canvas, who: Anatomy) -> Tensor:
    """Plaques on the wall of the arch and the descending aorta."""
    chance = canvas.chance
    path, radius = vessel_paths(who)["aorta"]
    count = len(path)
    found = []
    for _ in range(int(chance.between(4, 15))):
        at = int(chance.between(0.32, 0.93) * count)
        ahead = path[min(at + 1, count - 1)] - path[max(at - 1, 0)]
        ahead = ahead / ahead.norm()
        side = torch.linalg.cross(ahead, torch.tensor([0.13, 0.71, 0.69]))
        side = side / side.norm()
        other = torch.linalg.cross(ahead, side)
        start, span = chance.between(0, 6.28), chance.between(0.3, 1.3)
        for turn in np.linspace(start, start + span, max(2, int(span * 9))):
            ring = side * float(np.cos(turn)) + other * float(np.sin(turn))
            found.append(path[at] + ring * radius + ahead * chance.between(-2.5, 2.5))
    return _patches(canvas, torch.stack(found), (0.9, 1.8), chance.between(550, 1000))


def coronary_paths(who: Anatomy) -> list[Tensor]:
    """Curves on the heart: left descending, circumflex and right coronary artery."""
    left, right, right_atrium, left_atrium = (part[0] for part in who.heart_parts())
    root = _off(left_atrium, 6, 22, 2)
    apex = _off(left, -26, 22, -18)
    middle = _off(left, *((b - a) / 2 for a, b in zip(left, right, strict=True)))
    knots = (
        [root, _off(middle, 26, 26, -6), _off(middle, 4, 34, -12), apex],
        [root, _off(left_atrium, 2, 10, -30), _off(left, 16, -22, -16), _off(left, -6, -32, -10)],
        [
            root,
            _off(right_atrium, 12, 24, -6),
            _off(right_atrium, -14, 26, -6),
            _off(right, -28, -12, 18),
        ],
    )
    return [_onto_heart(who, spline(torch.tensor(part), 10)) for part in knots]


def _off(point: Point, z: float, y: float, x: float) -> Point:
    return point[0] + z, point[1] + y, point[2] + x


def _onto_heart(who: Anatomy, points: Tensor) -> Tensor:
    """The points moved along rays from the heart's middle to 3 mm under its surface."""
    parts = torch.tensor([part[0] for part in who.heart_parts()], dtype=torch.float32)
    middle = parts.mean(0)
    ray = points - middle
    ray = ray / ray.norm(dim=1, keepdim=True).clamp(min=1e-3)
    reach = (points - middle).norm(dim=1, keepdim=True)
    for _ in range(12):
        here = middle + ray * reach
        gap = who.heart_surface(Space(here[:, 0], here[:, 1], here[:, 2]))[:, None]
        reach = (reach - 0.7 * (gap + 3.0)).clamp(min=5)
    placed: Tensor = middle + ray * reach
    return placed


def draw_coronaries(canvas: Canvas, who: Anatomy, blood: float) -> None:
    """The arteries themselves."""
    for path in coronary_paths(who):
        canvas.stroke(path, 1.6, blood)


def draw_coronary_calcium(canvas: Canvas, who: Anatomy) -> Tensor:
    """Plaques along the coronary arteries, most in the left descending one."""
    chance = canvas.chance
    paths = coronary_paths(who)
    found = []
    for _ in range(int(chance.between(2, 8))):
        path = paths[int(chance.draw.choice(3, p=[0.55, 0.2, 0.25]))]
        at = int(chance.between(0.08, 0.75) * len(path))
        span = int(chance.between(1, 5))
        found.append(path[at : at + span + 1])
    dense = torch.cat(found)
    return _patches(canvas, dense, (1.1, 2.1), chance.between(450, 950))


def draw_other_calcium(canvas: Canvas, who: Anatomy) -> None:
    """Old lymph nodes, and the valves' rings: calcium that is neither finding."""
    chance = canvas.chance
    hilum = who.heart_parts()[3][0][0] + 24
    if chance.happens(0.4):
        count = int(chance.between(1, 5))
        at = chance.draw.normal(0, 1, (count, 3)) * (14, 8, 24) + (hilum, -12, 0)
        _patches(
            canvas, torch.tensor(at, dtype=torch.float32), (1.5, 3.5), chance.between(400, 900)
        )
