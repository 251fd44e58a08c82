"""A training's whole state as safetensors and JSON, so that it goes on as if nothing had happened.

``checkpoint/<epoch>/`` holds ``state.safetensors`` (weights, their moving average, the optimizer's
memory, random states), ``best.safetensors`` (the best average so far) and ``state.json``.
"""

import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from loupe.contract.runtime import checkpoints
from loupe.contract.runtime.errors import InputRefused

TENSORS, BEST, FACTS = "state.safetensors", "best.safetensors", "state.json"


def save(
    folder: Path,
    epoch: int,
    parts: Mapping[str, Mapping[str, torch.Tensor]],
    optimizer: torch.optim.Optimizer,
    facts: Mapping[str, Any],
    best: Path,
) -> None:
    """Write the checkpoint of `epoch` below `folder`; it is there whole or not at all.

    Args:
        parts: groups of tensors by name, such as ``model`` and ``average``.
        best: the best weights so far, copied along where they exist.

    Raises:
        OSError: the disk is full; older checkpoints are as they were.
    """
    tensors = {
        f"{part}/{name}": tensor.detach().cpu().contiguous()
        for part, each in parts.items()
        for name, tensor in each.items()
    }
    memory = optimizer.state_dict()
    scalars: dict[str, dict[str, Any]] = {}
    for index, entries in memory["state"].items():
        for name, value in entries.items():
            if isinstance(value, torch.Tensor):
                tensors[f"optimizer/{index}/{name}"] = value.detach().cpu().contiguous()
            else:
                scalars.setdefault(str(index), {})[name] = value
    said = {**facts, "epoch": epoch, "groups": memory["param_groups"], "scalars": scalars}
    with checkpoints.saving(folder, epoch) as place:
        try:
            save_file(tensors, place / TENSORS)
        except SafetensorError as error:
            raise _as_os_error(error) from error
        if best.exists():
            shutil.copyfile(best, place / BEST)
        (place / FACTS).write_text(json.dumps(said))


class Saved:
    """A checkpoint that was read."""

    def __init__(self, place: Path) -> None:
        self.facts: dict[str, Any] = json.loads((place / FACTS).read_text())
        self.epoch = int(self.facts["epoch"])
        self._tensors = load_file(place / TENSORS)
        self._best = place / BEST

    def part(self, name: str) -> dict[str, torch.Tensor]:
        """One group of tensors."""
        start = f"{name}/"
        return {
            key.removeprefix(start): tensor
            for key, tensor in self._tensors.items()
            if key.startswith(start)
        }

    def restore_optimizer(self, optimizer: torch.optim.Optimizer) -> None:
        """Give the optimizer its memory back."""
        state: dict[int, dict[str, Any]] = {}
        for key, tensor in self.part("optimizer").items():
            index, name = key.split("/")
            state.setdefault(int(index), {})[name] = tensor
        for index, entries in self.facts["scalars"].items():
            state.setdefault(int(index), {}).update(entries)
        optimizer.load_state_dict({"state": state, "param_groups": self.facts["groups"]})
        for parameter, memory in optimizer.state.items():
            for name, value in memory.items():
                # Laid out as its parameter, or every step would go the slow way around.
                if isinstance(value, torch.Tensor) and value.shape == parameter.shape:
                    memory[name] = torch.empty_like(parameter, dtype=value.dtype).copy_(value)

    def restore_best(self, best: Path) -> None:
        """Put the best weights of that moment back to `best`; none where there were none."""
        best.unlink(missing_ok=True)
        if self._best.exists():
            shutil.copyfile(self._best, best)


def newest(folder: Path, of: Mapping[str, Any]) -> Saved | None:
    """The newest checkpoint that can be read; a damaged one is passed over.

    Args:
        of: what must be the same as when it was saved: recipe, classes, pictures and seed.

    Raises:
        InputRefused: it was made by another recipe, from other data or another seed.
    """
    for saved in _readable(folder):
        then = saved.facts["of"]
        wanted = json.loads(json.dumps(of))
        differing = sorted(name for name in wanted if then.get(name) != wanted[name])
        if differing:
            raise InputRefused(
                f"The checkpoint in {folder} belongs to another training: its "
                f"{' and '.join(differing)} differ. Resume with what it was begun with, or choose "
                "an empty folder.",
                code="checkpoint_differs",
            )
        return saved
    return None


def _readable(folder: Path) -> Iterator[Saved]:
    for place in checkpoints.complete(folder):
        try:
            yield Saved(place)
        except (OSError, ValueError, KeyError, SafetensorError):
            continue


def _as_os_error(error: SafetensorError) -> Exception:
    """Safetensors tells of a full disk in words; the number in them is the system's."""
    text = str(error)
    if "os error" in text:
        number = "".join(each for each in text.rpartition("os error")[2] if each.isdigit())
        return OSError(int(number), text)
    return error
