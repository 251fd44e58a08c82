"""What a sender says of a submission beside its bytes: read, limited and checked once, whichever
way it came."""

import json
from collections.abc import Mapping

from django.utils.translation import gettext as _

from loupe.accounts.models import Project
from loupe.contract.app import DomainApp
from loupe.contract.facts import CheckFacts, Fact, FactRefused
from loupe.contract.runtime.steps import load

FIELD = "facts"
"""The name of the field that holds several facts as one JSON object."""


def keys(app: type[DomainApp]) -> tuple[str, ...]:
    """What can be said of submissions to `app`."""
    return tuple(fact.key for fact in app.facts)


def from_json(app: type[DomainApp], text: str) -> dict[str, str]:
    """The facts of a JSON object such as ``{"lot": "7"}``; empty text holds none.

    Raises:
        FactRefused: it is no JSON object of texts, or names an unknown fact.
    """
    if not text.strip():
        return {}
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise FactRefused(
            _("facts is no JSON: %(why)s. Send an object of texts.") % {"why": error}, field=FIELD
        ) from error
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise FactRefused(_("facts must be a JSON object whose values are texts."), field=FIELD)
    unknown = sorted(set(found) - set(keys(app)))
    if unknown:
        raise FactRefused(
            _("There is no fact %(key)r; there are: %(known)s.")
            % {"key": unknown[0][:60], "known": ", ".join(keys(app)) or "none"},
            field=FIELD,
        )
    return found


def checked(
    app: type[DomainApp], project: Project | None, said: Mapping[str, str]
) -> dict[str, str]:
    """What was said, without blanks, within its limits, and completed by the app where there is a
    project to ask it of.

    Raises:
        FactRefused: a value is too long, holds control characters, or names what the app does
            not know, e.g. no such product.
    """
    declared = {fact.key: fact for fact in app.facts}
    kept = {
        key: _valid(declared[key], value)
        for key, value in said.items()
        if key in declared and value.strip()
    }
    if not kept or app.check_facts is None or project is None:
        return kept
    check: CheckFacts = load(app.check_facts)
    completed = check(project.pk, kept)
    return {key: _valid(declared[key], value) for key, value in completed.items() if value}


def scope_of(app: type[DomainApp], facts: Mapping[str, str]) -> str:
    """What models and operating points are chosen by; empty where nothing of it was said."""
    return next((facts.get(fact.key, "") for fact in app.facts if fact.scope), "")


def _valid(fact: Fact, value: str) -> str:
    kept = value.strip()
    if len(kept) > fact.max_length:
        raise FactRefused(
            _("%(key)s has %(count)s characters; at most %(most)s are taken.")
            % {"key": fact.key, "count": len(kept), "most": fact.max_length},
            field=fact.key,
        )
    if fact.lines:
        kept = kept.replace("\r\n", "\n")
    if not (kept.replace("\n", " ").replace("\t", " ") if fact.lines else kept).isprintable():
        raise FactRefused(
            _("%(key)s holds a control character: %(value)r. Send plain text.")
            % {"key": fact.key, "value": kept[:60]},
            field=fact.key,
        )
    return kept
