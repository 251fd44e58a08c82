"""Inputs that are cut into ranges: from one item to thousands, worked on in order.

Such an input begins as one item that holds no range yet. Whoever claims it cuts the file in the
sandbox; in one transaction the item becomes the first range and the others are added behind it.
Every item of a job's cut inputs is begun when all those before it have ended, however they ended.
"""

from collections.abc import Sequence
from typing import Any

from loupe.bulk import insert
from loupe.contract.app import DomainApp
from loupe.contract.inputs import SPLIT, InputKind
from loupe.contract.runtime.errors import InputRefused
from loupe.contract.runtime.payload import JsonValue
from loupe.jobs.models import Item, ItemState

PLACES = 2**24
"""Positions kept for the ranges of one input."""
Options = dict[str, JsonValue]


def cut_kinds(app: type[DomainApp]) -> dict[str, InputKind]:
    """The kinds of input of an app that are cut, by their key."""
    return {kind.key: kind for kind in app.inputs if kind.split is not None}


def first_position(index: int) -> int:
    """Where the ranges of the `index`-th input of a job begin."""
    return index * PLACES


def uncut() -> Options:
    """The options of an item that stands for a whole input."""
    return {SPLIT: {}}


def is_uncut(item: Item) -> bool:
    """Whether the item is to be cut before it can be worked on."""
    return item.ordered and SPLIT in item.options


def checked(answer: Any, item: Item, run: str) -> tuple[Options, ...]:
    """What a `Split` function answered.

    Raises:
        TypeError: it is no list of options; the app is wrong.
        InputRefused: there are more ranges than positions.
    """
    if (
        not isinstance(answer, list)
        or not answer
        or not all(isinstance(one, dict) for one in answer)
        or any(SPLIT in one for one in answer[:-1])
    ):
        raise TypeError(f"{run} answered no list of options: {str(answer)[:200]}")
    if item.position % PLACES + len(answer) > PLACES:
        raise InputRefused(
            f"The file would be cut into more than {PLACES:,} ranges. Send it in several files.",
            code="too_many_ranges",
        )
    return tuple(answer)


def store(item: Item, ranges: Sequence[Options]) -> None:
    """Make an item the first of its ranges and add the others behind it.

    The caller holds the item's row and its lease, and has a transaction open.
    """
    Item.objects.filter(pk=item.pk).update(
        options=ranges[0],
        state=ItemState.QUEUED,
        lease_token=None,
        lease_until=None,
        not_before=None,
        attempts=0,
        losses=0,
        postponements=0,
        suspect=False,
        note="",
    )
    insert(
        Item(
            job_id=item.job_id,
            input_id=item.input_id,
            position=item.position + behind,
            ordered=True,
            options=options,
        )
        for behind, options in enumerate(ranges[1:], start=1)
    )
