"""Which findings and sentences of two readings of a study are about the same thing."""

from collections.abc import Callable, Mapping, Sequence
from difflib import SequenceMatcher
from math import dist
from typing import Final

from apps.report_gen.findings import KINDS, State
from apps.report_gen.report import Box, Origin, ReportFinding, ReportSentence
from apps.report_gen.reporting.differences import WORDS
from apps.report_gen.reporting.findings import centre_of
from apps.report_gen.reporting.refusing import EditRefused

Move = Callable[[Box], Box]
"""From the grid of the former volume to that of the newer one; raises `EditRefused` outside."""
NEAR_MM: Final = 15.0
"""Two places of a kind that lie nearer are one finding; large ones: half their size."""
ALIKE: Final = 0.6
"""Share of words from which sentences that name no finding are versions of one another."""


def carried(finding: ReportFinding, move: Move | None) -> ReportFinding:
    """A finding of the former reading as the reader's own on the newer volume, which has no mask of
    it. Without a place where that lies outside, or there is no newer volume."""
    box, centre = _placed(finding, move)
    return finding.model_copy(
        update={
            "box": box, "centre": centre, "origin": Origin.READER, "label": 0,
            "probability": None, "confirmed": True,
        }
    )  # fmt: skip


def counterparts(
    former: Sequence[ReportFinding], newer: Sequence[ReportFinding], move: Move | None
) -> dict[str, str]:
    """Ids of the former reading's findings → ids of the newer one's, each once.

    Findings that can be there once go by their kind, focal ones by their place, nearest first, and
    by their id where a place is not known.
    """
    found: dict[str, str] = {}
    apart: list[tuple[float, str, str]] = []
    for each in former:
        for other in newer:
            if other.kind != each.kind:
                continue
            if not KINDS[each.kind].focal:
                found[each.id] = other.id
            elif other.state is not State.ABSENT or each.id == other.id:
                away = _apart(each, other, move)
                if away is not None:
                    apart.append((away, each.id, other.id))
    for _, one, other_id in sorted(apart):
        if one not in found and other_id not in found.values():
            found[one] = other_id
    return found


def _apart(former: ReportFinding, newer: ReportFinding, move: Move | None) -> float | None:
    """Millimetres between two findings; None: they are not the same."""
    _, centre = _placed(former, move)
    if centre is None or newer.centre is None:
        return 0.0 if former.id == newer.id else None
    away = dist(centre, newer.centre)
    reach = max(NEAR_MM, max(former.size_mm or 0.0, newer.size_mm or 0.0) / 2)
    return away if away <= reach else None


def _placed(
    finding: ReportFinding, move: Move | None
) -> tuple[Box | None, tuple[float, float, float] | None]:
    wanted = finding.box
    if wanted is None and finding.centre is not None:
        z, y, x = finding.centre
        wanted = ((z, z), (y, y), (x, x))
    if wanted is None or move is None:
        return None, None
    try:
        there = move(wanted)
    except EditRefused:
        return None, None
    return (None if finding.box is None else there), centre_of(there)


def paired(
    former: Sequence[ReportSentence], newer: Sequence[ReportSentence], same: Mapping[str, str]
) -> dict[int, int]:
    """Numbers of sentences of a part → numbers of those that say the same thing anew, each once.

    Equal words first, then sentences about the same findings, then about some of them, then about
    none in much the same words.

    Args:
        same: `counterparts` of the findings.
    """
    found: dict[int, int] = {}
    cites = [frozenset(same.get(one, "") for one in each.findings) - {""} for each in former]

    def pair(fits: Callable[[int, int], bool]) -> None:
        for one in range(len(former)):
            for other in range(len(newer)):
                if one in found or other in found.values():
                    continue
                if fits(one, other):
                    found[one] = other

    pair(lambda a, b: former[a].text == newer[b].text)
    pair(lambda a, b: bool(cites[a]) and cites[a] == set(newer[b].findings))
    pair(lambda a, b: bool(cites[a] & set(newer[b].findings)))
    pair(
        lambda a, b: (
            not former[a].findings
            and not newer[b].findings
            and _alike(former[a].text, newer[b].text)
        )
    )
    return found


def _alike(one: str, other: str) -> bool:
    first, second = (
        [word for word in WORDS.findall(text) if word.strip()] for text in (one, other)
    )
    return SequenceMatcher(None, first, second, autojunk=False).ratio() >= ALIKE
