"""The whole way: Hounsfield units and a clinical text to findings and a draft that cites them."""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from apps.report_gen.findings import FindingSet
from apps.report_gen.grammar.questions import asked_in
from apps.report_gen.grammar.slots import Section, slots_of
from apps.report_gen.grammar.writing import Sentence
from apps.report_gen.inference.constrained import GreedyChoice, write_constrained
from apps.report_gen.inference.detect import Found, detect
from apps.report_gen.inference.folding import folded
from apps.report_gen.inference.looking import looked_at
from apps.report_gen.inference.network import windowed
from apps.report_gen.inference.report_network import ROWS, slot_rows
from apps.report_gen.inference.shape import WINDOWS, Shape
from apps.report_gen.inference.stored import Model
from apps.report_gen.inference.threads import one_thread
from core_kernels.dispatch.volume_prepare import volume_prepare
from core_kernels.transfer.chunks import Source
from core_kernels.transfer.volumes import prepared_in_chunks

BODY_HU = -500
AIR = -1000.0
"""HU of what lies beyond a volume; the same comes in where training moves one."""


class Prepared(NamedTuple):
    """A volume as the network takes it.

    Attributes:
        windows: [1, windows, D, H, W].
        origin: of its first voxel in the volume resampled to the network's spacing, in voxels;
            below 0 where the network's grid begins outside of it.
    """

    windows: Tensor
    origin: tuple[int, int, int]


@dataclass(frozen=True, kw_only=True)
class Draft:
    """Findings with their masks, and sentences that cite findings by their ids."""

    found: Found
    sentences: tuple[Sentence, ...]
    language: str

    def section(self, section: Section) -> str:
        """The text of one section."""
        space = " " if self.language == "en" else ""
        return space.join(each.text for each in self.sentences if each.slot.section is section)


def prepare(hu: Tensor, spacing: tuple[float, float, float], shape: Shape) -> Prepared:
    """Resample int16 HU [D, H, W] in RAS and place it so that the body's middle is the grid's.

    Beyond the volume is air.
    """
    return placed(volume_prepare(hu, spacing=spacing, target=shape.spacing, windows=WINDOWS), shape)


def prepare_source(
    source: Source,
    spacing: tuple[float, float, float],
    shape: Shape,
    device: torch.device,
) -> Prepared:
    """`prepare`, to the same bits, of a volume of which two chunks at most are held beside it."""
    small = prepared_in_chunks(
        source, spacing=spacing, target=shape.spacing, windows=WINDOWS, device=device
    )
    return placed(small, shape)


def placed(small: Tensor, shape: Shape) -> Prepared:
    """The network's grid around the body's middle, of windows [windows, D, H, W] at its spacing."""
    device = small.device
    body = small[0] > (BODY_HU - (WINDOWS[0][0] - WINDOWS[0][1] / 2)) / WINDOWS[0][1]
    origin = []
    for axis, (have, want) in enumerate(zip(small.shape[1:], shape.grid, strict=True)):
        if axis == 0:
            middle = have / 2
        else:
            line = body.sum([each for each in range(3) if each != axis], dtype=torch.float32)
            weight = line.sum().clamp(min=1)
            places = torch.arange(have, device=device, dtype=torch.float32)
            middle = float((line * places).sum() / weight) + 0.5
            middle = middle if float(line.sum()) > 0 else have / 2
            # No further than the volume reaches, where it is the larger one.
            if have > want:
                middle = min(max(middle, want / 2), have - want / 2)
        origin.append(round(middle - want / 2))
    low = [max(0, at) for at in origin]
    high = [
        min(at + want, have)
        for at, want, have in zip(origin, shape.grid, small.shape[1:], strict=True)
    ]
    part = small[:, low[0] : high[0], low[1] : high[1], low[2] : high[2]]
    air = windowed(torch.full((1, 1, 1, 1), AIR, device=device))[0].to(small.dtype)
    made = air.expand(-1, *shape.grid).clone()
    inside = [
        slice(first - at, last - at) for first, last, at in zip(low, high, origin, strict=True)
    ]
    made[:, inside[0], inside[1], inside[2]] = part
    return Prepared(made[None], (origin[0], origin[1], origin[2]))


class Drafter:
    """Drafts with one model; keeps the decoder's caches between studies."""

    def __init__(self, model: Model, *, dtype: torch.dtype = torch.float32) -> None:
        self.model, self.dtype = model, dtype
        on_cpu = next(model.image.parameters()).device.type == "cpu"
        self.image = (folded(model.image) if on_cpu else model.image).to(dtype)
        self.report = model.report.to(dtype)
        shape = model.shape
        rows = 2 * ROWS + shape.text_positions
        self.rows = rows
        self.choice = GreedyChoice(self.report.decoder, rows, shape.positions)

    @torch.no_grad()
    def __call__(
        self, hu: Tensor, spacing: tuple[float, float, float], *, text: str = "",
        language: str = "en",
    ) -> Draft:  # fmt: skip
        """Findings and a report of int16 HU [D, H, W] in RAS; spacing in mm along z, y, x."""
        prepared = prepare(hu, spacing, self.model.shape)
        windows, seen = looked_at(self.image, prepared.windows, self.dtype)
        found = detect(self.image, windows, self.model.verdicts, seen)[0]
        sentences = self.write(found.findings, text, language, seen.features)
        return Draft(found=found, sentences=tuple(sentences), language=language)

    @torch.no_grad()
    def write(
        self, findings: FindingSet, text: str, language: str, features: Tensor | None = None,
        question: str | None = None,
    ) -> list[Sentence]:  # fmt: skip
        """The report alone.

        Args:
            question: the part of the text in which findings that are named are asked about; all
                of it where nothing is given.
        """
        device = self.report.decoder.bias.device
        asked = asked_in(text if question is None else question)
        with one_thread(device):
            return self._written(findings, text, language, features, asked)

    def _written(
        self, findings: FindingSet, text: str, language: str, features: Tensor | None,
        asked: tuple[str, ...],
    ) -> list[Sentence]:  # fmt: skip
        device = self.report.decoder.bias.device
        tokens = self.report.text_tokens(text)
        memory, mask = self.report.memory(
            slot_rows([findings]).to(device), torch.tensor([tokens], device=device), features
        )
        kept = memory[:, mask[0]]
        lengths = torch.tensor([kept.shape[1]], device=device)
        self.choice.begin(F.pad(kept, (0, 0, 0, self.rows - kept.shape[1])), lengths)
        return write_constrained(slots_of(findings), language, self.choice, asked)
