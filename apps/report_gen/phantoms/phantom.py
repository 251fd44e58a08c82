"""A phantom: a chest CT that never was, and everything there is to know about it."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from apps.report_gen.findings import FindingSet
from apps.report_gen.phantoms import abdomen, airspace, cardiac, lungs, mediastinum, nodules, pleura
from apps.report_gen.phantoms.acquisition import moved, posed, scanned
from apps.report_gen.phantoms.anatomy import Anatomy, person
from apps.report_gen.phantoms.body import draw_body
from apps.report_gen.phantoms.canvas import Canvas, canvas
from apps.report_gen.phantoms.covering import cover, left_to_see, only_thin
from apps.report_gen.phantoms.grid import Chance, Grid
from apps.report_gen.phantoms.skeleton import draw_skeleton
from apps.report_gen.phantoms.truth import truth_of
from apps.report_gen.phantoms.wanted import Wanted, some_findings, some_scan

ENLARGED = 0.50
"""Heart over chest, both at their widest: above it the heart is enlarged."""
HEART_SPAN = 0.535
"""That ratio of the heart as `Anatomy` draws it at size 1."""


@dataclass(frozen=True, kw_only=True)
class Phantom:
    """One phantom.

    Attributes:
        hu: int16 [D, H, W].
        regions: int16 [D, H, W]; bit k is set where the k-th of `FINDINGS` is.
        labels: uint8 [D, H, W]; the number of a focal lesion, as in `Finding.label`.
        lobes: uint8 [D, H, W]; 1 to 5, in the order of `Lobe`.
    """

    seed: int
    grid: Grid
    wanted: Wanted
    hu: Tensor
    regions: Tensor
    labels: Tensor
    lobes: Tensor
    truth: FindingSet


def some_wanted(seed: int, *, held_out: bool = False) -> Wanted:
    """What the phantom of a seed shows, when nobody says."""
    chance = Chance(seed ^ 0x5EED)
    return Wanted(findings=some_findings(chance), scan=some_scan(chance), held_out=held_out)


def make(seed: int, grid: Grid | None = None, wanted: Wanted | None = None) -> Phantom:
    """The phantom of a seed: the same bits every time on one device.

    Args:
        seed: 0 or above.
        grid: what it is drawn on.
        wanted: what it shows; drawn from the seed by default.
    """
    grid = grid or Grid()
    wanted = wanted or some_wanted(seed)
    with torch.no_grad():
        return _make(seed, grid, wanted)


def _make(seed: int, grid: Grid, wanted: Wanted) -> Phantom:
    chance, asked, scan = Chance(seed, grid.device), wanted.findings, wanted.scan
    board = canvas(grid, chance)
    ratio = chance.between(0.54, 0.66) if "cardiomegaly" in asked else chance.between(0.37, 0.47)
    who = person(
        chance,
        heart=ratio / HEART_SPAN,
        distended=chance.between(0.3, 1.0) if "emphysema" in asked else 0.0,
    )
    phase = mediastinum.phase_of(board, scan.phase)
    cage, angle = who.cage(board.at), who.angle(board.at)
    dome = who.diaphragm(board.at)
    middle = mediastinum.measure_middle(board, who)
    regions = torch.zeros(grid.shape, dtype=torch.int16, device=grid.device)

    note = partial(cover, regions)

    solid = middle.solid
    sac = hernia = None
    if "pericardial_effusion" in asked:
        sac = cardiac.sac_thickness(board, who, chance.between(7, 19))
        solid = torch.minimum(solid, middle.heart - sac - 2.0)
    if "hiatal_hernia" in asked:
        hernia = cardiac.some_hernia(board, who)
        solid = torch.minimum(solid, cardiac.hernia_distance(hernia, board.at, middle) - 3.0)
    middle = mediastinum.with_solid(middle, solid)
    lung = lungs.measure_lungs(board, who, middle, cage, angle)

    draw_body(board, who, cage, angle)
    mediastinum.fill_middle(board, who, cage)
    abdomen.draw_abdomen(board, who, cage, dome, phase.organs, phase.veins)
    mediastinum.draw_middle(board, who, middle, phase)
    if sac is not None:
        note("pericardial_effusion", cardiac.draw_sac(board, middle, sac))
    cardiac.draw_coronaries(board, who, phase.left)
    if hernia is not None:
        note("hiatal_hernia", cardiac.draw_hernia(board, hernia, middle))
    draw_skeleton(board, who, cage, angle)
    heart = middle.heart < 0
    if "cardiomegaly" in asked:
        note("cardiomegaly", heart)
    lesions = _draw_lungs(board, who, lung, phase, wanted, note)
    if "arterial_calcification" in asked:
        note("arterial_calcification", cardiac.draw_aortic_calcium(board, who))
    if "coronary_calcification" in asked:
        note("coronary_calcification", cardiac.draw_coronary_calcium(board, who))
    if wanted.distractors:
        cardiac.draw_other_calcium(board, who)

    only_thin(regions, board.hu)
    lesions = [each._replace(mask=left_to_see(regions[each.box], each.mask)) for each in lesions]
    lesions = [
        each for each in lesions if each.kind != "lung_nodule" or nodules.stands_out(board, each)
    ]
    labels = torch.zeros(grid.shape, dtype=torch.uint8, device=grid.device)
    for number, lesion in enumerate(lesions, 1):
        labels[lesion.box][lesion.mask] = number
        cover(regions[lesion.box], lesion.kind, lesion.mask)
    hu = moved(board, board.hu, middle.heart, lung.floor, scan.motion)
    maps = torch.stack([regions.float(), labels.float(), lung.lobes.float()])
    hu, maps = posed(grid, hu, maps, scan)
    regions, labels, lobes = (
        maps[0].to(torch.int16),
        maps[1].to(torch.uint8),
        maps[2].to(torch.uint8),
    )
    return Phantom(
        seed=seed, grid=grid, wanted=wanted, hu=scanned(board, hu, scan, who.apex),
        regions=regions, labels=labels, lobes=lobes,
        truth=truth_of(grid, regions, labels, lobes, [lesion.kind for lesion in lesions]),
    )  # fmt: skip


def _draw_lungs(
    board: Canvas, who: Anatomy, lung: lungs.Lungs, phase: mediastinum.Phase, wanted: Wanted,
    note: Callable[[str, Tensor], None],
) -> list[nodules.Lesion]:  # fmt: skip
    """Lungs and all that is in and around them, from the inside out."""
    chance, asked = board.chance, wanted.findings
    lungs.draw_substance(board, who, lung, chance.about(-862, 18))
    if "emphysema" in asked:
        note("emphysema", airspace.draw_emphysema(board, lung))
    airways = lungs.draw_trees(board, who, lung, phase)
    if "lung_opacity" in asked:
        note("lung_opacity", airspace.draw_ground_glass(board, lung))
    if "consolidation" in asked:
        note("consolidation", airspace.draw_consolidation(board, lung))
        board.paint(airways, -980.0)
    lesions: list[nodules.Lesion] = []
    enhancement = 30 * float(phase.organs > 0)
    if "mass" in asked:
        lesions += nodules.draw_masses(board, lung, enhancement, wanted.held_out)
    if "lung_nodule" in asked:
        lesions += nodules.draw_nodules(board, lung, enhancement, wanted.held_out, lesions)
    pressed = False
    if "pleural_effusion" in asked:
        for side in pleura.sides_of(board, 0.45):
            layer = pleura.draw_effusion(board, lung, side)
            note("pleural_effusion", layer.mask)
            if "atelectasis" in asked and chance.happens(0.6):
                thick = chance.between(9, 24)
                note("atelectasis", airspace.draw_wedge(board, lung, layer, side, thick))
                pressed = True
    if "atelectasis" in asked and not pressed:
        note("atelectasis", airspace.draw_bands(board, lung))
    if "pneumothorax" in asked:
        for side in pleura.sides_of(board, 0.06):
            note("pneumothorax", pleura.draw_pneumothorax(board, lung, side).mask)
    return lesions
