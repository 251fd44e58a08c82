"""Edits of a report's findings: each takes a document and returns a new one."""

from apps.report_gen.findings import KINDS, Lobe, Side, State, side_of
from apps.report_gen.report import Box, Origin, Part, ReportDocument, ReportFinding
from apps.report_gen.reporting.refusing import EditRefused
from apps.report_gen.reporting.sentences import add as add_sentence
from apps.report_gen.reporting.wording import worded

MOST = 200
"""Findings of one report."""


def finding_called(document: ReportDocument, finding_id: str) -> ReportFinding:
    """One finding.

    Raises:
        EditRefused: there is none with this id.
    """
    for each in document.findings:
        if each.id == finding_id:
            return each
    raise EditRefused(
        f"Finding {finding_id[:60]!r} is not in this report; choose one of its findings.",
        code="no_such_finding",
    )


def _replaced(
    document: ReportDocument, before: ReportFinding, after: ReportFinding
) -> ReportDocument:
    made = tuple(after if each is before else each for each in document.findings)
    return document.model_copy(update={"findings": made})


def confirm(document: ReportDocument, finding_id: str) -> ReportDocument:
    """A reader looked at a finding and agrees with it as it stands."""
    before = finding_called(document, finding_id)
    return _replaced(document, before, before.model_copy(update={"confirmed": True}))


def change(
    document: ReportDocument, finding_id: str, *, state: State | None = None,
    side: Side | None = None, lobes: tuple[Lobe, ...] | None = None, size_mm: float | None = None,
    comment: str | None = None, box: Box | None = None,
) -> ReportDocument:  # fmt: skip
    """Say otherwise what a finding is; what is None stays. Lobes decide the side where they are
    told, and a side drops lobes of the other one.

    Raises:
        EditRefused: this kind of finding has no such property.
    """
    before = finding_called(document, finding_id)
    kind = KINDS[before.kind]
    told: dict[str, object] = {}
    if state is not None:
        told["state"] = state
    if side is not None:
        _allow(kind.sided or side is Side.NONE, before, "side")
        kept = tuple(lobe for lobe in before.lobes if side in (Side.BOTH, lobe.side))
        told |= {"side": side, "lobes": kept}
    if lobes:
        _allow(kind.lobed, before, "lobe")
        chosen = tuple(dict.fromkeys(lobes))
        told |= {"lobes": chosen, "side": side_of(chosen)}
    elif lobes == () and kind.lobed:
        told["lobes"] = ()
    if size_mm is not None:
        _allow(kind.sized, before, "size")
        told["size_mm"] = size_mm
    if box is not None:
        told |= {"box": box, "centre": centre_of(box)}
    if comment is not None:
        told["comment"] = comment.replace("\x00", "").strip()[:500]
    after = before.model_copy(update=told)
    if after == before:
        return document
    only_comment = set(told) == {"comment"}
    # Validated anew: a copy takes what it is given.
    after = ReportFinding.model_validate(
        after.model_dump() | ({} if only_comment else {"changed": True, "confirmed": True})
    )
    return _replaced(document, before, after)


def _allow(fits: bool, finding: ReportFinding, what: str) -> None:
    if not fits:
        name = KINDS[finding.kind].name.en
        raise EditRefused(
            f"{name} has no {what} to tell; change its state, or write it into the comment.",
            code="property_refused",
        )


def remove(document: ReportDocument, finding_id: str) -> ReportDocument:
    """Take a finding out. Sentences that cite it stay, and block signing until they are changed."""
    gone = finding_called(document, finding_id)
    kept = tuple(each for each in document.findings if each is not gone)
    return document.model_copy(update={"findings": kept})


def add(
    document: ReportDocument, kind: str, *, side: Side = Side.NONE, lobes: tuple[Lobe, ...] = (),
    size_mm: float | None = None, box: Box | None = None, comment: str = "",
) -> ReportDocument:  # fmt: skip
    """Add a finding that the reader saw, with a sentence about it.

    Raises:
        EditRefused: no such kind, too many findings, one of this kind is there that can be there
            once, or the lobes lie on another side than the one that is said.
    """
    if kind not in KINDS:
        raise EditRefused(
            f"{kind[:60]!r} is no kind of finding; choose one of {', '.join(KINDS)}.",
            code="no_such_kind",
        )
    if len(document.findings) >= MOST:
        raise EditRefused(
            f"A report has at most {MOST} findings; put the others into words.",
            code="too_many_findings",
        )
    sort = KINDS[kind]
    lobes = tuple(dict.fromkeys(lobes)) if sort.lobed else ()
    if lobes and side not in (Side.NONE, side_of(lobes)):
        raise EditRefused(
            f"The side is {side.value}, but the lobes lie on this side: {side_of(lobes).value}. "
            "Say one of them otherwise.",
            code="side_against_lobes",
        )
    made = ReportFinding(
        id=_free(document, kind), kind=kind, state=State.PRESENT, origin=Origin.READER,
        confirmed=True, lobes=lobes,
        side=(side_of(lobes) if lobes else side) if sort.sided else Side.NONE,
        size_mm=size_mm if sort.sized else None, box=box,
        centre=None if box is None else centre_of(box), comment=comment.strip()[:500],
    )  # fmt: skip
    absent = [one for one in document.findings if one.kind == kind and one.state is State.ABSENT]
    kept = tuple(one for one in document.findings if one not in absent)
    document = document.model_copy(update={"findings": (*kept, made)})
    return mention(document, made.id)


def mention(document: ReportDocument, finding_id: str) -> ReportDocument:
    """Say a finding in a sentence of its own, at the end of the findings."""
    finding_called(document, finding_id)
    found = worded(document, Part.FINDINGS, (finding_id,))
    if found is None:
        return document
    return add_sentence(document, Part.FINDINGS, found[0], findings=found[1].ids)


def _free(document: ReportDocument, kind: str) -> str:
    taken = {each.id for each in document.findings}
    if not KINDS[kind].focal:
        there = [one for one in document.findings if one.kind == kind]
        if any(one.state is not State.ABSENT for one in there):
            raise EditRefused(
                f"{KINDS[kind].name.en} is in this report already; change what is there.",
                code="finding_there",
            )
        return kind
    number = 1
    while f"{kind}.{number}" in taken or f"{kind}.r{number}" in taken:
        number += 1
    # Never an id that the model used and a reader removed: labels and masks would be mistaken.
    return f"{kind}.r{number}"


def centre_of(box: Box) -> tuple[float, float, float]:
    """The middle of a box, mm."""
    z, y, x = ((low + high) / 2 for low, high in box)
    return z, y, x
