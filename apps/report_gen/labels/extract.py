"""A report's text to the labels that it says."""

from typing import Final

from apps.report_gen.labels.rules import LABELS, RULES, Rule
from apps.report_gen.labels.scope import Clause, clauses, denied

LONGEST: Final = 40_000
"""Characters of a report that are read; longer ones are cut."""


def extract(report: str) -> dict[str, bool]:
    """Each of `LABELS` and whether the report says it."""
    read = clauses(report[:LONGEST])
    said = dict.fromkeys(LABELS, False)
    for rule in RULES:
        said[rule.label] |= any(_says(rule, clause) for clause in read)
    return said


def _says(rule: Rule, clause: Clause) -> bool:
    text, sentence = clause.text, clause.sentence
    if rule.apart is not None:
        text, sentence = rule.apart.sub(" ", text), rule.apart.sub(" ", sentence)
    if rule.also is not None and not rule.also.search(sentence):
        return False
    if rule.unless is not None and rule.unless.search(sentence):
        return False
    return any(not denied(text, *found.span()) for found in rule.found.finditer(text))


__all__ = ["LABELS", "extract"]
