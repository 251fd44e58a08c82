"""Evaluates an artefact: what serves, its further runtimes, and all of them against torch."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from apps.defect_detection.inference.model import DetectorModel
from apps.defect_detection.inference.runtimes import NETWORKS, open_runtime
from apps.defect_detection.inference.runtimes.runtime import Runtime
from apps.defect_detection.training import collection
from apps.defect_detection.training.average_precision import Floats
from apps.defect_detection.training.collection import Collection, Sample
from apps.defect_detection.training.evaluation.bootstrap import map50_loss
from apps.defect_detection.training.evaluation.looking import (
    Looked,
    look,
    write_predictions,
)
from apps.defect_detection.training.evaluation.parity import (
    Parity,
    answers,
    boxes_shared,
    scores_apart,
)
from apps.defect_detection.training.evaluation.summary import summarise
from apps.defect_detection.training.gate import broken_parity
from loupe.contract.runtime.errors import InputRefused, ModelRefused
from loupe.contract.runtime.panel import Panel
from loupe.contract.runtime.reporter import Reporter
from loupe.contract.runtime.training import EVALUATIONS, PICTURES, PREDICTIONS, write_panel

TORCH = "torch"
VARIANTS = {"onnx": NETWORKS[0], "int8": NETWORKS[1]}
WEIGHTS = "model.safetensors"


@dataclass(frozen=True, kw_only=True)
class Artefact:
    """An artefact's folder and manifest. `serving` is the variant the manifest serves by."""

    folder: Path
    manifest: dict[str, Any]

    @classmethod
    def read(cls, folder: Path) -> "Artefact":
        """Read the manifest.

        Raises:
            ModelRefused: it is missing or damaged.
        """
        try:
            manifest = json.loads((folder / "manifest.json").read_bytes())
        except (OSError, ValueError) as error:
            raise ModelRefused(
                f"{folder.name} is no artefact: its manifest.json cannot be read ({error})."
            ) from error
        return cls(folder=folder, manifest=manifest)

    @property
    def serving(self) -> str:
        network = self.manifest.get("network", NETWORKS[0])
        return next((name for name, file in VARIANTS.items() if file == network), "onnx")

    @property
    def variants(self) -> tuple[str, ...]:
        """What serves first, then what else there is; torch where its weights are kept."""
        found = [name for name, file in VARIANTS.items() if (self.folder / file).exists()]
        if (self.folder / WEIGHTS).exists():
            found.append(TORCH)
        return (self.serving, *(name for name in found if name != self.serving))

    def served_by(self, variant: str) -> "Artefact":
        """The artefact with `variant` for what serves; its manifest is written."""
        manifest = {**self.manifest, "network": VARIANTS[variant]}
        place = self.folder / "manifest.json"
        fresh = place.with_suffix(".new")
        fresh.write_text(json.dumps(manifest, indent=2) + "\n")
        fresh.replace(place)
        return Artefact(folder=self.folder, manifest=manifest)

    def open(self, variant: str) -> Runtime:
        """The variant's network, compiled.

        Raises:
            ModelRefused: it cannot be read.
        """
        if variant == TORCH:
            return open_runtime(self.folder, self.manifest, "torch")
        network = VARIANTS[variant]
        return open_runtime(self.folder, {**self.manifest, "network": network})


def evaluate(*, artefact: Path, data: Path, out: Path, reporter: Reporter) -> Panel:
    """Measure `artefact` on what of `data` is held out; see `loupe.contract.runtime.training`."""
    return measured(Artefact.read(artefact), collection.read(data), out, reporter.progress)


def measured(
    artefact: Artefact,
    data: Collection,
    out: Path,
    beat: Callable[[float, float, str], None],
    *,
    choose: bool = False,
) -> Panel:
    """Evaluate every variant, write what the contract asks for below `out`; the serving panel.

    Args:
        choose: let the artefact be served in 8 bits where these are as good as the gate demands,
            else by ONNX; its manifest is written anew.

    Raises:
        InputRefused: the model knows none of the data's classes, or a picture cannot be decoded.
        ModelRefused: a network cannot be read.
    """
    model = DetectorModel.from_manifest(artefact.manifest)
    samples, classes = data.held_out, data.about.classes
    if classes and not set(classes) & set(model.classes):
        raise InputRefused(
            f"The model knows {', '.join(model.classes[:8])}; {data.name} has "
            f"{', '.join(classes[:8])}. Nothing can be compared: name the classes alike.",
            code="classes_differ",
        )
    variants = artefact.variants
    looked: dict[str, list[Looked]] = {}
    answered: dict[str, list[Floats]] = {}
    for number, variant in enumerate(variants):
        looked[variant], answered[variant] = _looked(
            artefact,
            variant,
            model,
            samples,
            classes,
            # The loop variable is bound now.
            lambda done, total, number=number, variant=variant: beat(  # type: ignore[misc]
                number + done / total, len(variants), f"measuring {variant}"
            ),
        )
    parities = {
        variant: _parity(variant, looked, answered, len(model.classes))
        for variant in variants
        if variant != TORCH and TORCH in variants
    }
    if choose:
        sound = "int8" in parities and not broken_parity(parities["int8"].figures(), "int8")
        artefact = artefact.served_by("int8" if sound else "onnx")
    for variant in variants:
        folder = out if variant == artefact.serving else out / EVALUATIONS / variant
        folder.mkdir(parents=True, exist_ok=True)
        lines = write_predictions(folder / PREDICTIONS, looked[variant], classes, model.classes)
        panel = summarise(
            looked[variant],
            lines,
            model.classes,
            data.about,
            folder / PICTURES,
            dataset=data.name,
            runtime=variant,
        )
        if variant in parities:
            more = (*panel.figures, *parities[variant].figures())
            panel = panel.model_copy(update={"figures": more})
        if variant == artefact.serving:
            serving = panel
        else:
            write_panel(folder, panel)
        beat(len(variants), len(variants), f"summing up {variant}")
    return serving


def _looked(
    artefact: Artefact,
    variant: str,
    model: DetectorModel,
    samples: Sequence[Sample],
    classes: Sequence[str],
    beat: Callable[[float, float], None],
) -> tuple[list[Looked], list[Floats]]:
    """What the variant finds, and what its head answers to some of the pictures."""
    runtime = artefact.open(variant)
    try:
        found = list(look(runtime, model, samples, classes, beat))
        return found, answers(runtime, model.size, samples)
    finally:
        runtime.close()


def _parity(
    variant: str,
    looked: dict[str, list[Looked]],
    answered: dict[str, list[Floats]],
    classes: int,
) -> Parity:
    """The variant against torch."""
    return Parity(
        scores=scores_apart(answered[variant], answered[TORCH]),
        boxes=boxes_shared(looked[variant], looked[TORCH]),
        map50_loss=map50_loss(looked[TORCH], looked[variant], classes),
        pictures=len(looked[variant]),
    )
