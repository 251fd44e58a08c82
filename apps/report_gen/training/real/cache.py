"""Volumes prepared once: read, gated, resampled and placed, kept as int16 for every later epoch.

A prepared volume is 16 MB at the shipped size. The disk is asked before anything is written.
"""

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from apps.report_gen.bridge.splitting import scan_hash
from apps.report_gen.inference.draft import AIR, placed
from apps.report_gen.inference.shape import WINDOWS, Shape
from apps.report_gen.reading.studies import read_study
from apps.report_gen.training.real.studies import RealStudy
from apps.report_gen.training.real.tables import Problem
from apps.report_gen.volume import Volume
from core_kernels.dispatch.volume_prepare import volume_prepare
from loupe.contract.runtime.errors import InputRefused

SPARE_BYTES: Final = 1 << 30
"""Stays free on the disk."""
WHOLE: Final = (1024.0, 4096.0)
"""One window from −1024 to 3072 HU: nothing that a network looks at is cut off."""
_FORMAT: Final = 1


@dataclass(frozen=True, kw_only=True)
class Kept:
    """A prepared volume: its file, and the hash of the scan it came from."""

    study: RealStudy
    file: Path
    digest: str

    def hu(self) -> NDArray[np.int16]:
        """[D, H, W] on the network's grid."""
        read: NDArray[np.int16] = np.load(self.file, allow_pickle=False)
        return read


def prepared(
    studies: list[RealStudy], cache: Path, shape: Shape, tell: Callable[[int, RealStudy], None]
) -> tuple[list[Kept], list[Problem]]:
    """Every study's volume in `cache`, and those that the gates refuse.

    Raises:
        InputRefused: the disk has no room for them.
    """
    cache.mkdir(parents=True, exist_ok=True)
    wanted = {each.name: cache / f"{_key(each, shape)}.npy" for each in studies}
    missing = sum(not path.is_file() for path in wanted.values())
    require_room(cache, missing * 2 * int(np.prod(shape.grid)))
    kept, problems = [], []
    for number, study in enumerate(studies):
        tell(number, study)
        file = wanted[study.name]
        facts = file.with_suffix(".json")
        if not (file.is_file() and facts.is_file()):
            refused = _prepare(study, file, facts, shape)
            if refused is not None:
                problems.append(refused)
                continue
        digest = str(json.loads(facts.read_text())["scan"])
        kept.append(Kept(study=study, file=file, digest=digest))
    return kept, problems


def require_room(folder: Path, needed: int) -> None:
    """Refuse to fill the disk.

    Raises:
        InputRefused: less than `needed` bytes and the spare ones are free.
    """
    free = shutil.disk_usage(folder).free
    if free < needed + SPARE_BYTES:
        raise InputRefused(
            f"Prepared volumes take {needed >> 20} MB and {SPARE_BYTES >> 20} MB must stay free, "
            f"but {folder} has {free >> 20} MB; make room or give another --cache.",
            code="disk_room",
        )


def _prepare(study: RealStudy, file: Path, facts: Path, shape: Shape) -> Problem | None:
    read = read_study([study.path])
    if read.volume is None:
        reasons = [one for verdict in read.verdicts for one in verdict.reasons]
        why = reasons[0].text.en if reasons else "no image"
        return Problem(study.name, 0, f"refused by the gates: {why}")
    volume = read.volume
    hu = on_grid(volume, shape).numpy()
    fresh = file.with_suffix(".new")
    with fresh.open("wb") as out:
        np.save(out, hu, allow_pickle=False)
    facts.write_text(json.dumps({"scan": scan_hash(volume)}))
    fresh.replace(file)
    return None


def on_grid(volume: Volume, shape: Shape) -> torch.Tensor:
    """int16 HU [D, H, W] on the network's grid, where `placed` puts it; air beyond the volume."""
    small = volume_prepare(
        torch.from_numpy(volume.hu), spacing=volume.spacing, target=shape.spacing,
        windows=(*WINDOWS, WHOLE), dtype=torch.float32,
    )  # fmt: skip
    origin = placed(small[:-1], shape).origin
    centre, width = WHOLE
    whole = (small[-1] * width + (centre - width / 2)).round().to(torch.int16)
    made = torch.full(shape.grid, int(AIR), dtype=torch.int16)
    from_, to = [], []
    for at, want, have in zip(origin, shape.grid, whole.shape, strict=True):
        low, high = max(0, at), min(at + want, have)
        from_.append(slice(low, high))
        to.append(slice(low - at, high - at))
    made[tuple(to)] = whole[tuple(from_)]
    return made


def _key(study: RealStudy, shape: Shape) -> str:
    """Changes with the files, the grid and the way of preparing."""
    paths = sorted(study.path.iterdir()) if study.path.is_dir() else [study.path]
    states = [(each.name, each.stat().st_size, each.stat().st_mtime_ns) for each in paths]
    told = json.dumps([_FORMAT, str(study.path), states, shape.grid, shape.spacing])
    return hashlib.sha256(told.encode()).hexdigest()[:32]
