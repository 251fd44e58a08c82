"""What the app does with results as the host stores them: notes for the entity index, alerts."""

from collections.abc import Sequence
from math import isfinite
from uuid import UUID

import numpy as np

from apps.fraud.schema import OperatingPoint, ScoredTransaction
from apps.fraud.scheme import Scheme
from apps.fraud.services import (
    announcing,
    bad_rows,
    ringing,
    schemes,
    told_labels,
    wakeups,
)
from apps.fraud.services.entity_index import notes
from apps.fraud.services.raising import Hit, raise_alerts
from apps.fraud.services.statements import insert_new
from loupe.contract.blocks import LIVE, StoredBlock
from loupe.contract.outcomes import DecisionColumns
from loupe.contract.runtime.columns import Columns, to_rows
from loupe.contract.runtime.steps import load

ALERTING = ("review", "block")
MOST_REASONED = 500
"""Of a block, hits that carry their reasons from the start, strongest first; the others have the
leading one, as their label, and the rest at the result."""


def on_blocks(blocks: Sequence[StoredBlock]) -> None:
    """See `loupe.contract.blocks.OnBlocks`."""
    declared: dict[UUID, Scheme] = {}
    for block in blocks:
        if block.session != LIVE and block.position == 0:
            wakeups.wake_rings(block.job_id, ringing.LOOK_S)
        if block.rows == 0:
            continue
        if block.project_id not in declared:
            declared[block.project_id] = schemes.of(block.project_id)
        scheme = declared[block.project_id]
        if (problems := bad_rows.kept(block)) is not None:
            insert_new([problems])
        columns, decided = block.read()
        taken = np.asarray(columns["refused"]) == ""
        told_labels.take(block.project_id, columns, taken & ~np.asarray(columns["repeated"]))
        flagged = np.isin(decided.outcome, ALERTING) & taken
        _note(block, scheme, columns, flagged, taken & ~np.asarray(columns["repeated"]))
        if flagged.any():
            rows = np.flatnonzero(flagged)
            rows = rows[np.argsort(-decided.score[rows], kind="stable")]
            hits = _hits(block, scheme, columns, decided, rows)
            raise_alerts(block.project_id, hits)
            repeated = np.asarray(columns["repeated"])[rows]
            new = [hit for hit, again in zip(hits, repeated.tolist(), strict=True) if not again]
            announcing.decisions(block.project_id, new)


def _note(
    block: StoredBlock, scheme: Scheme, columns: Columns, flagged: np.ndarray, new: np.ndarray
) -> None:
    """Have the index count what was neither refused nor there before."""
    if not new.all():
        columns = {name: np.asarray(column)[new] for name, column in columns.items()}
        flagged = flagged[new]
    if len(flagged):
        notes.write(block.project_id, block.block_id, scheme, columns, flagged)
        wakeups.wake_index(block.project_id)


def _hits(
    block: StoredBlock, scheme: Scheme, columns: Columns, decided: DecisionColumns,
    rows: np.ndarray,
) -> list[Hit]:  # fmt: skip
    chosen = {name: np.asarray(column)[rows] for name, column in columns.items()}
    shown = [ScoredTransaction(**values) for values in to_rows(chosen, ScoredTransaction)]
    hits = []
    decide = load("apps.fraud.decide:decide")
    point = OperatingPoint.model_validate(block.operating_point.model_dump())
    for place, (row, one) in enumerate(zip(rows.tolist(), shown, strict=True)):
        reasons = decide(one, point).reasons if place < MOST_REASONED else ()
        payer = one.entities.get(scheme.payer.key, "")
        hits.append(
            Hit(
                transaction=one.id,
                # A payment that names no payer is an alert of its own.
                entity_type=scheme.payer.key if payer else "transaction",
                entity_key=payer or one.id,
                event_ms=one.event_time,
                amount=one.amount,
                amount_original=one.amount_original,
                currency=one.currency,
                outcome=str(decided.outcome[row]),
                # What has no score is looked at for that: the label says so.
                score=one.score if isfinite(one.score) else 0.0,
                label=str(decided.label[row]),
                result=block.result_id(row),
                reasons=[reason.model_dump(mode="json") for reason in reasons],
                entities=one.entities,
                attributes=one.attributes,
            )
        )
    return hits
