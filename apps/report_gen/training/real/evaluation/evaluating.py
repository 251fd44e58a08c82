"""One stored model on the patients that no training learns from: its panel and its predictions."""

import shutil
from pathlib import Path

import torch

from apps.report_gen.evaluation.labelled import labelled_panel
from apps.report_gen.inference.stored import fetch
from apps.report_gen.training.evaluating import told_of
from apps.report_gen.training.real.cache import prepared
from apps.report_gen.training.real.material import material
from apps.report_gen.training.real.panels import host_panel
from apps.report_gen.training.real.training import answers, labels, write_predictions
from loupe.contract.runtime.errors import InputRefused
from loupe.contract.runtime.panel import Panel
from loupe.contract.runtime.reporter import Reporter


def evaluate(*, artefact: Path, data: Path, out: Path, reporter: Reporter) -> Panel:
    """Measure on the judging patients of `data`, as a training splits them; on all of them, which
    the panel says, where it has none.

    Raises:
        InputRefused: no study can be measured on.
        ModelRefused: the artefact cannot be read.
    """
    device = "cuda" if torch.cuda.is_available() else "cpu"
    reporter.progress(0, 1, "reading")
    model = fetch(artefact, device)
    given = material(data)
    judging = [each for each in given.studies if each.validates]
    cache = out / "cache"
    kept, _refused = prepared(
        judging or given.studies,
        cache,
        model.shape,
        lambda at, study: reporter.progress(
            0.5 * at / len(given.studies), 1, f"preparing {given.study(study)}"
        ),
    )
    if not kept:
        raise InputRefused(
            "The gates refuse every study that could be measured on; send others.", code="no_study"
        )
    logits = answers(model.image, kept, lambda note: reporter.progress(0.6, 1, f"measuring {note}"))
    shutil.rmtree(cache)
    truth, known = labels(kept)
    chances = model.verdicts.probabilities(logits)
    panel = labelled_panel(
        told_of(model.verdicts, logits), chances, truth, known,
        [each.study.patient for each in kept],
    )  # fmt: skip
    write_predictions(out, kept, chances, given)
    return host_panel(panel, given.name, held_out=bool(judging))
