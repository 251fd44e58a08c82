"""The panel: a model on phantoms that nothing was trained on."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from apps.report_gen.findings import FOCAL, KEYS, Finding, FindingSet, Side, State
from apps.report_gen.grammar.clinical import some_text
from apps.report_gen.grammar.reading import fidelity
from apps.report_gen.grammar.slots import slots_of
from apps.report_gen.inference.detect import Found, detect, peaks
from apps.report_gen.inference.draft import Drafter
from apps.report_gen.inference.looking import looked_at
from apps.report_gen.inference.network import ImageNetwork, Seen, windowed
from apps.report_gen.inference.stored import Model
from apps.report_gen.inference.verdicts import Verdicts
from apps.report_gen.training import metrics
from apps.report_gen.training.detection import Hits, Lesion, Mark, froc, hits, reach, threshold_for
from apps.report_gen.training.targets import Example

TOLD = {State.PRESENT: 1, State.ABSENT: 0, State.UNCERTAIN: -1}


@dataclass
class Answers:
    """What a model said of studies, beside what is true."""

    logits: list[np.ndarray] = field(default_factory=list)
    marks: dict[str, list[list[Mark]]] = field(default_factory=lambda: {kind: [] for kind in FOCAL})
    lesions: dict[str, list[list[Lesion]]] = field(
        default_factory=lambda: {kind: [] for kind in FOCAL}
    )
    found: list[FindingSet] = field(default_factory=list)
    features: list[Tensor] = field(default_factory=list)
    truths: list[FindingSet] = field(default_factory=list)
    dice: dict[str, list[float]] = field(default_factory=lambda: {key: [] for key in KEYS})

    def truth(self) -> np.ndarray:
        """bool [N, K]."""
        rows = [[s is State.PRESENT for s in each.states().values()] for each in self.truths]
        return np.array(rows)

    def hits(self, kind: str) -> Hits:
        """Marks and lesions of a kind matched."""
        return hits(self.marks[kind], self.lesions[kind])


@torch.no_grad()
def answers(
    network: ImageNetwork, examples: Iterator[Example], verdicts: Verdicts, dtype: torch.dtype
) -> Answers:
    """Run the network over examples, one at a time: phantoms need not be kept."""
    network.eval()
    made = Answers()
    for each in examples:
        volume, seen = looked_at(network, windowed(each.hu[None].float()), dtype)
        made.logits.append(seen.states[0].float().cpu().numpy().astype(float))
        made.truths.append(each.truth)
        made.features.append(seen.features.float().cpu())
        found = detect(network, volume, verdicts, seen)[0]
        _marks(made, network, seen, each)
        _overlaps(made, found, each)
        made.found.append(found.findings)
    return made


def _marks(made: Answers, network: ImageNetwork, seen: Seen, each: Example) -> None:
    spacing = network.shape.spacing
    all_peaks = peaks(seen, 0, (0.01, 0.01))
    for number, kind in enumerate(FOCAL):
        made.marks[kind].append(
            [Mark(_mm(peak.at, spacing), peak.score) for peak in all_peaks if peak.kind == kind]
        )
        made.lesions[kind].append(
            [
                Lesion(_mm(centre.at, spacing), centre.size_mm)
                for centre in each.centres
                if centre.kind == number
            ]
        )


def _mm(at: tuple[float, float, float], spacing: tuple[float, ...]) -> tuple[float, float, float]:
    z, y, x = (a * s for a, s in zip(at, spacing, strict=True))
    return z, y, x


def _overlaps(made: Answers, found: Found, each: Example) -> None:
    for bit, key in enumerate(KEYS):
        if each.states[bit] > 0:
            told = found.regions[bit]
            true = (each.regions >> bit) & 1 > 0
            size = int(told.sum()) + int(true.sum())
            common = int((told & true).sum())
            made.dice[key].append(2 * common / size if size else 1.0)


def told_of(verdicts: Verdicts, logits: np.ndarray) -> np.ndarray:
    """-1, 0 or 1 [N, K]."""
    states = verdicts.states(verdicts.probabilities(logits))
    return np.array([[TOLD[state] for state in row] for row in states])


def panel(
    said: Answers, verdicts: Verdicts, patients: list[int], rounds: int = 300
) -> dict[str, Any]:
    """Every figure about findings."""
    truth, logits = said.truth(), np.stack(said.logits)
    told = told_of(verdicts, logits)
    settled = metrics.settled(told, truth)
    chances = verdicts.probabilities(logits)
    macro = metrics.clustered(metrics.macro_f1, settled, truth, patients, rounds=rounds)
    per = {
        key: {
            "n": int(truth[:, k].sum()),
            "f1": _rounded(metrics.f1(settled, truth)[k]),
            "mcc": _rounded(metrics.mcc(settled, truth)[k]),
            "sensitivity": _rounded(metrics.sensitivity(settled, truth)[k]),
            "specificity": _rounded(metrics.specificity(settled, truth)[k]),
            "ece": _rounded(metrics.calibration_error(chances[:, k], truth[:, k])),
            "brier_skill": _rounded(metrics.brier_skill(chances[:, k], truth[:, k])),
            "dice": _rounded(float(np.mean(said.dice[key])) if said.dice[key] else math.nan),
        }
        for k, key in enumerate(KEYS)
    }
    nodules = said.hits("lung_nodule")
    return {
        "studies": len(truth),
        "macro_f1": [_rounded(each) for each in macro],
        "uncertain_share": _rounded(float((told < 0).mean())),
        "findings": per,
        "froc_lung_nodule": froc(nodules),
        "froc_mass": froc(said.hits("mass")),
        "nodule_6mm_sensitivity_at_1_fp": _rounded(_from_six(nodules)),
        "pointing": _rounded(pointing(said)),
        "side_accuracy": _rounded(side_accuracy(said)),
        "size_error_mm": _rounded(size_error(said)),
        "distinct_finding_sets": _rounded(
            metrics.distinct_ratio([tuple(row) for row in told], [tuple(row) for row in truth])
        ),
        "controls": metrics.controls(settled, truth),
    }


def _rounded(value: float) -> float:
    return round(float(value), 4)


def _from_six(scored: Hits) -> float:
    threshold = threshold_for(scored, 1.0)
    mine = [s for s, size in zip(scored.found, scored.sizes, strict=True) if size >= 6]
    return float(np.mean([s >= threshold and s > 0 for s in mine])) if mine else math.nan


def pointing(said: Answers) -> float:
    """Share of studies with a focal lesion whose likeliest mark of that kind lies on one."""
    right = []
    for kind in FOCAL:
        for marks, lesions in zip(said.marks[kind], said.lesions[kind], strict=True):
            if lesions:
                best = max(marks, key=lambda mark: mark.score, default=None)
                right.append(
                    best is not None
                    and any(math.dist(best.at, each.at) <= reach(each) for each in lesions)
                )
    return float(np.mean(right)) if right else math.nan


def side_accuracy(said: Answers) -> float:
    """Of kinds with a side that were rightly called present: the side, all lesions together."""
    right = []
    for found, truth in zip(said.found, said.truths, strict=True):
        told, true = _sides(found), _sides(truth)
        right += [told[key] == side for key, side in true.items() if key in told]
    return float(np.mean(right)) if right else math.nan


def _sides(findings: FindingSet) -> dict[str, frozenset[Side]]:
    """The sides on which kinds that do not repeat lie."""
    made: dict[str, frozenset[Side]] = {}
    for each in findings.present():
        if each.side is Side.NONE or each.kind in FOCAL:
            continue
        both = each.side is Side.BOTH
        made[each.kind] = frozenset({Side.RIGHT, Side.LEFT}) if both else frozenset({each.side})
    return made


def size_error(said: Answers) -> float:
    """Median error in mm of the longest diameter of lesions that were found."""
    gaps = []
    for found, truth in zip(said.found, said.truths, strict=True):
        for true in (one for one in truth.present() if one.centre is not None):
            near = [each for each in found.present() if _same(each, true)]
            if near and true.size_mm is not None:
                gaps.append(min(abs((each.size_mm or 0) - true.size_mm) for each in near))
    return float(np.median(gaps)) if gaps else math.nan


def _same(told: Finding, true: Finding) -> bool:
    if told.kind != true.kind or told.centre is None or true.centre is None:
        return False
    return math.dist(told.centre, true.centre) <= reach(Lesion(true.centre, true.size_mm or 0.0))


@torch.no_grad()
def text_panel(model: Model, said: Answers, count: int, seed: int = 5) -> dict[str, Any]:
    """Drafts of the model's own findings in both languages: faithful, various, and of the text
    only the order."""
    drafter = Drafter(model)
    draw = np.random.default_rng(seed)
    device = model.report.decoder.bias.device
    sums, reports, answered, asked_of, changed = np.zeros(5), [], 0, 0, 0
    for number in range(min(count, len(said.found))):
        language = ("en", "zh")[number % 2]
        text, asked = some_text(draw, language)
        findings = said.found[number]
        features = said.features[number].to(device)
        sentences = drafter.write(findings, text, language, features)
        texts = [each.text for each in sentences]
        sums += np.array(fidelity(texts, language, findings))
        reports.append((language, tuple(sorted(texts))))
        if asked is not None:
            asked_of += 1
            answered += any(not s.slot.needed and s.slot.kinds == (asked,) for s in sentences)
        other = drafter.write(findings, some_text(draw, language).text, language, features)
        needed = {slot.meaning() for slot in slots_of(findings) if slot.needed}
        changed += {s.slot.meaning() for s in other if s.slot.needed} != needed
    return {
        "reports": len(reports),
        "sentences": int(sums[0]),
        "sentences_without_slot": int(sums[2]),
        "side_contradictions": int(sums[3]),
        "needed_not_said": int(sums[4]),
        "findings_changed_by_another_text": int(changed),
        "question_answered": _rounded(answered / max(1, asked_of)),
        "distinct_reports": _rounded(len(set(reports)) / max(1, len(reports))),
    }


@torch.no_grad()
def blanked(
    network: ImageNetwork, verdicts: Verdicts, dtype: torch.dtype, count: int = 32
) -> float:
    """Share of volumes without anything in them, at several HU, of which no finding is told."""
    parameter = next(network.parameters())
    grid = network.shape.grid
    clean = 0
    for number in range(count):
        level = -1024 + 1100 * number / max(1, count - 1)
        hu = torch.full((1, *grid), level, device=parameter.device)
        logits = looked_at(network, windowed(hu), dtype)[1].states.float().cpu().numpy()
        clean += not (told_of(verdicts, logits) > 0).any()
    return clean / count


def text_only(truth: np.ndarray, seed: int = 9) -> float:
    """Macro-F1 of taking what the clinical text asks for as the finding."""
    draw = np.random.default_rng(seed)
    told = np.zeros_like(truth)
    for row in told:
        asked = some_text(draw, "en").asked
        if asked is not None:
            row[KEYS.index(asked)] = True
    return metrics.macro_f1(told, truth)


def with_peaks(verdicts: Verdicts, said: Answers, false_a_study: float = 0.5) -> Verdicts:
    """The peaks' thresholds at so many false lesions a study."""
    first, second = (
        float(np.clip(threshold_for(said.hits(kind), false_a_study), 0.02, 0.9)) for kind in FOCAL
    )
    return replace(verdicts, peak=(first, second))
