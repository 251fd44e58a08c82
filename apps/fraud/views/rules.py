"""Rules: the set that is edited, the one that decides, every version and what it changed."""

from typing import Any

from django.http import HttpResponse, HttpResponseRedirect, JsonResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from apps.fraud.app import App
from apps.fraud.rules.outcomes import OUTCOME_WORDS
from apps.fraud.rules.tokens import LONGEST
from apps.fraud.rules.warnings import warnings
from apps.fraud.schema import OUTCOMES
from apps.fraud.services import looking_at_rules, rule_changes, rules, schemes
from apps.fraud.services.errors import Unusable
from apps.fraud.services.rule_changes import diff
from loupe.contract.runtime.errors import LoupeError
from loupe.host.pages import PageRequest, project_page, say, say_refused
from loupe.host.people import Action, NotVisible

VERSIONS = 30


@require_GET
@project_page(section="policy")
def listing(request: PageRequest, app: str) -> HttpResponse:
    """The rules in their order; what they did yesterday is asked for by the page."""
    standing = rules.standing(request.actor, request.project)
    words = rules.words_of(request.project)
    return render(
        request,
        "fraud/rules.html",
        {
            "domain": App,
            "policy": "rules",
            "scheme": schemes.of(request.project.pk),
            "standing": standing,
            "said": [
                (rule, looking_at_rules.said(rule, words), OUTCOME_WORDS[rule.outcome])
                for rule in standing.rules
            ],
            "warned": warnings(standing.rules),
            "waiting": diff(standing.used_rules, standing.rules) if standing.used_rules else [],
        },
    )


@require_GET
@project_page(section="policy")
def history(request: PageRequest, app: str) -> HttpResponse:
    """Every version: who made it, when, and what it changed of the one before."""
    sets = list(rules.history(request.actor, request.project)[: VERSIONS + 1])
    told = []
    for at, one in enumerate(sets[:VERSIONS]):
        before = rules.read(sets[at + 1].data) if at + 1 < len(sets) else ()
        told.append((one, diff(before, rules.read(one.data))))
    return render(
        request,
        "fraud/rules_history.html",
        {
            "domain": App,
            "policy": "rules",
            "told": told,
            "standing": rules.standing(request.actor, request.project),
        },
    )


@require_GET
@project_page(Action.MANAGE_MODELS, section="policy")
def editor(request: PageRequest, app: str) -> HttpResponse:
    """One rule in the editor; without ``key`` a new one."""
    standing = rules.standing(request.actor, request.project)
    key = request.GET.get("key", "")
    rule = next((one for one in standing.rules if one.key == key), None)
    if key and rule is None:
        raise NotVisible(_("There is no rule %(key)r.") % {"key": key[:40]})
    form = rule.model_dump() if rule else {"outcome": "review", "active": True}
    return _editor(request, {**form, "instead_of": key, "seen": standing.number})


@require_POST
@project_page(Action.MANAGE_MODELS, section="policy")
def save(request: PageRequest, app: str) -> HttpResponse:
    """Save what the editor says as the next version; a refusal keeps the form as it was."""
    posted = request.POST
    instead_of = posted.get("instead_of", "")
    rule = _rule(posted)
    try:
        made = rules.edit(
            request.actor,
            request.project,
            lambda present: rule_changes.put(present, rule, instead_of),
            _seen(posted),
        )
        say(request, _("Saved as version %(n)s. It decides once you let it.") % {"n": made.number})
    except LoupeError as error:
        return _editor(
            request,
            {**rule, "instead_of": instead_of, "seen": _seen(posted)},
            error=error,
        )
    return HttpResponseRedirect(reverse("fraud:rules", args=[request.project.slug]))


