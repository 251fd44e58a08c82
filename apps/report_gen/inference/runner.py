"""The engine's step: a volume and a clinical text to findings, masks and drafts that cite them."""

import hashlib
import json
import threading
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch

from apps.report_gen.findings import KEYS, FindingSet
from apps.report_gen.inference.detect import detect
from apps.report_gen.inference.draft import Drafter, prepare_source
from apps.report_gen.inference.looking import looked_at
from apps.report_gen.inference.placing import moved, network_affine, shift
from apps.report_gen.inference.stored import RECORD, fetch
from apps.report_gen.inference.verdicts import Verdicts
from apps.report_gen.inference.warming import warm
from apps.report_gen.masks import as_bits
from apps.report_gen.schema import Grid
from core_kernels.transfer.chunks import ArraySource
from loupe.contract.runtime.errors import DeviceLost
from loupe.contract.runtime.payload import JsonValue, Payload
from loupe.contract.runtime.signature import Signature, Tensor
from loupe.contract.runtime.steps import Clock

TRAINED_ON: Final = {
    "en": "Synthetic phantoms of the chest; no patient's study.",
    "zh": "合成胸部体模，未使用任何患者检查。",
}
LANGUAGES: Final = ("en", "zh")
CLINICAL: Final = frozenset({"text", "question"})
"""What of a request people wrote: it goes no further."""


class DraftRunner:
    """Holds one model. Safe in several threads: one study at a time is worked on.

    A request has ``hu`` int16 [slice, row, column] in RAS and, in its `meta`, ``volume`` and
    ``text``; one whose ``status`` is ``refused`` is answered as it came.
    """

    SIGNATURE = Signature(
        inputs=(Tensor(name="hu", datatype="INT16", shape=(-1, -1, -1)),),
        outputs=(
            Tensor(name="labels", datatype="UINT8", shape=(-1, -1, -1)),
            Tensor(name="regions", datatype="UINT16", shape=(-1, -1, -1)),
        ),
    )

    def __init__(self, artefact: Path, manifest: Mapping[str, Any], device: str = "cpu") -> None:
        self._device = torch.device(device)
        on_gpu = self._device.type == "cuda"
        self._model = fetch(artefact, str(self._device))
        self._drafter = Drafter(self._model, dtype=torch.bfloat16 if on_gpu else torch.float32)
        self._credit = _credit(artefact, manifest, self._model.card)
        self._one_at_a_time = threading.Lock()
        if on_gpu:
            self.ready()

    def ready(self) -> None:
        """Compile and choose now what a first study would wait for."""
        warm(self._drafter, self._device, LANGUAGES)

    def infer(self, requests: Sequence[Payload], clock: Clock) -> list[Payload]:
        """Answer each request with ``labels`` and ``regions`` and what was found and written."""
        return [self._one(request, clock) for request in requests]

    def _one(self, request: Payload, clock: Clock) -> Payload:
        if request.meta.get("status") != "drafted":
            return Payload(
                arrays={"labels": np.zeros((1, 1, 1), np.uint8)},
                meta={**request.meta, "model": self._credit},
            )
        with self._one_at_a_time:
            try:
                return self._drafted(request, clock)
            except torch.AcceleratorError as error:
                raise DeviceLost(
                    f"The device {self._device} stopped answering ({type(error).__name__}); the "
                    "study is read again on another."
                ) from error

    @torch.no_grad()
    def _drafted(self, request: Payload, clock: Clock) -> Payload:
        meta: dict[str, Any] = dict(request.meta)
        spacing = _three(meta["volume"]["spacing"])
        with clock.stage("prepare"):
            # The array lies in memory of the host, which is read only and goes with the answer.
            source = ArraySource(array=request.arrays["hu"])
            prepared = prepare_source(source, spacing, self._model.shape, self._device)
        drafter = self._drafter
        with clock.stage("find"):
            windows, seen = looked_at(drafter.image, prepared.windows, drafter.dtype)
            verdicts = asked_verdicts(self._model.verdicts, meta)
            found = detect(drafter.image, windows, verdicts, seen)[0]
        language = str(meta.get("language", "en"))
        drafts: list[JsonValue] = []
        with clock.stage("write"):
            for each in _languages(meta, language):
                text = str(meta.get("text", ""))
                question = str(meta.get("question", ""))
                sentences = drafter.write(found.findings, text, each, seen.features, question)
                drafts.append({"language": each, "sentences": [_said(one) for one in sentences]})
        target = self._model.shape.spacing
        by = shift(prepared.origin, target, spacing)
        affine = network_affine(np.asarray(meta["volume"]["affine"]), spacing, target, by)
        told: dict[str, JsonValue] = {
            "findings": _findings(moved(found.findings, by)),
            "drafts": drafts,
            "masks": _grids(tuple(found.labels.shape), tuple(found.regions.shape), target, affine),
            "model": self._credit,
        }
        labels = found.labels.cpu().numpy()
        regions = as_bits(found.regions.cpu().numpy())
        passed = {key: value for key, value in request.meta.items() if key not in CLINICAL}
        return Payload(arrays={"labels": labels, "regions": regions}, meta={**passed, **told})

    def close(self) -> None:
        """Free the networks."""
        del self._drafter, self._model
        if self._device.type == "cuda":
            torch.cuda.empty_cache()


