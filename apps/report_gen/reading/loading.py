"""A judged series as a volume: decoded straight into its place, or resampled where it has to be."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from apps.report_gen.reading.decoding import decode, room_for
from apps.report_gen.reading.faults import Fault, Faulty
from apps.report_gen.reading.geometry.canonical import spacing_of, turn
from apps.report_gen.reading.geometry.stack import Stack
from apps.report_gen.reading.geometry.straighten import even_affine, evened, straightened
from apps.report_gen.reading.headers import Image
from apps.report_gen.reading.limits import Limits
from apps.report_gen.reading.nifti import read_nifti
from apps.report_gen.reading.reasons import Reason, refusal
from apps.report_gen.reading.sources import Source
from apps.report_gen.volume import AIR, Series, SourceGrid, SourceInstance, Volume

Loaded = tuple[Volume | None, list[Reason], list[Fault]]


def load_stack(stack: Stack, series: Series, limits: Limits) -> Loaded:
    """The volume of a stack, values not clipped; None with the refusal of damaged pixels."""
    grid = (len(stack.images), stack.rows, stack.columns)
    affine = stack.affine()
    turned = turn(affine, (grid[2], grid[1], grid[0]))
    as_is = stack.even and stack.straight
    hu = room_for(turned.canonical_shape if as_is else grid)
    faults = decode(stack.images, turned.as_acquired(hu) if as_is else hu, limits)
    if faults:
        return None, [_damaged(faults)], faults
    if as_is:
        canonical = turned.affine(affine)
    else:
        slanted = hu
        np.maximum(slanted, AIR, out=slanted)  # padding must not bleed into what is interpolated
        if not stack.even:
            slanted = evened(slanted, stack.distances, stack.spacing)
        result = _placed(slanted, even_affine(stack) if not stack.even else affine, stack, limits)
        if isinstance(result, Reason):
            return None, [result], []
        hu, canonical = result
    volume = Volume(
        hu=hu,
        spacing=spacing_of(canonical),
        affine=canonical,
        sources=tuple(_source(each) for each in stack.images),
        source_grid=SourceGrid(shape=grid, affine=affine),
        resampled=not as_is,
        series=series,
    )
    return volume, [], []


def load_nifti(source: Source, limits: Limits) -> Loaded:
    """The volume of a NIfTI file, values not clipped; None with the refusal."""
    try:
        volume, reasons = read_nifti(source, source.read(), limits)
    except Faulty as error:
        text = error.fault.text()
        reason = refusal(error.fault.code, "file", words=text.en, words_zh=text.zh)
        return None, [reason], [error.fault]
    return volume, reasons, []


def _placed(
    images: NDArray[np.int16], affine: NDArray[np.float64], stack: Stack, limits: Limits
) -> tuple[NDArray[np.int16], NDArray[np.float64]] | Reason:
    if not stack.straight:
        return straightened(images, affine, limits)
    turned = turn(affine, (images.shape[2], images.shape[1], images.shape[0]))
    hu = np.empty(turned.canonical_shape, dtype=np.int16)
    turned.as_acquired(hu)[...] = images
    return hu, turned.affine(affine)


def _source(image: Image) -> SourceInstance:
    x, y, z = image.position or (0.0, 0.0, 0.0)
    return SourceInstance(
        sop_class_uid=image.file.sop_class_uid,
        sop_instance_uid=image.file.sop_instance_uid,
        frame=image.frame,
        position=(x, y, z),
    )


def _damaged(faults: Sequence[Fault]) -> Reason:
    text = faults[0].text()
    return refusal("damaged_pixels", count=len(faults), first=text.en, first_zh=text.zh)
