"""The panel on a folder of people's own studies with labels, in CT-RATE's layout."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from apps.report_gen.evaluation.labelled import labelled_panel, number
from apps.report_gen.evaluation.wording import wording
from apps.report_gen.findings import KEYS
from apps.report_gen.inference.detect import detect
from apps.report_gen.inference.draft import Drafter, prepare
from apps.report_gen.inference.looking import looked_at
from apps.report_gen.reading.studies import read_study
from apps.report_gen.training.evaluating import told_of
from apps.report_gen.training.real.mapping import Columns
from apps.report_gen.training.real.studies import RealStudy, read_folder
from apps.report_gen.training.real.studies import told as counted
from apps.report_gen.training.real.tables import Problem
from loupe.contract.runtime.errors import InputRefused

Tell = Callable[[str], None]


@torch.no_grad()
def judge_folder(
    drafter: Drafter, folder: Path, columns: Columns | None, tell: Tell = lambda note: None
) -> dict[str, Any]:
    """Figures on every study that can be read; what cannot is listed.

    Raises:
        InputRefused: not one study can be used.
    """
    studies, problems = read_folder(folder, columns)
    used: list[RealStudy] = []
    logits, drafts = [], []
    device = next(drafter.image.parameters()).device
    for at, study in enumerate(studies):
        tell(f"study {at + 1} of {len(studies)}")
        read = read_study([study.path])
        if read.volume is None:
            reasons = [one for verdict in read.verdicts for one in verdict.reasons]
            why = reasons[0].text.en if reasons else "no image"
            problems.append(Problem(study.path.name, 0, f"refused by the gates: {why}"))
            continue
        hu = torch.from_numpy(read.volume.hu).to(device)
        windows = prepare(hu, read.volume.spacing, drafter.model.shape).windows
        windows, seen = looked_at(drafter.image, windows, drafter.dtype)
        found = detect(drafter.image, windows, drafter.model.verdicts, seen)[0]
        said = drafter.write(found.findings, study.clinical, "en", seen.features)
        used.append(study)
        logits.append(seen.states[0].float().cpu().numpy().astype(float))
        drafts.append(" ".join(each.text for each in said))
    if not used:
        raise InputRefused(
            f"The gates refuse every study of {folder}: "
            f"{'; '.join(map(str, sorted(problems)[:8]))}.",
            code="no_study",
        )
    rows = np.stack(logits)
    verdicts = drafter.model.verdicts
    truth = np.array([[each.labels.get(key, False) for key in KEYS] for each in used])
    known = np.array([[key in each.labels for key in KEYS] for each in used])
    made: dict[str, Any] = {
        "figures": f"{len(used)} studies of {folder.name}",
        "panel": labelled_panel(
            told_of(verdicts, rows), verdicts.probabilities(rows), truth, known,
            [each.patient for each in used],
        ),
        "labels": counted(used),
        "labelled_by": {
            by: sum(each.labelled_by == by for each in used) for by in ("columns", "report")
        },
        "distinct_reports": number(len(set(drafts)) / len(drafts)),
        "problems": [str(each) for each in sorted(problems)],
    }  # fmt: skip
    with_report = [at for at, each in enumerate(used) if each.report]
    if with_report:
        made["wording"] = wording(
            [drafts[at] for at in with_report], [used[at].report for at in with_report]
        )
    return made
