"""``manage.py bench compose``: how fast a CPU composes training pictures.

The peer is the same composition by `torch.nn.functional.grid_sample`, which a GPU uses, on the same
CPU, threads and layers. First both are compared, pixel by pixel.
"""

import argparse
import json
import os
import statistics
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from apps.defect_detection.benchmarks.frames import write_frames
from apps.defect_detection.training.augment import Composer
from apps.defect_detection.training.drawing import draw
from apps.defect_detection.training.pictures import Labelled, Pictures, load
from apps.defect_detection.training.recipe import Recipe
from loupe.contract.runtime.errors import LoupeError

BATCH = 16
APART = 2.0  # mean difference of both ways, grey levels, above which they draw different things
_NO_BOXES = torch.zeros(0, 5).numpy()


def prove(composer: Composer) -> float:
    """The mean difference of both ways over one batch, grey levels.

    Raises:
        LoupeError: they draw different things.
    """
    layers = composer.choose(torch.arange(BATCH), False)
    apart = (draw(composer.pictures, layers).float() - composer.sampled(layers)).abs().mean().item()
    if apart > APART:
        raise LoupeError(f"Both ways differ by {apart:.2f} grey levels on average.")
    return apart


def paired(composer: Composer, rounds: int) -> tuple[list[float], list[float]]:
    """Milliseconds a picture, our way and the peer's, in turns over the same layers."""
    ours, peers = [], []
    for _ in range(rounds):
        layers = composer.choose(torch.arange(BATCH), False)
        start = time.perf_counter()
        composer.finish(draw(composer.pictures, layers).float())
        middle = time.perf_counter()
        composer.finish(composer.sampled(layers))
        end = time.perf_counter()
        ours.append((middle - start) * 1e3 / BATCH)
        peers.append((end - middle) * 1e3 / BATCH)
    return ours, peers


def _grey(pictures: Pictures) -> Pictures:
    return Pictures(
        pixels=pictures.pixels[:, :1].contiguous(),
        sides=pictures.sides,
        boxes=pictures.boxes,
        classes=pictures.classes,
    )


def main(arguments: list[str]) -> int:
    """Print one JSON line for grey and one for coloured pictures; 1 where we lose."""
    parser = argparse.ArgumentParser(prog="bench compose", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args(arguments)
    with TemporaryDirectory(prefix="loupe-bench-") as folder:
        paths = write_frames(Path(folder), 24)
        items = [Labelled(path=path, boxes=_NO_BOXES) for path in paths]
        coloured = load(items, 640, torch.device("cpu"), 2)
    lost = False
    for name, pictures in (("grey", _grey(coloured)), ("colour", coloured)):
        generator = torch.Generator().manual_seed(7)
        composer = Composer(pictures, Recipe(), torch.device("cpu"), generator)
        apart = prove(composer)
        ours, peers = (statistics.median(each) for each in paired(composer, options.rounds))
        lost |= ours > peers
        line = {
            "pictures": name,
            "side": 640,
            "mean_difference": round(apart, 3),
            "ms_a_picture": round(ours, 1),
            "pictures_per_s": round(1e3 / ours, 1),
            "grid_sample_pictures_per_s": round(1e3 / peers, 1),
            "times_the_peer": round(peers / ours, 1),
            "load_before": round(os.getloadavg()[0], 2),
        }
        sys.stdout.write(json.dumps(line) + "\n")
    return int(lost)
