"""Examples on disk: made once by any process, read by any other, nothing pickled."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from apps.report_gen.findings import Finding, FindingSet, Lobe, Side, State
from apps.report_gen.training.targets import Centre, Example

_TENSORS = ("hu", "regions", "lobes", "labels", "states", "sides")


def keep_example(folder: Path, name: str, made: Example) -> None:
    """Write an example as ``NAME.safetensors``; nobody sees a part of it."""
    folder.mkdir(parents=True, exist_ok=True)
    about = {
        "seed": made.seed,
        "centres": [asdict(each) for each in made.centres],
        "findings": [asdict(each) for each in made.truth.findings],
    }
    fresh = folder / f".{name}.new"
    save_file(
        {key: getattr(made, key).cpu().contiguous() for key in _TENSORS},
        fresh,
        metadata={"about": json.dumps(about)},
    )
    fresh.replace(folder / f"{name}.safetensors")


def kept_example(path: Path, device: str = "cpu") -> Example:
    """Read what `keep_example` wrote."""
    with safe_open(path, framework="pt") as stored:
        about: dict[str, Any] = json.loads(stored.metadata()["about"])
        tensors: dict[str, Tensor] = {key: stored.get_tensor(key) for key in _TENSORS}
    example = Example(
        seed=about["seed"],
        centres=tuple(_centre(each) for each in about["centres"]),
        truth=FindingSet(findings=tuple(_finding(each) for each in about["findings"])),
        **tensors,
    )
    return example if device == "cpu" else on_device(example, device)


def on_device(made: Example, device: str) -> Example:
    """The example with its tensors on `device`."""
    moved = {key: getattr(made, key).to(device) for key in _TENSORS}
    return Example(seed=made.seed, centres=made.centres, truth=made.truth, **moved)


def names(folder: Path) -> list[str]:
    """What lies in `folder`, sorted."""
    return sorted(path.stem for path in folder.glob("*.safetensors"))


def _centre(read: dict[str, Any]) -> Centre:
    return Centre(**{**read, "at": tuple(read["at"])})


def _finding(read: dict[str, Any]) -> Finding:
    box = read["box"]
    return Finding(
        **{
            **read,
            "state": State(read["state"]),
            "side": Side(read["side"]),
            "lobes": tuple(Lobe(each) for each in read["lobes"]),
            "centre": None if read["centre"] is None else tuple(read["centre"]),
            "box": None if box is None else tuple(tuple(each) for each in box),
        }
    )


def same_example(one: Example, other: Example) -> bool:
    """Whether two examples hold the same."""
    return (
        one.truth == other.truth
        and one.centres == other.centres
        and all(torch.equal(getattr(one, key), getattr(other, key)) for key in _TENSORS)
    )
