"""The last stage: calibrate, judge on held-out phantoms, store the model with its card."""

import copy
import json
import math
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from apps.report_gen.findings import KEYS
from apps.report_gen.inference.network import ImageNetwork, windowed
from apps.report_gen.inference.stored import Model, fetch, store
from apps.report_gen.inference.verdicts import Verdicts
from apps.report_gen.training import evaluating
from apps.report_gen.training.calibrating import fitted
from apps.report_gen.training.held_out import (
    PARITY,
    SHIFTED,
    SHIFTS,
    TEST,
    VALIDATION,
    Shelf,
    held_out_set,
)
from apps.report_gen.training.producers import Pace, held_out_tasks, start
from apps.report_gen.training.recipe import Recipe
from apps.report_gen.training.stage_image import grid_of, trained_image
from apps.report_gen.training.stage_text import trained_text
from apps.report_gen.training.state import kept, say

SHELF = "held_out"
USE = "research use; not for diagnosis"
TRAINED_ON = "synthetic phantoms; nodule shapes after LIDC-IDRI (CC BY 3.0)"


def judge(recipe: Recipe, work: Path, out: Path, device: str) -> dict[str, Any]:
    """Everything that the model card says; writes the model, its card and ``panel.json``."""
    image, report = trained_image(recipe, work, device), trained_text(recipe, work, device)
    if image is None or report is None:
        raise SystemExit(
            "There is nothing to judge: run stages A and B first with the same folder."
        )
    dtype = torch.bfloat16 if device == "cuda" else torch.float32
    began = time.perf_counter()
    folder, grid = work / SHELF, grid_of(recipe, device)
    tasks = held_out_tasks(recipe)
    pace = Pace(until=math.inf, quick=len(tasks))
    producers = start(folder, tasks, grid, recipe.producers, pace)
    # Both at once would hold each other up: a step on the device waits for a dozen others.
    for each in producers:
        each.join()
    say("judge", phantoms=len(tasks), seconds=time.perf_counter() - began)
    shelf = Shelf(folder)
    # What is judged computes in `dtype`; what is stored keeps its fp32 weights.
    judged = copy.deepcopy(image).to(dtype)
    plain = Verdicts()
    fit = evaluating.answers(
        judged, held_out_set(shelf, grid, VALIDATION, recipe.validation), plain, dtype
    )
    logits, truth = np.stack(fit.logits), fit.truth()
    peaks = evaluating.with_peaks(plain, fit).peak
    verdicts = fitted(logits, truth, peaks)
    say("judge", validation=len(truth), seconds=time.perf_counter() - began)
    card: dict[str, Any] = {
        "use": USE, "trained_on": TRAINED_ON, "figures": "calibrated; not judged",
        "training": _history(work, device),
        "recipe": {k: v for k, v in asdict(recipe).items() if k != "shape"},
        "parameters": sum(p.numel() for m in (image, report) for p in m.parameters()),
        "torch": torch.__version__,
        "device": torch.cuda.get_device_name() if device == "cuda" else "cpu",
    }  # fmt: skip
    model = Model(shape=recipe.shape, image=image, report=report, verdicts=verdicts, card=card)

    def known() -> None:
        # What is cut later leaves a whole model, and what is known of it.
        card["seconds_judging"] = time.perf_counter() - began
        card["stored_bytes"] = store(out / "model", model)
        (out / "panel.json").write_text(json.dumps(card, indent=1, default=str) + "\n")

    known()
    card["parity_int8"] = parity(recipe, model, shelf, out, device)
    say("judge", **card["parity_int8"], seconds=time.perf_counter() - began)
    said = evaluating.answers(judged, held_out_set(shelf, grid, TEST, recipe.test), verdicts, dtype)
    panel = evaluating.panel(said, verdicts, list(range(recipe.test)))
    panel["controls"]["text_only"] = evaluating.text_only(said.truth())
    panel["controls"]["blanked_volume_without_finding"] = evaluating.blanked(
        judged, verdicts, dtype
    )
    _print("test", panel, whole=True)
    card["figures"] = "phantom figures: held-out seeds and held-out LIDC patients"
    card["test"], card["shifts"] = panel, {}
    known()
    for name in SHIFTS:
        moved = evaluating.answers(
            judged, held_out_set(shelf, grid, SHIFTED, recipe.shifted, name), verdicts, dtype
        )
        card["shifts"][name] = evaluating.panel(
            moved, verdicts, list(range(recipe.shifted)), rounds=100
        )
        _print(name, card["shifts"][name])
    known()
    card["text"] = evaluating.text_panel(model, said, recipe.reports)
    say("judge", **card["text"])
    known()
    say("judge", stored_bytes=card["stored_bytes"], seconds=time.perf_counter() - began, done=True)
    return card


def _history(work: Path, device: str) -> dict[str, Any]:
    made = {}
    for name in ("image", "text", "joint"):
        before = kept(work / f"{name}.pt", device)
        if before is not None:
            made[name] = before["progress"]
    return made


def parity(recipe: Recipe, model: Model, shelf: Shelf, out: Path, device: str) -> dict[str, float]:
    """What the stored int8 weights change against fp16: logits, and states of a few phantoms."""
    store(out / "model", model)
    small = fetch(out / "model", device)
    half = _halved(model.image, recipe, device)
    gaps, same, count = [], 0, 0
    grid = grid_of(recipe, device)
    for each in held_out_set(shelf, grid, PARITY, min(8, recipe.test)):
        volume = windowed(each.hu[None].float())
        with torch.no_grad():
            first = half(volume).states.float().cpu().numpy()
            second = small.image(volume).states.float().cpu().numpy()
        gaps.append(np.abs(first - second).max())
        told = [
            evaluating.told_of(model.verdicts, logits.astype(float)) for logits in (first, second)
        ]
        same += int((told[0] == told[1]).sum())
        count += len(KEYS)
    return {"largest_logit_gap": float(np.max(gaps)), "same_states": same / max(1, count)}


def _halved(network: ImageNetwork, recipe: Recipe, device: str) -> ImageNetwork:
    """The network with its weights rounded to fp16, computing in fp32."""
    copy = ImageNetwork(recipe.shape).to(device)
    copy.load_state_dict(
        {
            k: v.half().float() if v.is_floating_point() else v
            for k, v in network.state_dict().items()
        }
    )
    return copy.eval()


def _print(name: str, panel: dict[str, Any], *, whole: bool = False) -> None:
    say(
        name, studies=panel["studies"], macro_f1=panel["macro_f1"],
        uncertain=panel["uncertain_share"], nodule6_at_1fp=panel["nodule_6mm_sensitivity_at_1_fp"],
        pointing=panel["pointing"], side=panel["side_accuracy"], size_mm=panel["size_error_mm"],
        distinct=panel["distinct_finding_sets"],
    )  # fmt: skip
    if not whole:
        f1 = {key: row["f1"] for key, row in panel["findings"].items()}
        say(name, **f1)
        return
    for key, row in panel["findings"].items():
        say(name, finding=key, **row)
    say(name, **{f"control_{key}": value for key, value in panel["controls"].items()})
    for size, row in panel["froc_lung_nodule"].items():
        say(name, froc=size.replace(" ", ""), **row)
