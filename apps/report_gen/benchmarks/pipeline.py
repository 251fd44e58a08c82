"""One study from its files to a draft, by stages, in a process of its own.

    python -m apps.report_gen.benchmarks.pipeline STUDY --times 5

Prints one JSON line. ``cold`` is the first study of the process, with the model's loading and what
compiles at first use; ``warm`` are the others. Memory is the process's own peak and that of the
largest child which decodes.
"""

import argparse
import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import numpy as np
import torch

from apps.report_gen.inference.detect import detect
from apps.report_gen.inference.draft import Drafter, prepare_source
from apps.report_gen.inference.looking import looked_at
from apps.report_gen.inference.network import ImageNetwork
from apps.report_gen.inference.report_network import ReportNetwork
from apps.report_gen.inference.shape import TOY, Shape
from apps.report_gen.inference.stored import Model, fetch
from apps.report_gen.inference.verdicts import Verdicts
from apps.report_gen.reading.studies import read_study
from core_kernels.transfer.chunks import ArraySource

STAGES: Final = ("read", "prepare", "network", "detect", "write")
TEXT: Final = "Cough for three weeks; effusion?"
Result = TypeVar("Result")


def random_model(shape: Shape, device: str) -> Model:
    """A network of the given size that nobody trained: as quick as a trained one."""
    torch.manual_seed(0)
    image, report = ImageNetwork(shape), ReportNetwork(shape)
    for weight in report.decoder.parameters():
        torch.nn.init.normal_(weight, 0, 0.05)
    return Model(
        shape=shape, image=image.to(device).eval(), report=report.to(device).eval(),
        verdicts=Verdicts(), card={},
    )  # fmt: skip


class Stages:
    """Runs stages one after another and keeps their seconds; waits for a GPU after each."""

    def __init__(self, device: str) -> None:
        self.device, self.seconds = device, dict.fromkeys(STAGES, 0.0)

    def run(self, name: str, work: Callable[[], Result]) -> Result:
        """What `work` returns."""
        start = time.perf_counter()
        result = work()
        if self.device.startswith("cuda"):
            torch.cuda.synchronize()
        self.seconds[name] += time.perf_counter() - start
        return result


@torch.no_grad()
def draft_study(drafter: Drafter, study: Path, device: str) -> tuple[dict[str, float], int]:
    """Seconds of each stage and of all, and the tokens that were written."""
    stages = Stages(device)
    volume = stages.run("read", lambda: read_study([study])).volume
    if volume is None:
        raise SystemExit(f"{study.name} was refused; bench a study that the gates accept.")
    spacing, shape = volume.spacing, drafter.model.shape
    source = ArraySource(array=volume.hu)

    where = torch.device(device)
    exact = stages.run("prepare", lambda: prepare_source(source, spacing, shape, where).windows)
    windows, seen = stages.run("network", lambda: looked_at(drafter.image, exact, drafter.dtype))
    found = stages.run(
        "detect", lambda: detect(drafter.image, windows, drafter.model.verdicts, seen)[0]
    )
    stages.run("write", lambda: drafter.write(found.findings, TEXT, "en", seen.features))
    return {**stages.seconds, "whole": sum(stages.seconds.values())}, drafter.choice.steps


def measured(study: Path, model: Path | None, device: str, times: int, toy: bool) -> dict[str, Any]:
    """The figures of one study."""
    start = time.perf_counter()
    made = fetch(model, device) if model else random_model(TOY if toy else Shape(), device)
    on_gpu = device.startswith("cuda")
    drafter = Drafter(made, dtype=torch.bfloat16 if on_gpu else torch.float32)
    loading = time.perf_counter() - start
    first, _ = draft_study(drafter, study, device)
    rows, tokens = [], 0
    for _ in range(times):
        row, tokens = draft_study(drafter, study, device)
        rows.append(row)
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    child = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20
    return {
        "cold": {"load": round(loading, 3), **_rounded(first)},
        "warm_p50": _rounded({k: float(np.percentile([r[k] for r in rows], 50)) for k in first}),
        "warm_p95": _rounded({k: float(np.percentile([r[k] for r in rows], 95)) for k in first}),
        "times": times,
        "tokens": tokens,
        "ms_a_token": round(1000 * float(np.median([r["write"] for r in rows])) / tokens, 3),
        "peak_gib": round(own, 2),
        "peak_gib_of_a_decoding_child": round(child, 2),
        "gpu_gib": round(torch.cuda.max_memory_allocated() / 2**30, 2) if on_gpu else 0.0,
    }


def _rounded(seconds: dict[str, float]) -> dict[str, float]:
    return {key: round(value, 3) for key, value in seconds.items()}


def main(arguments: list[str]) -> int:
    """Print one JSON line."""
    parser = argparse.ArgumentParser(prog="benchmarks.pipeline")
    parser.add_argument("study", type=Path)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--toy", action="store_true")
    asked = parser.parse_args(arguments)
    said = measured(asked.study, asked.model, asked.device, asked.times, asked.toy)
    sys.stdout.write(json.dumps(said) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
