"""The measures of one person's chest, and its large surfaces as functions of place.

Every surface is a signed distance in mm over coordinates that broadcast, so the same functions
draw a volume and answer for single points. Measures are those of adults lying on their back with
the arms raised.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from apps.report_gen.findings import Lobe
from apps.report_gen.phantoms.grid import Chance, Space, ellipsoid, smooth_min, step

LOBES = tuple(Lobe)
"""Their values in a map of lobes are 1 to 5, in this order."""
RIGHT, LEFT = 1.0, -1.0


@dataclass(frozen=True, kw_only=True)
class Anatomy:
    """Lengths in mm.

    Attributes:
        half_width, half_depth: of the inside of the rib cage where it is widest.
        apex: z of the top of the lungs.
        domes: z of the top of the diaphragm, right and left.
        heart: size of the heart, 1 being usual for this chest.
        fat, muscle: thickness of the layers around the ribs.
        female: breasts are drawn.
        kyphosis: how far the spine bends back at its middle.
        tilt: of the oblique fissures, mm of z a mm of y.
    """

    half_width: float
    half_depth: float
    apex: float
    domes: tuple[float, float]
    heart: float
    fat: float
    muscle: float
    female: bool
    kyphosis: float
    tilt: float
    fissure: float
    minor: float
    lean: float
    rib_pitch: float
    rib_phase: float
    aorta: float
    unfolded: float
    bow: float
    square: float
    heart_turn: float

    # --- the cage -------------------------------------------------------------------------

    def _section(self, z: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Half width, half depth and the middle's y of the cage at a height."""
        up = ((z + 30) / (self.apex + 34)).clamp(0, 1)
        narrow = (1 - up**2.2).clamp(min=1e-4)
        down = ((-30 - z) / 120).clamp(0, 1)
        width = self.half_width * narrow**0.56 * (1 + 0.04 * down)
        depth = self.half_depth * narrow**0.44 * (1 - 0.03 * down)
        front = 4 - 26 * up**1.5 + 4 * down
        return width, depth, front

    def cage(self, at: Space) -> Tensor:
        """Distance to the inside of the rib cage, along rays from its axis."""
        width, depth, middle = self._section(at.z)
        y = at.y - middle
        power = self.square
        level = ((at.x / width).abs() ** power + (y / depth).abs() ** power + 1e-9) ** (1 / power)
        radius = (at.x**2 + y**2 + 1e-6).sqrt()
        return (radius * (1 - 1 / level)).clamp(-200, 200)

    def angle(self, at: Space) -> Tensor:
        """From the spine (0) around either side to the sternum (π)."""
        width, depth, middle = self._section(at.z)
        return torch.atan2(at.x.abs() / width, -(at.y - middle) / depth)

    def spine_y(self, z: Tensor) -> Tensor:
        """y of the middle of the vertebral bodies."""
        _, _, middle = self._section(z.clamp(max=self.apex - 25))
        bend = ((z - 10) / 150) ** 2
        return middle - self.half_depth + 27 - self.kyphosis + self.kyphosis * bend

    def spine_x(self, z: Tensor) -> Tensor:
        """x of the spine: nobody's is straight."""
        return self.bow * torch.sin(z / 90)

    # --- the diaphragm ----------------------------------------------------------------------

    def diaphragm(self, at: Space) -> Tensor:
        """Its z at a place."""
        heights = []
        for side, top in zip((RIGHT, LEFT), self.domes, strict=True):
            out = (side * at.x - 62) / (self.half_width * 0.62)
            along = (at.y - 12) / (self.half_depth * 0.95)
            away = (out**2 + along**2 + 1e-6).sqrt()
            drop = 42 * away**2.3 + 30 * step(-at.y, 5, 75)
            heights.append(top - drop.clamp(max=115))
        return torch.maximum(heights[0], heights[1])

    # --- the middle -------------------------------------------------------------------------

    def heart_parts(
        self,
    ) -> tuple[tuple[tuple[float, float, float], tuple[float, float, float]], ...]:
        """Centre and radii (z, y, x) of left and right ventricle and atrium."""
        s = self.heart * self.half_width / 125
        base = (self.domes[0] + self.domes[1]) / 2 + 27 * s
        t = self.heart_turn
        return (
            ((base - 6 * s, 25.0 + 2 * t, -42.0 * s), (40 * s, 36 * s, 40 * s)),
            ((base - 8 * s, 51.0 - 2 * t, -12.0 * s), (36 * s, 29 * s, 42 * s)),
            ((base + 8 * s, 27.0, 24.0 * s), (36 * s, 31 * s, 29 * s)),
            ((base + 20 * s, -6.0, -6.0 * s), (25 * s, 21 * s, 34 * s)),
        )

    def heart_surface(self, at: Space) -> Tensor:
        """Distance to the outside of the heart, fat on it included."""
        parts = [ellipsoid(at, centre, radii) for centre, radii in self.heart_parts()]
        joined = parts[0]
        for part in parts[1:]:
            joined = smooth_min(joined, part, 22.0)
        return joined

    def aorta_path(self) -> Tensor:
        """Points [N, 3] of the middle of the aorta from the valve to the abdomen."""
        heart = self.heart_parts()
        root = (heart[3][0][0] + 2, 14.0, -4.0)
        top = self.apex - 62
        u = self.unfolded
        spine = float(self.spine_y(torch.tensor(0.0)))
        knots = torch.tensor(
            [
                root,
                (root[0] + 26, 22.0 + u, 14.0 + u),
                (top - 16, 18.0 + u, 16.0 + u),
                (top + 2, 4.0, 8.0),
                (top + 4, -14.0, -10.0),
                (top - 6, spine + 30, -24.0 - u),
                (top - 30, spine + 16, -27.0 - u),
                (10.0, spine + 13, -25.0 - u),
                (-60.0, spine + 16, -20.0 - u / 2),
                (-170.0, spine + 24, -8.0),
            ]
        )
        return spline(knots, 14)

    def middle(self, at: Space) -> Tensor:
        """Distance to what lies between the lungs, heart and aorta apart."""
        high = step(at.z, 20, 70)
        spine = self.spine_y(at.z)
        _, depth, centre = self._section(at.z)
        front = centre + depth
        half = (
            3.5
            + (15 + 9 * high) * torch.exp(-(((at.y + 12) / 24) ** 2))
            + (13 + 10 * high) * torch.exp(-(((at.y - 20 + 12 * high) / 20) ** 2))
            + 8 * step(at.z, self.apex - 55, self.apex - 5)
        )
        # A wedge of fat widens towards the sternum.
        half = half + 15 * torch.exp(-(((at.y - front) / 15) ** 2))
        # The lungs do not meet behind the sternum high up, nor under the heart.
        half = half + 16 * step(at.z, self.apex - 40, self.apex + 10) * step(at.y, 5, 35)
        shift = self.lean * torch.exp(-(((at.y - 40) / 40) ** 2))
        core = (at.x - shift).abs() - half
        column = ((at.x - self.spine_x(at.z)) / 21) ** 2 + ((at.y - spine) / 19) ** 2
        body = (column.clamp(min=1e-6).sqrt() - 1) * 20
        # Behind the bodies the ribs' heads and the muscles close the gap.
        back = torch.maximum((at.x - self.spine_x(at.z)).abs() - 24, at.y - spine)
        return smooth_min(smooth_min(core, body, 10.0), back, 8.0)

    # --- lungs ------------------------------------------------------------------------------

    def lungs(self, at: Space, solid: Tensor) -> Tensor:
        """Distance to both lungs, given that to what is `solid` between them."""
        above = (self.diaphragm(at) - at.z) * 0.75
        inside = torch.maximum(self.cage(at) + 2.0, above)
        return torch.maximum(inside, -solid)

    def lobes(self, at: Space) -> Tensor:
        """The lobe, 1 to 5 in the order of `LOBES`, that a place in the lungs belongs to."""
        oblique = self.oblique(at)
        right = torch.where(oblique < 0, 3, torch.where(self.horizontal(at) > 0, 1, 2))
        left = torch.where(oblique < 0, 5, 4)
        return torch.where(at.x > 0, right, left).to(torch.uint8)

    def oblique(self, at: Space) -> Tensor:
        """Distance to the oblique fissures; below 0 in the lower lobes.

        They run from the back, high, to the front, low.
        """
        side = torch.where(at.x > 0, 0.0, 6.0)
        curve = 10 * torch.sin(at.x.abs() / 60) - 0.0016 * at.y**2
        height = self.fissure + side + curve - self.tilt * at.y
        return (at.z - height) / math.sqrt(1 + self.tilt**2)

    def horizontal(self, at: Space) -> Tensor:
        """Distance to the right lung's minor fissure; above 0 in the upper lobe."""
        return at.z - (self.minor + 0.12 * (at.x - 60) - 0.001 * (at.y - 30) ** 2)


