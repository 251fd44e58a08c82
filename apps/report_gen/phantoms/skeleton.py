"""Ribs, spine, sternum, collarbones and shoulder blades."""

import math

import torch
from torch import Tensor

from apps.report_gen.phantoms.anatomy import Anatomy, spline
from apps.report_gen.phantoms.canvas import Canvas
from apps.report_gen.phantoms.grid import step

CORTEX, MARROW, CARTILAGE, DISC = 620.0, 160.0, 95.0, 85.0


def draw_skeleton(canvas: Canvas, who: Anatomy, cage: Tensor, angle: Tensor) -> None:
    """Draw every bone; the ribs lie on the outside of the cage."""
    density = canvas.chance.between(0.7, 1.15)
    _ribs(canvas, who, cage, angle, density)
    _spine(canvas, who, density)
    _sternum(canvas, who, density)
    _shoulders(canvas, who, cage, angle, density)


def _bone(canvas: Canvas, distance: Tensor, shell: float, density: float, grain: Tensor) -> None:
    """A cortex of `shell` mm around marrow."""
    canvas.paint(canvas.cover(distance), CORTEX * density)
    canvas.paint(canvas.cover(distance + shell), (MARROW + 45 * grain) * density)


def _ribs(canvas: Canvas, who: Anatomy, cage: Tensor, angle: Tensor, density: float) -> None:
    """All ribs at once: their distance repeats along z with the ribs' pitch.

    A rib falls on its way to the front, steeply at the side; its cartilage rises to the sternum.
    """
    at = canvas.at
    rise = step(angle, 2.35, 3.1)
    fall = 62 * step(angle, 0.15, 2.3) - 38 * rise
    turn = (at.z + fall) / who.rib_pitch + who.rib_phase
    up = (turn - turn.round()) * who.rib_pitch
    top = who.apex + 6 - (turn.round() - who.rib_phase) * who.rib_pitch
    radial = cage - 5.2 - 0.8 * torch.cos(angle * 3)
    tall = 6.6 - 1.4 * step(angle, 0.0, 0.6) * (1 - step(angle, 0.6, 1.2))
    slanted = up + 0.35 * radial
    rib = (((radial / 3.7) ** 2 + (slanted / tall) ** 2 + 1e-6).sqrt() - 1) * 4.2
    rib = torch.maximum(rib, (0.10 - angle) * 60)
    rib = torch.maximum(rib, -6 - top)
    # The lowest two end free at the side.
    free = step(-at.z - fall, 118, 132)
    rib = torch.maximum(rib, (angle - 3.05 + 1.15 * free) * 60)
    cartilage = step(angle, 2.40, 2.48)
    grain = canvas.texture(6)
    bone = rib + 30 * (cartilage > 0.5)
    between = torch.maximum(torch.maximum(cage - 8.5, 1.6 - cage), up.abs() - 50)
    canvas.paint(canvas.cover(torch.maximum(between, at.z - who.apex - 4)) * 0.85, 48.0)
    canvas.paint(canvas.cover(torch.maximum(rib, (2.44 - angle) * 60)), CARTILAGE)
    _bone(canvas, bone, 1.5, density, grain)


def _spine(canvas: Canvas, who: Anatomy, density: float) -> None:
    """Bodies and discs, the canal, arches and processes."""
    grid = canvas.grid
    reach = who.half_depth
    box = grid.box((0.0, -reach + 10, 0.0), (400.0, 72.0, 52.0))
    if box is None:
        return
    at = grid.space(box)
    x, y = at.x - who.spine_x(at.z), at.y - who.spine_y(at.z)
    pitch = who.rib_pitch * 1.02
    turn = at.z / pitch + who.rib_phase
    level = (turn - turn.round()) * pitch
    size = 1 + 0.14 * (-at.z / 150)
    waist = 1 - 0.10 * (1 - (level / (0.5 * pitch)) ** 2)
    deep = torch.where(y < 0, 12.0, 14.0) * size * waist
    ring = ((x / (16.5 * size * waist)) ** 2 + (y / deep) ** 2 + 1e-6).sqrt()
    round_body = (ring - 1) * 14
    body = torch.maximum(round_body, level.abs() - (0.5 * pitch - 2.4))
    grain = canvas.texture(5, box)
    canvas.paint(canvas.cover(round_body + 0.6), DISC, box)
    canvas.paint(canvas.cover(body), 480 * density, box)
    canvas.paint(canvas.cover(body + 1.6), (175 + 40 * grain) * density, box)
    arch_y = y + 20 * size
    canal = ((x**2 + (arch_y / 0.9) ** 2 + 1e-6).sqrt()) - 8.2
    arch = torch.maximum(canal - 6.5, -canal)
    arch = torch.maximum(arch, torch.maximum(level.abs() - 9, y + 4))
    process_y = arch_y + 22 + 0.4 * level
    spinous = torch.maximum(
        torch.maximum(x.abs() - 2.9, process_y.abs() - 14), (level + 4).abs() - 8
    )
    wing = torch.maximum((arch_y + 2 + 0.22 * x.abs()).abs() - 4.2, x.abs() - 31)
    wing = torch.maximum(wing, torch.maximum((level - 2).abs() - 5.5, 9 - x.abs()))
    bones = torch.minimum(torch.minimum(arch, spinous), wing)
    canvas.paint(canvas.cover(bones), 500 * density, box)
    canvas.paint(canvas.cover(bones + 1.7), (230 + 50 * grain) * density, box)
    canvas.paint(canvas.cover(canal), 22.0, box)
    cord = (x**2 + (arch_y / 0.85) ** 2 + 1e-6).sqrt() - 4.6
    canvas.paint(canvas.cover(cord), 42.0, box)
    _spurs(canvas, who, pitch, density)


