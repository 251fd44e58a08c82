"""What a rule says, where it goes wrong, and what it did yesterday: for the editor and REST."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.utils.translation import get_language
from django.utils.translation import gettext as _

from apps.fraud.policy.asked import Counts
from apps.fraud.rules.checking import check
from apps.fraud.rules.nodes import FUNCTIONS, names
from apps.fraud.rules.refusal import RuleRefused
from apps.fraud.rules.vocabulary import Vocabulary
from apps.fraud.rules.wording import worded
from apps.fraud.rules.writing import written
from apps.fraud.schema import Rule
from apps.fraud.scheme import Scheme
from apps.fraud.services import measuring, rules, schemes
from apps.fraud.templatetags.fraud import money
from loupe.contract.text import Text
from loupe.host.people import Action, Actor, Project, require

TRIED = "tried_out"
"""The key of a rule that is tried and has none yet."""


def said(rule: Rule, words: Vocabulary) -> Text:
    """What a rule says in plain words; where it does not fit the project any more, why."""
    try:
        told = worded(check(rule.when, words), words)
    except RuleRefused as refused:
        return Text(en=refused.message, zh=refused.zh)
    return Text(en=told.en, zh=told.zh)


def checked(text: str, words: Vocabulary) -> dict[str, Any]:
    """Where a text goes wrong (line and column from 1, `at` from 0), or what it says."""
    zh = (get_language() or "en").startswith("zh")
    try:
        node = check(text, words)
    except RuleRefused as refused:
        line, column = place(text, refused.at)
        message = refused.zh if zh else refused.message
        # The place is told in lines, as an editor counts.
        message = message.partition("：" if zh else ": ")[2]
        where = _("Line %(line)s, column %(column)s") % {"line": line, "column": column}
        return {
            "ok": False,
            "at": refused.at,
            "line": line,
            "column": column,
            "error": f"{where}: {message}",
        }
    told = worded(node, words)
    return {
        "ok": True,
        "said": told.zh if zh else told.en,
        "written": written(node),
        "reads": sorted(names(node)),
    }


def place(text: str, at: int) -> tuple[int, int]:
    """Line and column of a character, both from 1."""
    before = text[:at]
    return before.count("\n") + 1, at - (before.rfind("\n") + 1) + 1


def counted(
    actor: Actor, project: Project, rule: Mapping[str, Any], instead_of: str = ""
) -> dict[str, Any]:
    """What one rule would have done yesterday, in place of one of the saved ones or beside them.

    Raises:
        NotVisible, Denied: the actor may not manage models here.
        Unusable: it is no rule of the project.
        TemporarilyUnavailable: others are counting, or it took too long.
    """
    require(actor, Action.MANAGE_MODELS, project)
    tried = {**rule, "key": TRIED}
    (valid,) = rules.checked([tried], rules.words_of(project))
    others = [one for one in rules.standing(actor, project).rules if one.key != instead_of]
    scheme = schemes.of(project.pk)
    found = measuring.count(project, scheme, [*others, valid])
    return _told(found, scheme)


def all_counted(actor: Actor, project: Project) -> dict[str, Any]:
    """What each saved rule did yesterday.

    Raises:
        NotVisible, Denied: the actor may not look.
        TemporarilyUnavailable: others are counting, or it took too long.
    """
    require(actor, Action.VIEW, project)
    scheme = schemes.of(project.pk)
    found = measuring.count(project, scheme, rules.standing(actor, project).rules)
    return _told(found, scheme)


def vocabulary_groups(words: Vocabulary) -> list[dict[str, Any]]:
    """What rules may name, by where it comes from, for the column beside the editor."""
    zh = (get_language() or "en").startswith("zh")
    groups: dict[str, list[dict[str, str]]] = {}
    for value in words.values.values():
        group = value.path.partition(".")[0] if "." in value.path else "payment"
        kind = value.kind.name if not value.kind.currency else value.kind.currency
        groups.setdefault(group, []).append(
            {"path": value.path, "kind": kind, "words": value.zh if zh else value.en}
        )
    for name in words.lists:
        groups.setdefault("lists", []).append(
            {"path": f'listed("{name}")', "kind": "truth", "words": ""}
        )
    groups["functions"] = [
        {"path": name, "kind": "", "words": ""} for name in FUNCTIONS if name != "listed"
    ]
    titles = {
        "payment": _("The payment"),
        "entities": _("Entities"),
        "attributes": _("Attributes"),
        "lists": _("Lists"),
        "functions": _("Functions"),
        "features": _("Features"),
    }
    return [
        {"title": title, "values": groups[key]} for key, title in titles.items() if key in groups
    ]


def _told(found: Counts, scheme: Scheme) -> dict[str, Any]:
    clock = UTC if scheme.timezone == "UTC" else ZoneInfo(scheme.timezone)
    start = datetime.fromtimestamp(found.day_start / 1000, tz=clock)
    return {
        "rows": found.rows,
        "day": start.date().isoformat() if found.rows else "",
        "yesterday": found.asked_day,
        "timezone": scheme.timezone,
        "currency": scheme.currency,
        "counts": [
            {**one.model_dump(), "shown": money(one.amount, scheme.currency)}
            for one in found.counts
        ],
    }