def spline(knots: Tensor, pieces: int) -> Tensor:
    """Points along a Catmull–Rom curve through `knots` [K, D], `pieces` between two of them."""
    padded = torch.cat([2 * knots[:1] - knots[1:2], knots, 2 * knots[-1:] - knots[-2:-1]])
    t = (torch.arange(pieces, dtype=knots.dtype) / pieces)[None, :, None]
    a, b, c, d = (padded[i : len(padded) - 3 + i, None] for i in range(4))
    curve = 0.5 * (
        2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3
    )
    return torch.cat([curve.reshape(-1, knots.shape[1]), knots[-1:]])


def person(chance: Chance, *, heart: float = 1.0, distended: float = 0.0) -> Anatomy:
    """Someone's measures; `distended` flattens the diaphragm and widens the chest, 0 to 1."""
    female = chance.happens(0.5)
    scale = chance.about(0.95 if female else 1.03, 0.045)
    dome = chance.about(-50, 9) - 14 * distended
    fat = max(4.0, chance.about(17 if female else 13, 6))
    return Anatomy(
        half_width=124 * scale + chance.about(0, 4),
        half_depth=(84 + 8 * distended) * scale + chance.about(0, 4),
        apex=116 + chance.about(0, 6),
        domes=(dome, dome - chance.about(10, 5)),
        heart=heart,
        fat=fat,
        muscle=chance.about(0.85 if female else 1.15, 0.15),
        female=female,
        kyphosis=chance.between(2, 9),
        tilt=chance.between(0.85, 1.15),
        fissure=chance.about(-8, 8),
        minor=chance.about(6, 8),
        lean=chance.about(-3, 3),
        rib_pitch=chance.about(24.5, 1.2) * scale,
        rib_phase=chance.between(0, 1),
        aorta=chance.about(12.8, 1.4) * (0.95 if female else 1.05),
        unfolded=max(0.0, chance.about(3, 3)),
        bow=chance.about(0, 3),
        square=chance.between(2.15, 2.5),
        heart_turn=chance.between(-1, 1),
    )