def _spurs(canvas: Canvas, who: Anatomy, pitch: float, density: float) -> None:
    """Bony spurs of the elderly at the right front of discs, next to the lung."""
    if not canvas.chance.happens(0.45):
        return
    for number in range(-4, 3):
        if not canvas.chance.happens(0.6):
            continue
        z = (number + 0.5 - who.rib_phase) * pitch
        spine = float(who.spine_y(torch.tensor(z)))
        middle = torch.tensor([[z, spine + 12.0, 11 + canvas.chance.between(-3, 4)]])
        size = torch.tensor([canvas.chance.between(2.5, 5.0)])
        canvas.paint(canvas.tubes(middle, size), 420 * density)


def _sternum(canvas: Canvas, who: Anatomy, density: float) -> None:
    at = canvas.at
    _, depth, middle = who._section(at.z.clamp(max=who.apex - 28))
    front = middle + depth
    top, bottom = who.apex - 34, who.apex - 188
    manubrium = step(at.z, top - 52, top - 40)
    half = 13.5 + 14 * manubrium - 5 * step(-at.z, -bottom - 25, -bottom)
    y = at.y - front - 6
    plate = torch.maximum(
        ((at.x / half) ** 4 + (y / 6.2) ** 4 + 1e-6) ** 0.25 * 6.2 - 6.2,
        torch.maximum(at.z - top, bottom - at.z),
    )
    joint = (at.z - top + 46).abs() - 1.6
    _bone(canvas, torch.maximum(plate, -joint), 1.5, density * 0.8, canvas.texture(7))


def _shoulders(canvas: Canvas, who: Anatomy, cage: Tensor, angle: Tensor, density: float) -> None:
    at, chance = canvas.at, canvas.chance
    grain = canvas.texture(7)
    # Blades: thin curved plates on the back of the cage, with a thick side border.
    low = who.apex - 118
    tilt = 0.22 * (at.z - low) / 100
    edge_in, edge_out = 0.62 - 0.2 * tilt, 1.12 + tilt
    span = torch.maximum((edge_in - angle) * 95, (angle - edge_out) * 95)
    border = step(angle - edge_out, -0.16, 0.0)
    height = torch.maximum(low - at.z + 190 * (angle - edge_in - 0.16).abs() - 30, at.z - who.apex)
    thick = 1.7 + 3.6 * border
    curved = (cage - 23 - 9 * who.muscle + 7 * torch.cos((angle - 0.85) * 4)).abs() - thick
    blade = torch.maximum(torch.maximum(curved, span), height)
    _bone(canvas, blade, 1.3, density * 0.9, grain)
    # Their spines rise towards the joint.
    for side in (1.0, -1.0):
        start = (who.apex - 26.0, -who.half_depth + 8, side * 58.0)
        knots = torch.tensor(
            [
                start,
                (who.apex - 8, -who.half_depth + 6, side * 96),
                (who.apex + 16, -46.0, side * 138),
            ]
        )
        self_path = spline(knots, 12)
        canvas.stroke(self_path, 4.0, CORTEX * density * 0.85)
        canvas.stroke(self_path, 2.2, MARROW * density)
        top = who.apex - 32 + chance.between(-3, 3)
        front = who.half_depth - 22.0
        knots = torch.tensor(
            [
                (top, front, side * 24),
                (top + 12, front - 4, side * 58),
                (top + 30, front - 32, side * 98),
                (top + 44, front - 60, side * 140),
            ]
        )
        collarbone = spline(knots, 14)
        canvas.stroke(collarbone, 6.4, CORTEX * density)
        canvas.stroke(collarbone, 4.4, MARROW * density)
        head = torch.tensor([[who.apex + 40.0, -30.0, side * 150.0]])
        for radius, value in ((23.0, CORTEX * 0.8), (21.0, MARROW * 1.3)):
            distance = (
                math.sqrt(1.0)
                * (
                    (at.z - head[0, 0].item()) ** 2
                    + (at.y - head[0, 1].item()) ** 2
                    + (at.x - head[0, 2].item()) ** 2
                ).sqrt()
                - radius
            )
            canvas.paint(canvas.cover(distance), value * density)
