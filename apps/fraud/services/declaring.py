"""What pydantic refuses of a declaration, as a sentence in the language of the page.

pydantic says what is wrong in English. Its kinds of error are codes that stay the same; those that
what people declare can meet have sentences here.
"""

from typing import Any, Final

from django.utils.translation import get_language, gettext_lazy
from pydantic import ValidationError

_SENTENCES: Final = {
    "missing": gettext_lazy("a value is required"),
    "extra_forbidden": gettext_lazy("there is no such field"),
    "int_parsing": gettext_lazy("%(given)s is no whole number"),
    "int_type": gettext_lazy("%(given)s is no whole number"),
    "int_parsing_size": gettext_lazy("%(given)s is too large"),
    "int_from_float": gettext_lazy("%(given)s is no whole number"),
    "float_parsing": gettext_lazy("%(given)s is no number"),
    "float_type": gettext_lazy("%(given)s is no number"),
    "finite_number": gettext_lazy("%(given)s is no finite number"),
    "bool_parsing": gettext_lazy("%(given)s is neither true nor false"),
    "string_type": gettext_lazy("%(given)s is no text"),
    "greater_than": gettext_lazy("%(given)s is not above %(gt)s"),
    "greater_than_equal": gettext_lazy("%(given)s is below %(ge)s"),
    "less_than": gettext_lazy("%(given)s is not below %(lt)s"),
    "less_than_equal": gettext_lazy("%(given)s is above %(le)s"),
    "literal_error": gettext_lazy("%(given)s is none of %(expected)s"),
    "string_too_long": gettext_lazy("at most %(max_length)s characters are allowed"),
    "string_too_short": gettext_lazy("at least %(min_length)s characters are needed"),
    "string_pattern_mismatch": gettext_lazy("%(given)s is not of the form %(pattern)s"),
    "too_long": gettext_lazy("at most %(max_length)s entries are allowed"),
    "too_short": gettext_lazy("at least %(min_length)s entries are needed"),
    "list_type": gettext_lazy("a list is needed"),
    "tuple_type": gettext_lazy("a list is needed"),
    "dict_type": gettext_lazy("an object is needed"),
    "model_type": gettext_lazy("an object is needed"),
    "outcome_twice": gettext_lazy("budgets name %(outcomes)s: give one budget an outcome"),
    "budgets_crossed": gettext_lazy(
        "the budget of block is above that of step_up, which includes it"
    ),
    "edges_order": gettext_lazy("edges are %(edges)s; give positive amounts, ascending"),
    "nothing_asked": gettext_lazy("nothing is asked for: give a budget, or a queue"),
    "bands_order": gettext_lazy(
        "bands start at %(starts)s; the first at 0, each higher than the last"
    ),
    "keys_twice": gettext_lazy("keys of entities and attributes must be unique; they are %(keys)s"),
    "payer_one": gettext_lazy("exactly one entity has the role payer; %(payers)s have it"),
    "built_from_unknown": gettext_lazy(
        "%(entity)s.built_from names %(unknown)s, which is no attribute"
    ),
    "shared_unknown": gettext_lazy(
        "%(relation)s.shared is %(shared)s; name an entity that is not the payer: %(known)s"
    ),
    "windows_order": gettext_lazy("windows are %(windows)s; give positive seconds, ascending"),
    "rule_refused": gettext_lazy("Rule %(key)s: %(why)s"),
    "only_approval_wins": gettext_lazy("Rule %(key)s: only an approval wins; %(outcome)s does not"),
    "rules_twice": gettext_lazy("keys of rules must be unique; there are several of %(twice)s"),
    "rules_large": gettext_lazy(
        "the rules have %(cost)s names, values and signs together; %(most)s are allowed. Join "
        "some, or put long lists into a list of the project"
    ),
    "control_key_short": gettext_lazy("control_share needs a control_key of 16 characters or more"),
    "zone_unknown": gettext_lazy("timezone is %(zone)s; give an IANA name"),
    "currency_twice": gettext_lazy("give currency (a column) or fixed_currency, not both"),
    "words_twice": gettext_lazy("%(words)s stand for fraud and for honest at once"),
    "label_missing": gettext_lazy("label_time needs a label"),
    "start_invalid": gettext_lazy(
        "%(given)s is no start of a count: give a date or a time to the second, from 1970 to 2099, "
        "such as 2026-01-01 or 2026-01-01T00:00:00Z"
    ),
    "start_missing": gettext_lazy(
        "%(column)s counts from a start: say when the count was 0, such as 2026-01-01 or "
        "2026-01-01T00:00:00Z"
    ),
    "start_unused": gettext_lazy(
        "%(column)s is not counted from a start (%(format)s): leave start out"
    ),
    "start_left_out": gettext_lazy(
        "%(given)s does not exist in %(zone)s: clocks were put forward over it"
    ),
    "timezone_unknown": gettext_lazy("%(given)s is no time zone, such as Europe/Berlin"),
}


def first(error: ValidationError, otherwise: str) -> tuple[str, str]:
    """Where the first problem is (`otherwise` where it is the whole), and what: no full stop."""
    found = error.errors(include_url=False)[0]
    return ".".join(str(part) for part in found["loc"]) or otherwise, sentence(found)


def sentence(found: Any) -> str:
    """One of ``ValidationError.errors()`` in words."""
    known = _SENTENCES.get(found["type"])
    if known is None:
        return str(found["msg"]).removeprefix("Value error, ").rstrip(".")
    given = repr(found.get("input"))
    shown = given if len(given) <= 60 else f"{given[:57]}…"
    context = {key: str(value) for key, value in found.get("ctx", {}).items()}
    if "why_zh" in context and (get_language() or "en").startswith("zh"):
        context["why"] = context["why_zh"]
    text = str(known)
    # What a rule is refused with is a whole sentence.
    return (text % {"given": shown, **context} if "%(" in text else text).rstrip(".。")
