"""What is denied and what is not: sentences, clauses, and the reach of a negation.

After NegEx (Chapman et al., 2001): a cue before or after a phrase denies it within the same
clause. Reports of CT-RATE are translated from Turkish, where the denial stands at the end:
"pleural effusion was not observed".
"""

import re
from typing import Final, NamedTuple

LONGEST: Final = 2000
"""Characters of a sentence that are read."""
SENTENCE: Final = re.compile(
    r"(?<=[a-z)\"'%°\]])[.!?]+(?=\s|$|[A-Z\"])|(?<=\d)\.(?=\s+[A-Z])|[\n;。；！？]|\s\"\"?\s"
)
"""Where a sentence ends: not at a number's point, and at quotation marks that stand alone."""
CLAUSE: Final = re.compile(
    r"\b(?:but|however|although|whereas|except|apart from|other than|and there (?:is|are)"
    r"|accompanied by|while)\b|，",
    re.IGNORECASE,
)
BEFORE: Final = re.compile(
    r"\b(?:no|without|absence of|absent|free of|negative for|neither|nor|denies|exclud\w+"
    r"|rule out|ruled out|not (?:show|demonstrate|reveal|contain|observe|detect)\w*"
    r"|there (?:is|are|was|were) not)\b|^possible\b|未见|无|没有|可疑",
    re.IGNORECASE,
)
AFTER: Final = re.compile(
    r"\b(?:not|no longer|never|cannot be) (?:\w+ ){0,2}?(?:observed|detected|seen|found|present"
    r"|noted|identified|visualized|distinguished|encountered|monitored|evident|demonstrated"
    r"|selected|followed|shown|made|determined|differentiated|recognized|revealed|available"
    r"|observerd|watched|traced|appreciated|visible|remarkable)\b"
    r"|\b(?:is|are|was|were) (?:absent|excluded)\b|\b(?:wasn't|weren't|isn't|aren't)\b"
    r"|\b(?:disappeared|resolved|has regressed completely|completely regressed)\b"
    r"|\banswered no\b|\bcannot be (?:judged|answered)\b|\b(?:is|remains) uncertain\b"
    r"|未见|不成立|难以|不能确定",
    re.IGNORECASE,
)
AFFIRMED: Final = re.compile(r"\b(?:is|are|was|were) (?:observed|detected|seen|noted|present)\b")
CUE_OF_NUMBER: Final = re.compile(r"\bno(?:\.|:)?\s?\d", re.IGNORECASE)


class Clause(NamedTuple):
    """A clause, lower case, with what it stands in."""

    text: str
    sentence: str


def clauses(report: str) -> list[Clause]:
    """Every clause of a report, in order."""
    made = []
    for sentence in sentences(report):
        for part in CLAUSE.split(sentence):
            if part and part.strip():
                # No sentence is so long; what is endless would be looked at again and again.
                clause, whole = part.strip()[:LONGEST], sentence[:LONGEST]
                made.append(Clause(clause.lower(), whole.lower()))
    return made


def sentences(report: str) -> list[str]:
    """A report cut into sentences."""
    return [each.strip() for each in SENTENCE.split(report) if each and each.strip()]


def denied(clause: str, start: int, end: int) -> bool:
    """Whether a cue before or after `clause[start:end]` denies it, or leaves it open."""
    before = clause[:start]
    cue = None
    for found in BEFORE.finditer(before):
        if not CUE_OF_NUMBER.match(before, found.start()):
            cue = found
    if cue is not None and not _ended(before[cue.end() :]):
        return True
    return AFTER.search(clause, end) is not None


def _ended(between: str) -> bool:
    """Whether something affirmed stands between a cue and the phrase."""
    return AFFIRMED.search(between) is not None
