"""``python -m apps.report_gen.training OUT STAGE``: train the report model on phantoms.

Stages: ``image`` (A), ``text`` (B), ``joint`` (C), ``judge``; ``all`` runs them in turn.
Each call works for its time, keeps its state in ``--work`` and goes on from there when called
again. What comes of it (model, card, panel) is written to OUT by ``judge``; OUT/so_far
holds the weights of the moment after every other stage, from which a run on another machine can
``--start``.
"""

import argparse
import sys
from dataclasses import replace
from pathlib import Path

import torch

from apps.report_gen.training.recipe import TOY_RECIPE, Recipe
from apps.report_gen.training.so_far import so_far
from apps.report_gen.training.stage_image import train_image
from apps.report_gen.training.stage_judge import judge
from apps.report_gen.training.stage_text import train_joint, train_text

STAGES = ("image", "text", "joint", "judge", "all")


def main(arguments: list[str]) -> int:
    """Run a stage."""
    parser = argparse.ArgumentParser(prog="report_gen.training", description="Train on phantoms.")
    parser.add_argument("out", type=Path)
    parser.add_argument("stage", choices=STAGES)
    parser.add_argument("--work", type=Path, default=Path("/tmp/loupe_report_gen"))  # noqa: S108
    parser.add_argument("--start", type=Path, help="a stored model that stages A and B begin with")
    parser.add_argument("--toy", action="store_true", help="seconds on a CPU; finds nothing")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    for name in ("seed", "batch", "accumulate", "pool", "pool-start", "image-steps", "text-steps",
                 "joint-steps", "text-batch", "validation", "test", "shifted", "reports", "shift",
                 "producers"):  # fmt: skip
        parser.add_argument(f"--{name}", type=int)
    for name in (
        "call-seconds",
        "image-seconds",
        "image-before",
        "text-seconds",
        "rate",
        "making",
        "renewed-every",
        "inserted",
        "posed",
    ):
        parser.add_argument(f"--{name}", type=float)
    for name in ("checkpointing", "compiled", "image-held"):
        parser.add_argument(f"--{name}", action="store_true", default=None)
    chosen = vars(parser.parse_args(arguments))
    out, work, stage, device, start = (
        chosen.pop(name) for name in ("out", "work", "stage", "device", "start")
    )
    recipe: Recipe = TOY_RECIPE if chosen.pop("toy") else Recipe()
    recipe = replace(recipe, **{key: value for key, value in chosen.items() if value is not None})
    out.mkdir(parents=True, exist_ok=True)
    if device == "cuda":
        torch.backends.cuda.matmul.allow_tf32 = True
        torch.backends.cudnn.allow_tf32 = True
        torch.backends.cudnn.benchmark = True
        torch.backends.cudnn.benchmark_limit = 4
    done = True
    if stage in ("image", "all"):
        done = train_image(recipe, work, device, start).done
    if stage in ("text", "all"):
        done &= train_text(recipe, work, device, start).done
    if stage in ("joint", "all"):
        train_joint(recipe, work, device)
    if stage in ("judge", "all"):
        judge(recipe, work, out, device)
    if stage != "judge":
        so_far(recipe, work, out / "so_far", device, start)
    if not done:
        print("This stage is not over: call it again to go on.", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
