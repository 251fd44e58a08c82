"""A chest made for these tests: two lungs in a body, with the noise and blur of a scanner."""

import numpy as np
from scipy import ndimage

from apps.report_gen.volume import Volume, straight_affine

SPACING = (4.0, 1.2, 1.2)
SHAPE = (56, 196, 280)


def chest(seed: int = 0, blur: float = 0.8, noise: float = 15.0) -> Volume:
    """Two ellipsoids of lung in one of tissue; air around; `blur` mm within slices."""
    z, y, x = (
        ((np.arange(n) - (n - 1) / 2) * s).reshape([-1 if a == axis else 1 for a in range(3)])
        for axis, (n, s) in enumerate(zip(SHAPE, SPACING, strict=True))
    )
    hu = np.where((x / 160) ** 2 + (y / 110) ** 2 + 0 * z <= 1, 40.0, -1000.0)
    for centre in (-72, 72):
        lung = ((x - centre) / 56) ** 2 + (y / 78) ** 2 + (z / 100) ** 2 <= 1
        hu = np.where(lung, -850.0, hu)
    hu = ndimage.gaussian_filter(hu, (0, blur / SPACING[1], blur / SPACING[2]))
    hu += np.random.default_rng(seed).normal(0, noise, SHAPE)
    return Volume(
        hu=np.clip(np.rint(hu), -1024, 3071).astype(np.int16), spacing=SPACING,
        affine=straight_affine(SPACING),
    )  # fmt: skip