@require_POST
@project_page(Action.MANAGE_MODELS)
def act(request: PageRequest, app: str) -> HttpResponse:
    """Move, pause or remove a rule, bring a version back, or let the newest decide."""
    posted, verb = request.POST, request.POST.get("verb", "")
    back = "fraud:rules"
    try:
        if verb == "use":
            stored = rules.use(request.actor, request.project, _number(posted), _note(posted))
            said = _("Version %(n)s decides from now on: operating point %(point)s.")
            say(request, said % {"n": _number(posted), "point": stored.number})
        elif verb == "restore":
            back = "fraud:rules_history"
            made = rules.restore(request.actor, request.project, _number(posted), _seen(posted))
            say(
                request,
                _("Saved as version %(n)s. It decides once you let it.") % {"n": made.number},
            )
        else:
            made = rules.edit(
                request.actor,
                request.project,
                lambda present: rule_changes.act(present, posted.get("key", ""), verb),
                _seen(posted),
            )
            say(
                request,
                _("Saved as version %(n)s. It decides once you let it.") % {"n": made.number},
            )
    except LoupeError as error:
        say_refused(request, error)
    return HttpResponseRedirect(reverse(back, args=[request.project.slug]))


@require_POST
@project_page(Action.VIEW)
def check(request: PageRequest, app: str) -> HttpResponse:
    """Whether a text is a rule of the project: where it goes wrong, or what it says."""
    text = request.POST.get("when", "")[: LONGEST + 1]
    return JsonResponse(looking_at_rules.checked(text, rules.words_of(request.project)))


@require_POST
@project_page(Action.MANAGE_MODELS)
def count(request: PageRequest, app: str) -> HttpResponse:
    """What the rule of the editor would have done yesterday, beside the others."""
    try:
        told = looking_at_rules.counted(
            request.actor, request.project, _rule(request.POST), request.POST.get("instead_of", "")
        )
    except LoupeError as error:
        return JsonResponse({"error": error.message, "code": error.code})
    return JsonResponse(told)


@require_GET
@project_page(Action.VIEW)
def counts(request: PageRequest, app: str) -> HttpResponse:
    """What each saved rule did yesterday."""
    try:
        return JsonResponse(looking_at_rules.all_counted(request.actor, request.project))
    except LoupeError as error:
        return JsonResponse({"error": error.message, "code": error.code})


def _editor(
    request: PageRequest, form: dict[str, Any], error: LoupeError | None = None
) -> HttpResponse:
    words = rules.words_of(request.project)
    field = getattr(error, "field", "").rpartition(".")[2] if error else ""
    return render(
        request,
        "fraud/rule_editor.html",
        {
            "domain": App,
            "policy": "rules",
            "scheme": schemes.of(request.project.pk),
            "form": form,
            "error": error,
            "field": field if field in ("key", "when", "outcome", "wins") else "",
            "outcomes": [(key, OUTCOME_WORDS[key]) for key in OUTCOMES],
            "groups": looking_at_rules.vocabulary_groups(words),
            "longest": LONGEST,
            "page_keys": [("Ctrl Enter", _("Save the rule"))],
        },
    )


def _rule(posted: QueryDict) -> dict[str, Any]:
    """The rule a form says; checking is the service's."""
    return {
        "key": posted.get("key", "").strip()[:60],
        "when": posted.get("when", "").replace("\r\n", "\n").strip()[: LONGEST + 1],
        "outcome": posted.get("outcome", "review"),
        "en": posted.get("en", "").strip()[:300],
        "zh": posted.get("zh", "").strip()[:300],
        "active": posted.get("active") == "yes",
        "wins": posted.get("wins") == "yes",
    }


def _seen(posted: QueryDict) -> int:
    return _whole(posted.get("seen", ""), "seen")


def _number(posted: QueryDict) -> int:
    return _whole(posted.get("number", ""), "number")


def _note(posted: QueryDict) -> str:
    return posted.get("note", "").replace("\x00", "")[:300]


def _whole(text: str, field: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 9):
        raise Unusable(
            _("%(field)s=%(text)r is no number of a version.")
            % {"field": field, "text": text[:20]},
            field=field,
        )
    return int(text)
