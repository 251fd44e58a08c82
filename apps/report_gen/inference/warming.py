"""What a first study would wait for, done when a model comes onto a GPU.

Kernels are compiled for the sizes that they see first, and the quickest launch shapes are chosen
then: most of a minute on an H100 that has done neither, and a part of a second on one that has.
"""

from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from apps.report_gen.inference.detect import detect
from apps.report_gen.inference.draft import AIR, Drafter, prepare_source
from apps.report_gen.inference.looking import looked_at
from apps.report_gen.inference.network import cubes
from core_kernels.transfer.chunks import ArraySource

SHAPE: Final = (64, 512, 512)
SPACING: Final = (2.5, 0.75, 0.75)
"""mm; thicker and thinner slices have other lists of weights, of which each is quick to compile."""
TISSUE: Final = 40
TEXT: Final = "Cough."
CORNER: Final = (0, 0, 0)


@torch.no_grad()
def warm(drafter: Drafter, device: torch.device, languages: tuple[str, ...]) -> None:
    """Draft a block of tissue in air, in each language, and outline a lesion that is not there."""
    shape, image = drafter.model.shape, drafter.image
    source = ArraySource(array=_block())
    exact = prepare_source(source, SPACING, shape, device).windows
    windows, seen = looked_at(image, exact, drafter.dtype)
    found = detect(image, windows, drafter.model.verdicts, seen)[0]
    cube = cubes(windows, [0], [CORNER], shape.crop)
    image.outline(cube, cubes(seen.fine, [0], [CORNER], shape.crop // 2))
    for language in languages:
        drafter.write(found.findings, TEXT, language, seen.features)


def _block() -> NDArray[np.int16]:
    """HU of a block as large as a chest."""
    hu = np.full(SHAPE, AIR, np.int16)
    inside = tuple(slice(edge // 8, edge - edge // 8) for edge in SHAPE)
    hu[inside] = TISSUE
    return hu
