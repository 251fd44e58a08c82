"""A project's rules: numbered sets, who made each and what it changed, and the one that decides.

Saving a set decides nothing yet: `use` makes it part of the next operating point, which says the
set's number; every decision names the point it was made by.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError, models, transaction
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from pydantic import ValidationError

from apps.fraud.models import RuleSet
from apps.fraud.rules.checking import check
from apps.fraud.rules.refusal import RuleRefused
from apps.fraud.rules.vocabulary import Vocabulary, vocabulary
from apps.fraud.schema import LIST_RULES, OperatingPoint, Rule
from apps.fraud.services import deciding, declaring, schemes
from apps.fraud.services.errors import Taken, Unusable
from loupe.contract.runtime.errors import LoupeError
from loupe.host.models import OperatingPoint as Stored
from loupe.host.people import Action, Actor, NotVisible, Project, record_audit, require

Rules = tuple[Rule, ...]


@dataclass(frozen=True, kw_only=True)
class Standing:
    """The set that people edit, and the one that decides.

    Attributes:
        number: of the set that is edited; 0: none was saved, `rules` are those that decide.
        used: the number that decides; 0: rules that are of no saved set.
        used_rules: the rules that decide; None: no model is in production.
    """

    number: int
    rules: Rules
    used: int
    used_rules: Rules | None

    @property
    def waiting(self) -> bool:
        """Whether what is saved is not what decides."""
        return self.used_rules is not None and self.rules != self.used_rules


def words_of(project: Project) -> Vocabulary:
    """What rules of the project may name."""
    return vocabulary(schemes.of(project.pk))


def standing(actor: Actor, project: Project) -> Standing:
    """The newest set beside the one that decides. Ask the policy before."""
    newest = _newest(project)
    used, used_rules = 0, None
    try:
        point = deciding.now(actor, project).point
        used, used_rules = point.rules_version, point.rules
    except LoupeError:
        pass  # no model is in production: nothing decides, and rules can be written all the same
    if newest is None:
        first = used_rules if used_rules is not None else LIST_RULES
        return Standing(number=0, rules=first, used=used, used_rules=used_rules)
    return Standing(number=newest.number, rules=read(newest.data), used=used, used_rules=used_rules)


def history(actor: Actor, project: Project) -> "models.QuerySet[RuleSet]":
    """Every set, newest first.

    Raises:
        NotVisible, Denied: the actor may not look.
    """
    require(actor, Action.VIEW, project)
    rows = RuleSet.objects.filter(project=project)
    return rows.select_related("created_by").order_by("-number")


def find(project: Project, number: int) -> RuleSet:
    """One set. Ask the policy before.

    Raises:
        NotVisible: there is none of that number.
    """
    found = RuleSet.objects.filter(project=project, number=number).first()
    if found is None:
        raise NotVisible(_("There is no version %(n)s of the rules.") % {"n": number})
    return found


def read(data: Sequence[Mapping[str, Any]]) -> Rules:
    """A stored set."""
    return tuple(Rule.model_validate(one) for one in data)


def save(
    actor: Actor,
    project: Project,
    rules: Sequence[Mapping[str, Any]],
    note: str = "",
    seen: int = 0,
) -> RuleSet:
    """Save the next set.

    Args:
        seen: the number of the set it was made from; 0: none.

    Raises:
        NotVisible, Denied: the actor may not manage models here.
        Unusable: a rule cannot be; `field` says which and the message where in its text.
        Taken: somebody else saved meanwhile, or nothing differs.
    """
    require(actor, Action.MANAGE_MODELS, project)
    kept = checked(rules, words_of(project))
    newest = _newest(project)
    if seen != (newest.number if newest else 0):
        raise _late()
    if newest is not None and read(newest.data) == kept:
        raise Taken(_("Nothing differs from version %(n)s.") % {"n": newest.number})
    try:
        with transaction.atomic():
            made = RuleSet.objects.create(
                project=project,
                number=seen + 1,
                data=[rule.model_dump(mode="json") for rule in kept],
                note=note.strip().replace("\x00", "")[:300],
                created_by=actor.user,
                who=actor.label,
            )
            told = {"number": made.number, "rules": len(kept), "note": made.note}
            record_audit(actor, project, "rules.saved", f"rules:{made.pk}", told)
    except IntegrityError as error:
        raise _late() from error
    return made


def edit(
    actor: Actor, project: Project, change: Callable[[list[dict[str, Any]]], str], seen: int
) -> RuleSet:
    """Save what `change` makes of the present rules; it answers the note.

    Raises:
        NotVisible, Denied, Unusable, Taken: see `save`.
    """
    require(actor, Action.MANAGE_MODELS, project)
    rules = [rule.model_dump(mode="json") for rule in standing(actor, project).rules]
    note = change(rules)
    return save(actor, project, rules, note, seen)


def restore(actor: Actor, project: Project, number: int, seen: int) -> RuleSet:
    """Save an earlier set again, as the newest.

    Raises:
        NotVisible, Denied, Unusable, Taken: see `save`.
    """
    require(actor, Action.MANAGE_MODELS, project)
    old = find(project, number)
    return save(actor, project, old.data, _("Version %(n)s again") % {"n": number}, seen)


def use(actor: Actor, project: Project, number: int, note: str = "") -> Stored:
    """Let a saved set decide from now on: the next operating point says its number.

    Raises:
        NotVisible, Denied: there is none, or the actor may not manage models here.
        Unusable: a rule does not fit the scheme any more.
        NoModel, ModelConflict: see `deciding.change`.
    """
    require(actor, Action.MANAGE_MODELS, project)
    chosen = find(project, number)
    rules = checked(chosen.data, words_of(project))
    fields = {
        "rules": [rule.model_dump(mode="json") for rule in rules],
        "rules_version": chosen.number,
    }
    said = note.strip() or chosen.note
    told = f"Rules {number}: {said}" if said else f"Rules {number}"
    return deciding.change(actor, project, fields, told)


def checked(rules: Sequence[Mapping[str, Any]], words: Vocabulary) -> Rules:
    """The rules, each fitting the project, together within what may be evaluated.

    Raises:
        Unusable: `field` is ``rules.3.when`` and the like, counted from 0.
    """
    kept = []
    for at, one in enumerate(rules):
        name, when = str(one.get("key", ""))[:30], one.get("when", "")
        try:
            check(when if isinstance(when, str) else "", words)
            kept.append(Rule.model_validate(one))
        except RuleRefused as error:
            said = error.zh if _zh() else error.message
            raise Unusable(
                _("Rule %(key)s: %(problem)s") % {"key": name or at + 1, "problem": said},
                field=f"rules.{at}.when",
            ) from error
        except ValidationError as error:
            place, problem = declaring.first(error, "key")
            raise Unusable(
                _("Rule %(key)s, %(place)s: %(problem)s.")
                % {"key": name or at + 1, "place": place, "problem": problem},
                field=f"rules.{at}.{place}",
            ) from error
    try:
        OperatingPoint(rules=tuple(kept))
    except ValidationError as error:
        raise Unusable(
            _("The rules together: %(problem)s.") % {"problem": declaring.first(error, "rules")[1]},
            field="rules",
        ) from error
    return tuple(kept)


def _late() -> Taken:
    return Taken(_("Somebody else saved a version meanwhile: look at it, then change it again."))


def _newest(project: Project) -> RuleSet | None:
    return RuleSet.objects.filter(project=project).order_by("-number").first()


def _zh() -> bool:
    return (get_language() or "en").startswith("zh")
