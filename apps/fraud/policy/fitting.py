"""Thresholds fitted on the labelled transactions of a project, with the curve they stand on."""

import numpy as np

from apps.fraud.policy.asked import FitAsked, FitFound
from apps.fraud.policy.curve import curve
from apps.fraud.policy.reading import labels_of, newest_of_each, together
from apps.fraud.thresholds.bounds import rows_needed
from apps.fraud.thresholds.fit import fit
from loupe.contract.runtime.errors import InputRefused

COLUMNS = ("id", "event_time", "amount", "score", "refused", "label")


def fitted(asked: FitAsked) -> FitFound:
    """A proposal; or why there is none, with how many legitimate rows are missing at least."""
    columns = together(asked.blocks, COLUMNS)
    if not columns:
        return FitFound(refused="no transaction", code="no_rows", missing=_least(asked))
    kept = newest_of_each(columns["id"])
    kept = kept[~np.isnan(columns["score"][kept])]
    columns = {name: column[kept] for name, column in columns.items()}
    labels = labels_of(columns, asked.labels)
    silent = (labels < 0) & (columns["event_time"] < asked.silent_before)
    labels = np.where(silent, 0, labels)
    seen = FitFound(
        rows=len(labels), fraud=int((labels == 1).sum()), honest=int((labels == 0).sum())
    )
    try:
        found = fit(columns, labels, asked.point, asked.asked)
    except InputRefused as error:
        missing = max(1, _least(asked) - seen.honest)
        told = {"refused": error.message, "code": error.code, "missing": missing}
        return seen.model_copy(update=told)
    later = columns["event_time"] >= found.certificate.certified_from
    drawn = curve(columns["score"][later], labels[later])
    return seen.model_copy(update={"fitted": found, "curve": drawn})


def _least(asked: FitAsked) -> int:
    """Legitimate rows that the smallest budget takes if not one of them is stopped: as many again
    choose the thresholds."""
    shares = [budget.at_most for budget in asked.asked.budgets]
    needed = rows_needed(0.0, min(shares), asked.asked.delta) if shares else 1
    return 2 * (needed or 1)
