"""Skin, fat, muscles, breasts, and the table under the patient."""

import torch
from torch import Tensor

from apps.report_gen.phantoms.anatomy import Anatomy
from apps.report_gen.phantoms.canvas import FAT, MUSCLE, Canvas
from apps.report_gen.phantoms.grid import ellipsoid, smooth_min, step


def outline(canvas: Canvas, who: Anatomy, cage: Tensor, angle: Tensor) -> Tensor:
    """Distance to the skin: the ribs' cage, thickened; shoulders above, the waist below."""
    at = canvas.at
    lateral = torch.sin(angle).clamp(min=0) ** 2
    wall = 15 + who.fat * (0.75 + 0.5 * lateral) + 9 * who.muscle * (0.6 + lateral)
    high = step(at.z, 35, 105)
    # Above the cage narrows, the body does not: it is drawn as a section of its own there.
    width = who.half_width + 26 + who.fat + 34 * high
    depth = who.half_depth + 18 + 0.8 * who.fat - 14 * high
    middle = 1.0 - 16 * high
    neck = step(at.z, who.apex + 18, who.apex + 62)
    width, depth = width * (1 - 0.42 * neck), depth * (1 - 0.25 * neck)
    y = at.y - middle
    level = ((at.x / width).abs() ** 2.7 + (y / depth).abs() ** 2.3 + 1e-9) ** (1 / 2.45)
    radius = (at.x**2 + y**2 + 1e-6).sqrt()
    section = radius * (1 - 1 / level)
    body = smooth_min(section, cage - wall, 18.0) + 2.2 * canvas.texture(70)
    if who.female:
        size = canvas.chance.between(0.8, 1.35)
        for side in (1.0, -1.0):
            # Lying down, breasts flatten and fall to the sides.
            centre = (8.0, who.half_depth + 14 + 0.6 * who.fat, side * 76.0)
            breast = ellipsoid(at, centre, (56 * size, 26 * size, 58 * size))
            body = smooth_min(body, breast, 26.0)
    return body


def draw_body(canvas: Canvas, who: Anatomy, cage: Tensor, angle: Tensor) -> Tensor:
    """Draw everything outside the ribs; returns the distance to the skin."""
    at = canvas.at
    body = outline(canvas, who, cage, angle)
    inside = canvas.cover(body)
    canvas.paint(inside, FAT + 7 * canvas.texture(14))
    if who.female:
        _glands(canvas, who, body)
    planes = canvas.texture(26)
    lateral = torch.sin(angle).clamp(min=0)
    front = step(angle, 1.75, 2.3) * (1 - step(angle, 2.85, 3.05))
    side = step(angle, 0.55, 0.95) * (1 - step(angle, 1.5, 2.1))
    m = who.muscle
    thick = 3.0 + 15 * m * front * step(at.z, 0, 60) * (1 - step(at.z, 95, 120))
    thick = thick + 17 * m * side * step(at.z, -60, 40)
    # The roof of the shoulders: trapezius and the muscles around the shoulder blade.
    thick = thick + 20 * m * step(at.z, 45, 100) * lateral
    layer = torch.maximum(cage - 11 - thick, 9.0 - cage)
    layer = torch.maximum(layer, body + 2 + 0.55 * who.fat)
    canvas.paint(canvas.cover(layer + 2.2 * (planes.abs() - 0.5)), MUSCLE + 5 * canvas.texture(9))
    _back(canvas, who, body)
    _neck(canvas, who, body)
    canvas.paint(canvas.cover(torch.maximum(body, -2.2 - body)), 25.0)
    _table(canvas, who)
    return body


def _glands(canvas: Canvas, who: Anatomy, body: Tensor) -> None:
    amount = canvas.chance.between(0.1, 0.9)
    for side in (1.0, -1.0):
        centre = (6.0, who.half_depth + 20 + 0.5 * who.fat, side * 80.0)
        box = canvas.grid.box(centre, 52.0)
        if box is None:
            continue
        at = canvas.grid.space(box)
        ball = ellipsoid(at, centre, (34.0, 17.0, 34.0)) / 8
        share = (amount - ball + 0.9 * canvas.texture(10, box)).clamp(0, 1) * 0.8
        canvas.paint(share * canvas.cover(body[box] + 7), 32.0, box)


def _back(canvas: Canvas, who: Anatomy, body: Tensor) -> None:
    """The long muscles beside the spine, and their fat planes."""
    at = canvas.at
    spine = who.spine_y(at.z)
    for side in (1.0, -1.0):
        x = (at.x - who.spine_x(at.z) - side * 27) / (24 * who.muscle**0.5)
        y = (at.y - spine + 41) / 15
        long = ((x**2 + y**2 + 1e-6).sqrt() - 1) * 16
        long = torch.maximum(long, body + 0.6 * who.fat)
        canvas.paint(canvas.cover(long + 2 * canvas.texture(16).abs() - 1), MUSCLE)


def _neck(canvas: Canvas, who: Anatomy, body: Tensor) -> None:
    """The muscles of the neck and the shoulders, with fat between them."""
    at = canvas.at
    planes = canvas.texture(30)
    for side in (1.0, -1.0):
        for y, x, half, reach in (
            (-30, 30, 13, 15), (2, 30, 12, 10), (-54, 58, 34, 14), (-34, 88, 30, 26),
            (14, 86, 34, 20), (-16, 132, 36, 36),
        ):  # fmt: skip
            shape = ((at.x - side * x) / half) ** 2 + ((at.y - y) / reach) ** 2
            distance = ((shape + 1e-6).sqrt() - 1) * min(half, reach)
            start = who.apex - 4 if x < 60 else who.apex - 38
            distance = torch.maximum(distance, (start - at.z) * 0.5)
            distance = torch.maximum(distance, body + 3 + 0.5 * who.fat)
            canvas.paint(
                canvas.cover(distance + 3.5 * (0.45 - planes.abs()).clamp(min=0), 1.4), MUSCLE
            )


def _table(canvas: Canvas, who: Anatomy) -> None:
    at = canvas.at
    down = -who.half_depth - 22 - 0.8 * who.fat - canvas.chance.between(6, 16)
    curve = at.y - down - 0.0011 * at.x**2
    shell = torch.maximum(curve.abs() - 1.4, at.x.abs() - 205).expand(canvas.grid.shape)
    canvas.paint(canvas.cover(shell), -180.0)
    foam = torch.maximum(torch.maximum(curve, -9 - curve), at.x.abs() - 205)
    canvas.paint(canvas.cover(foam.expand(canvas.grid.shape)) * 0.9, -930.0)
