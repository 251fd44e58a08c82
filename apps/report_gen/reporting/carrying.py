"""A newer draft with what a reader had added to the former one."""

from collections.abc import Callable

from apps.report_gen.findings import KINDS, State
from apps.report_gen.report import Box, Origin, Part, ReportDocument, ReportFinding, ReportSentence
from apps.report_gen.reporting.findings import centre_of
from apps.report_gen.reporting.refusing import EditRefused

KEPT_AS_THEY_ARE = frozenset({Part.INDICATION, Part.TECHNIQUE})
"""Parts that are not about what was found: the newer draft has its own."""


def with_own(
    draft: ReportDocument, before: ReportDocument, move: Callable[[Box], Box] | None
) -> ReportDocument:
    """The draft with the findings that a reader added to `before`, and the sentences that a reader
    wrote about those or about none.

    What a reader changed in the model's former findings and sentences is not carried: whether it
    still holds is for the reader to say, who has the former report as a version.

    Args:
        move: takes a box from the grid of the former volume to that of the newer one; it raises
            `EditRefused` for one that lies outside. None: there is no newer volume.
    """
    names: dict[str, str] = {}
    found = list(draft.findings)
    for each in before.findings:
        if each.origin is not Origin.READER:
            continue
        placed = _moved(each, move)
        if not KINDS[each.kind].focal:
            there = [one for one in found if one.kind == each.kind]
            if any(one.state is not State.ABSENT for one in there):
                continue
        found = [one for one in found if one.kind != each.kind or one.state is not State.ABSENT]
        names[each.id] = placed_id = _free(each.id, found)
        found.append(placed.model_copy(update={"id": placed_id}))
    sentences = list(draft.sentences)
    for each_said in before.sentences:
        own = each_said.origin is Origin.READER and each_said.part not in KEPT_AS_THEY_ARE
        if own and set(each_said.findings) <= set(names) and each_said.text.strip():
            told = tuple(names[one] for one in each_said.findings)
            _put(sentences, each_said.model_copy(update={"findings": told}))
    return draft.model_copy(update={"findings": tuple(found), "sentences": tuple(sentences)})


def _moved(finding: ReportFinding, move: Callable[[Box], Box] | None) -> ReportFinding:
    if finding.box is None:
        return finding.model_copy(update={"centre": None})
    try:
        box = None if move is None else move(finding.box)
    except EditRefused:
        box = None
    centre = None if box is None else centre_of(box)
    return finding.model_copy(update={"box": box, "centre": centre})


def _free(wanted: str, found: list[ReportFinding]) -> str:
    taken = {one.id for one in found}
    if wanted not in taken:
        return wanted
    kind = wanted.partition(".")[0]
    number = 1
    while f"{kind}.r{number}" in taken:
        number += 1
    return f"{kind}.r{number}"


def _put(sentences: list[ReportSentence], one: ReportSentence) -> None:
    """At the end of its part; parts stand in their order."""
    if any(each.part is one.part and each.text == one.text for each in sentences):
        return
    order = list(Part)
    at = sum(order.index(each.part) <= order.index(one.part) for each in sentences)
    sentences.insert(at, one)