def asked_verdicts(verdicts: Verdicts, asked: Mapping[str, JsonValue]) -> Verdicts:
    """The model's verdicts with the thresholds that an operating point sets (`App.request`).

    Where one of the two is set beyond the other one, both are the one that is set.
    """
    low, high = list(verdicts.low), list(verdicts.high)
    for index, key in enumerate(KEYS):
        below, above = asked.get(f"low.{key}"), asked.get(f"high.{key}")
        if isinstance(below, int | float):
            low[index] = float(below)
            high[index] = max(high[index], low[index])
        if isinstance(above, int | float):
            high[index] = float(above)
            low[index] = min(low[index], high[index])
    return replace(verdicts, low=tuple(low), high=tuple(high))


def _credit(
    artefact: Path, manifest: Mapping[str, Any], card: Mapping[str, Any]
) -> dict[str, JsonValue]:
    trained = card.get("trained_on", TRAINED_ON)
    words = trained if isinstance(trained, Mapping) else {"en": str(trained), "zh": str(trained)}
    files = json.dumps(manifest.get("files", {}), sort_keys=True)
    digest = hashlib.sha256((artefact / RECORD).read_bytes() + files.encode()).hexdigest()
    return {
        "name": str(manifest.get("name") or artefact.name),
        "version": int(manifest.get("version", 1)),
        "sha256": digest,
        "trained_on": {"en": str(words.get("en", "")), "zh": str(words.get("zh", ""))},
    }


def _languages(meta: Mapping[str, Any], language: str) -> list[str]:
    """The study's own language first, then the others that are asked for."""
    asked = [each for each in str(meta.get("languages", language)).split(",") if each in LANGUAGES]
    first = [language] if language in asked or not asked else []
    return [*first, *(each for each in asked if each != language)] or ["en"]


def _said(sentence: Any) -> JsonValue:
    return {
        "part": str(sentence.slot.section),
        "text": sentence.text,
        "findings": list(sentence.slot.ids),
    }


def _findings(findings: FindingSet) -> JsonValue:
    made: list[JsonValue] = []
    for each in findings.findings:
        record = asdict(each)
        if record["size_mm"] is not None and record["size_mm"] <= 0:
            record["size_mm"] = None
        made.append(json.loads(json.dumps(record)))
    return made


def _grids(
    labels: Sequence[int], regions: Sequence[int], target: tuple[float, float, float],
    affine: np.ndarray,
) -> JsonValue:  # fmt: skip
    half = affine.copy()
    # The centre of a voxel twice as wide lies half a fine voxel further on.
    half[:3, 3] = affine[:3, 3] + affine[:3, :3] @ np.full(3, 0.5)
    half[:3, :3] = affine[:3, :3] * 2
    wide = (2 * target[0], 2 * target[1], 2 * target[2])
    return {
        "grid": _grid(labels, target, affine),
        "region_grid": _grid(regions[1:], wide, half),
    }


def _grid(shape: Sequence[int], spacing: tuple[float, float, float], affine: np.ndarray) -> Any:
    made = Grid.model_validate(
        {"shape": tuple(shape), "spacing": spacing, "affine": affine.tolist()}
    )
    return made.model_dump(mode="json")


def _three(value: Any) -> tuple[float, float, float]:
    z, y, x = (float(each) for each in value)
    return z, y, x
