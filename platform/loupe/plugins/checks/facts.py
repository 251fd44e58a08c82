"""C24, C25 and C42: what senders may say of submissions, and who takes them."""

from collections.abc import Iterator

from loupe.contract.app import DomainApp
from loupe.contract.facts import RESERVED
from loupe.plugins.checks.code import why_not_code
from loupe.plugins.checks.problem import Problem


def facts(app: type[DomainApp]) -> Iterator[Problem]:
    """C24 and C25."""
    keys = [fact.key for fact in app.facts]
    for key in sorted({key for key in keys if keys.count(key) > 1}):
        yield Problem(f"declares the fact {key!r} twice.", "Give each fact a key of its own.")
    for key in keys:
        if not key.isidentifier() or key != key.lower() or key in RESERVED:
            yield Problem(
                f"has the fact {key!r}, which cannot be a field of a form.",
                "Use a lower-case identifier that is none of loupe.contract.facts.RESERVED.",
            )
    if sum(fact.scope for fact in app.facts) > 1:
        yield Problem(
            "has several facts that are the scope.",
            "Let at most one fact choose models and operating points.",
        )
    unknown = set(app.scope_fields) - set(app.operating_point_schema.model_fields)
    if unknown:
        yield Problem(
            f"names scope fields that its operating point does not have: {sorted(unknown)}.",
            "Name fields of `operating_point_schema` in `scope_fields`.",
        )
    unknown = set(app.project_fields) - set(app.operating_point_schema.model_fields)
    if unknown:
        yield Problem(
            f"names project fields that its operating point does not have: {sorted(unknown)}.",
            "Name fields of `operating_point_schema` in `project_fields`.",
        )
    named = [fact.choices for fact in app.facts]
    named += [app.check_facts, app.on_results, app.declared_fields, app.receive, app.gather]
    for target in named:
        why = why_not_code(target) if target else None
        if why:
            yield Problem(f"names {target!r}, which {why}.", "Name importable code.")
