"""The panel on phantoms of held-out seeds and patients, and on shifts. Phantom figures."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch

from apps.report_gen.evaluation.swapping import swapped
from apps.report_gen.evaluation.turned import laterality
from apps.report_gen.evaluation.wording import wording
from apps.report_gen.findings import FindingSet
from apps.report_gen.grammar.slots import slots_of
from apps.report_gen.grammar.writing import write
from apps.report_gen.inference.draft import Drafter
from apps.report_gen.inference.stored import Model
from apps.report_gen.phantoms.grid import Grid
from apps.report_gen.training import evaluating
from apps.report_gen.training.held_out import SHIFTS, held_out
from apps.report_gen.training.targets import Example
from apps.report_gen.volume import Volume, straight_affine

FIRST: Final = 40_000
"""Of the held-out seeds: those before were used when the model was calibrated and judged."""
MOST_SWAPPED: Final = 8
Tell = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Asked:
    """How much is looked at."""

    count: int = 64
    shifted: int = 16
    reports: int = 40
    blank: int = 32
    turned: bool = True


def judge(
    model: Model, asked: Asked, device: str, tell: Tell = lambda note: None
) -> dict[str, Any]:
    """Every figure; the text's last."""
    network = model.image
    dtype = next(network.parameters()).dtype
    grid = Grid(shape=model.shape.grid, spacing=model.shape.spacing, device=device)
    tell(f"{asked.count} phantoms")
    said = evaluating.answers(
        network, _phantoms(grid, FIRST, asked.count, tell), model.verdicts, dtype
    )
    panel = evaluating.panel(said, model.verdicts, list(range(asked.count)))
    panel["controls"]["text_only"] = evaluating.text_only(said.truth())
    tell("blanked volumes")
    panel["controls"]["blanked_volume_without_finding"] = evaluating.blanked(
        network, model.verdicts, dtype, asked.blank
    )
    shifts = {}
    for name in SHIFTS if asked.shifted else ():
        tell(f"shift of {name}")
        moved = evaluating.answers(
            network, _phantoms(grid, FIRST + 10_000, asked.shifted, tell, name), model.verdicts,
            dtype,
        )  # fmt: skip
        shifts[name] = evaluating.panel(
            moved, model.verdicts, list(range(asked.shifted)), rounds=100
        )
    tell("drafts")
    drafter = Drafter(model)
    text = evaluating.text_panel(model, said, asked.reports)
    tell("swapped indications")
    chests = list(_phantoms(grid, FIRST, min(MOST_SWAPPED, asked.count), tell))
    made: dict[str, Any] = {
        "figures": "phantom figures: held-out seeds and held-out LIDC patients",
        "panel": panel,
        "shifts": shifts,
        "text": text,
        "swapped_indications": swapped(drafter, chests),
    }
    if asked.turned:
        tell("orientations")
        made["laterality"] = laterality(_small(chests[0], model.shape.spacing))
    made["wording"] = _wording(drafter, said.found, said.truths, asked.reports)
    plain: dict[str, Any] = _plain(made)
    return plain


def _phantoms(
    grid: Grid, first: int, count: int, tell: Tell, shift: str | None = None
) -> Iterator[Example]:
    for number in range(count):
        if number % 8 == 0:
            tell(f"phantom {number} of {count}")
        yield held_out(first + number, grid, shift)


def _small(example: Example, apart: tuple[float, float, float]) -> Volume:
    """A phantom thinned out to slices of at least 4 mm: quick to write and to read."""
    step = 2 if example.hu.shape[0] >= 100 else 1
    hu = example.hu[::step, ::step, ::step].cpu().numpy()
    spacing = (apart[0] * step, apart[1] * step, apart[2] * step)
    return Volume(
        hu=np.maximum(np.ascontiguousarray(hu), -1024).astype(np.int16), spacing=spacing,
        affine=straight_affine(spacing),
    )  # fmt: skip


@torch.no_grad()
def _wording(
    drafter: Drafter, found: list[FindingSet], truths: list[FindingSet], count: int
) -> dict[str, Any]:
    draw = np.random.default_rng(3)
    said, true = [], []
    for one, other in list(zip(found, truths, strict=True))[:count]:
        said.append(" ".join(each.text for each in drafter.write(one, "", "en")))
        true.append(" ".join(each.text for each in write(slots_of(other), "en", None, draw)))
    return wording(said, true)


def _plain(value: Any) -> Any:
    """JSON has no word for what is not a number."""
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
