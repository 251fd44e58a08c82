"""What one set of rules changed of another, rule by rule; and the changes the page makes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from django.utils.translation import gettext as _

from apps.fraud.schema import Rule
from apps.fraud.services.errors import Taken, Unusable
from loupe.host.people import NotVisible

Kind = Literal["added", "removed", "changed", "moved"]
FIELDS = ("when", "outcome", "active", "wins", "en", "zh")


@dataclass(frozen=True, kw_only=True)
class Change:
    """What became of one rule. `fields` holds what was and what is, by field."""

    kind: Kind
    key: str
    before: Rule | None
    after: Rule | None
    fields: tuple[tuple[str, str, str], ...] = ()


def diff(old: Sequence[Rule], new: Sequence[Rule]) -> list[Change]:
    """The changes from `old` to `new`, in the order of the new set, removed rules last."""
    before, after = ({rule.key: rule for rule in rules} for rules in (old, new))
    found = []
    common = [rule.key for rule in new if rule.key in before]
    places = {key: at for at, key in enumerate(r.key for r in old if r.key in after)}
    moved = _moved([places[key] for key in common], common)
    for rule in new:
        was = before.get(rule.key)
        if was is None:
            found.append(Change(kind="added", key=rule.key, before=None, after=rule))
        elif fields := _fields(was, rule):
            found.append(
                Change(kind="changed", key=rule.key, before=was, after=rule, fields=fields)
            )
        elif rule.key in moved:
            found.append(Change(kind="moved", key=rule.key, before=was, after=rule))
    found += [
        Change(kind="removed", key=rule.key, before=rule, after=None)
        for rule in old
        if rule.key not in after
    ]
    return found


def put(rules: list[dict[str, Any]], rule: dict[str, Any], instead_of: str = "") -> str:
    """Put a rule in the place of the one called `instead_of`, or at the end; the note for it.

    Raises:
        NotVisible: there is none called so.
        Taken: another rule has this key.
    """
    at = _place(rules, instead_of) if instead_of else len(rules)
    if any(one["key"] == rule["key"] for number, one in enumerate(rules) if number != at):
        raise Taken(
            _("There is a rule %(key)s already: choose another key.") % {"key": rule["key"][:30]},
            field="key",
        )
    rules[at : at + 1] = [rule]
    if not instead_of:
        return _("Added %(key)s") % {"key": rule["key"]}
    return _("Changed %(key)s") % {"key": rule["key"]}


def act(rules: list[dict[str, Any]], key: str, verb: str) -> str:
    """Remove, pause, resume or move one rule; the note for it.

    Raises:
        NotVisible: there is none called so.
        Unusable: the verb is none of these.
    """
    at = _place(rules, key)
    if verb == "remove":
        del rules[at]
        return _("Removed %(key)s") % {"key": key}
    if verb in ("pause", "resume"):
        rules[at]["active"] = verb == "resume"
        note = _("Paused %(key)s") if verb == "pause" else _("Resumed %(key)s")
        return note % {"key": key}
    if verb in ("up", "down"):
        to = min(max(at + (1 if verb == "down" else -1), 0), len(rules) - 1)
        rules.insert(to, rules.pop(at))
        return _("Moved %(key)s") % {"key": key}
    raise Unusable(
        _("verb=%(verb)r is none of remove, pause, resume, up, down.") % {"verb": verb[:20]},
        field="verb",
    )


def _place(rules: list[dict[str, Any]], key: str) -> int:
    for at, rule in enumerate(rules):
        if rule["key"] == key:
            return at
    raise NotVisible(_("There is no rule %(key)r.") % {"key": key[:40]})


def _fields(was: Rule, now: Rule) -> tuple[tuple[str, str, str], ...]:
    return tuple(
        (name, str(getattr(was, name)), str(getattr(now, name)))
        for name in FIELDS
        if getattr(was, name) != getattr(now, name)
    )


def _moved(places: list[int], keys: list[str]) -> set[str]:
    """The fewest rules whose moving explains the new order: those out of a longest rising run."""
    best: list[list[int]] = []
    longest: list[int] = []
    for at, place in enumerate(places):
        run: list[int] = []
        for before in best:
            if places[before[-1]] < place and len(before) > len(run):
                run = before
        best.append([*run, at])
        if len(best[-1]) > len(longest):
            longest = best[-1]
    kept = set(longest)
    return {key for at, key in enumerate(keys) if at not in kept}
