"""Ultralytics' detection trainer, made to write safetensors and JSON only.

Its own checkpoints are pickles and its tables need polars; both are left out.
"""

import json
from pathlib import Path
from typing import Any

from apps.defect_detection.inference import architectures
from apps.defect_detection.inference.quiet import ultralytics_quietly

with ultralytics_quietly():
    from ultralytics.engine import trainer as engine_trainer
    from ultralytics.models.yolo.detect import DetectionTrainer, DetectionValidator


class SafeTrainer(DetectionTrainer):
    """Trains from the package's YAML; the best moving average goes to ``best.safetensors``."""

    history: list[dict[str, float]]

    def save_model(self) -> bool:
        """Keep the moving average when it is the best so far, and one line of figures an epoch."""
        folder = Path(self.save_dir)
        if self.best_fitness == self.fitness:
            architectures.save(self.ema.ema, folder / "best.safetensors")
        architectures.save(self.ema.ema, folder / "last.safetensors")
        line = {"epoch": self.epoch, "fitness": float(self.fitness or 0)}
        line.update({name: float(value) for name, value in (self.metrics or {}).items()})
        with (folder / "history.jsonl").open("a") as file:
            file.write(json.dumps(line) + "\n")
        return True

    def read_results_csv(self) -> dict[str, Any]:
        """Nothing: the history is in ``history.jsonl``."""
        return {}

    def final_eval(self) -> None:
        """Nothing: `validate` measures the artefact itself."""

    def plot_metrics(self) -> None:
        """Nothing."""


def train(
    architecture: str, description: Path, out: Path, epochs: int, batch: int, seed: int, **more: Any
) -> Path:
    """Train `architecture` from scratch and return the best weights (fp16 safetensors)."""
    architectures.check_name(architecture)
    # Its check of mixed precision downloads a model to compare with.
    engine_trainer.check_amp = lambda model: True
    settings = {
        "model": f"{architecture}.yaml",
        "data": str(description),
        "epochs": epochs,
        "batch": batch,
        "seed": seed,
        "imgsz": 640,
        "nms": None,  # NMS outside the network
        "project": str(out),
        "name": "run",
        "exist_ok": True,
        "plots": False,
        "pretrained": False,
        "verbose": False,
        **more,
    }
    trainer = SafeTrainer(overrides=settings)
    trainer.train()
    return Path(trainer.save_dir) / "best.safetensors"


def validate(
    architecture: str,
    weights: Path,
    names: dict[int, str],
    description: Path,
    split: str,
    out: Path,
    rect: bool = False,
) -> dict[str, Any]:
    """Measure `weights` on a split at 640, square or in rectangles, by Ultralytics' evaluator."""
    return measure(architectures.load(architecture, weights, names), description, split, out, rect)


def measure(
    model: Any, description: Path, split: str, out: Path, rect: bool = False
) -> dict[str, Any]:
    """Like `validate`, for a network that is loaded already."""
    names = model.names
    arguments = {
        "data": str(description),
        "split": split,
        "imgsz": 640,
        "batch": 32,
        "rect": rect,
        "nms": None,
        "plots": False,
        "project": str(out),
        "name": "val",
        "exist_ok": True,
        "workers": 4,
        "verbose": False,
    }
    validator = DetectionValidator(args=arguments)
    validator(model=model)
    box = validator.metrics.box
    per_class = {
        names[int(index)]: {
            "precision": round(float(box.p[at]), 4),
            "recall": round(float(box.r[at]), 4),
            "map50": round(float(box.ap50[at]), 4),
            "map50_95": round(float(box.maps[int(index)]), 4),
        }
        for at, index in enumerate(box.ap_class_index)
    }
    return {
        "evaluator": f"ultralytics DetectionValidator, {'rectangles' if rect else 'square'} 640, "
        "nms outside the network",
        "map50": round(float(box.map50), 4),
        "map50_95": round(float(box.map), 4),
        "precision": round(float(box.mp), 4),
        "recall": round(float(box.mr), 4),
        "classes": per_class,
    }
