"""A worker's turn at an explanation: gathers the blocks it needs and asks a process of its own.

What is told is stored once: the same transaction and the same model always get the same figures,
and an auditor finds those that the analyst saw.
"""

import uuid
from collections.abc import Iterable
from contextlib import ExitStack

from apps.fraud.models import AlertExplanation, Entity, TransactionLabel
from apps.fraud.schema import OperatingPoint
from apps.fraud.services import schemes
from apps.fraud.services.deciding_again import deciding
from apps.fraud.services.entity_index import keeping_up
from apps.fraud.services.history import block_ids
from apps.fraud.services.labels import VALUES
from apps.fraud.services.leasing import MOST_ATTEMPTS, Leasing
from apps.fraud.services.naming import entity_id
from apps.fraud.services.wakeups import wake_explanation
from loupe.contract.blocks import ROW_BITS
from loupe.contract.runtime.errors import InputRefused
from loupe.host import blocks

MOST_BLOCKS = 400
"""Of the payers, and of what they share: the newest before the transaction."""


def turn(explanation_id: uuid.UUID) -> None:
    """Make an explanation; safe to run twice at the same time."""
    LEASING.turn(explanation_id, _work)


def recover() -> int:
    """Wake up what nobody works on."""
    return LEASING.recover()


def _work(row: AlertExplanation) -> bool:
    """Make it, in one turn."""
    block, place = row.result >> ROW_BITS, row.result & (1 << ROW_BITS) - 1
    scheme = schemes.of(row.project_id)
    hit = row.alert.transactions.filter(transaction=row.transaction).first()
    named = dict(hit.entities) if hit is not None else {}
    with ExitStack() as stack:
        path = stack.enter_context(blocks.opened("fraud", row.project_id, block))
        if path is None:
            raise InputRefused(
                "The transaction is no longer stored: its retention has ended.", code="block_gone"
            )
        # Whose thresholds they are does not matter: nothing is decided.
        program = stack.enter_context(deciding(row.version, OperatingPoint()))
        others = [(key, name) for key, name in named.items() if key != scheme.payer.key]
        told = program.ask(
            "around",
            path=str(path),
            row=place,
            scheme=scheme.model_dump(mode="json"),
            files=_files(stack, row, block, others),
        )
        payers = [(scheme.payer.key, name) for name in told["payers"]]
        if not LEASING.holding(row):
            return True
        told = program.ask("follow", files=_files(stack, row, block, payers))
        if not LEASING.holding(row):
            return True
        answer = program.ask("explain", labels=_labels(row.project_id, told["ids"]))
    LEASING.end(row, told=answer)
    return True


def _files(
    stack: ExitStack, row: AlertExplanation, block: int, named: Iterable[tuple[str, str]]
) -> list[str]:
    """The newest blocks of these entities up to the transaction's own and of its session, oldest
    first."""
    ids = [entity_id(row.project_id, key, name) for key, name in named]
    keeping_up.catch_up(row.project_id)
    rows = Entity.objects.filter(pk__in=ids).values_list("blocks", flat=True)
    found = sorted({one for text in rows for one in block_ids(text) if one <= block}, reverse=True)
    sessions = blocks.sessions_of("fraud", row.project_id, [block, *found[:MOST_BLOCKS]])
    own = sessions.get(block, ("", None))[0]
    kept = [one for one in found[:MOST_BLOCKS] if one in sessions and sessions[one][0] == own]
    paths = [stack.enter_context(blocks.opened("fraud", row.project_id, one)) for one in kept[::-1]]
    return [str(path) for path in paths if path is not None]


def _labels(project_id: uuid.UUID, ids: Iterable[str]) -> dict[str, tuple[int, int]]:
    """What was told first of each transaction, and when it was known: features keep the first."""
    rows = TransactionLabel.objects.filter(project=project_id, transaction__in=list(ids))
    found: dict[str, tuple[int, int]] = {}
    for name, label, at in rows.order_by("pk").values_list("transaction", "label", "known_at"):
        if VALUES[label] >= 0:
            found.setdefault(name, (VALUES[label], int(at.timestamp() * 1000)))
    return found


LEASING: Leasing[AlertExplanation] = Leasing(
    rows=lambda: AlertExplanation.objects.select_related(
        "alert", "version__model__project", "project"
    ),
    wake=wake_explanation,
    lost=f"{MOST_ATTEMPTS} workers were lost over this explanation. Look into the log of the "
    "worker.",
    clear=lambda _row: None,
)
"""How explanations are held."""
