"""What a person says of the files at the terminal: ``--fact KEY=VALUE``."""

from collections.abc import Sequence

from loupe.accounts.models import Project
from loupe.contract.app import DomainApp
from loupe.contract.facts import FactRefused
from loupe.intake import facts


def facts_of(app: type[DomainApp], pairs: Sequence[str], project: Project | None) -> dict[str, str]:
    """The facts of ``KEY=VALUE`` pairs, checked as those of a submission are.

    Args:
        project: None: none was named, and only facts that name nothing of a project can be said.

    Raises:
        FactRefused: a pair is none, names an unknown fact, or says what cannot be.
    """
    if pairs and (app.context is None or app.result_form != "columns"):
        raise FactRefused(
            f"--fact: {app.name} has no use for facts at the terminal; leave them out.",
            field=facts.FIELD,
        )
    declared = {fact.key: fact for fact in app.facts}
    said: dict[str, str] = {}
    for pair in pairs:
        key, mark, value = pair.partition("=")
        if not mark or key not in declared or not value.strip():
            known = ", ".join(declared) or "none"
            raise FactRefused(
                f"--fact {pair[:80]!r}: write KEY=VALUE; keys are {known}.", field=facts.FIELD
            )
        if project is None and declared[key].choices is not None:
            raise FactRefused(
                f"--fact {key}: it names something of a project; add --project SLUG.", field=key
            )
        said[key] = value
    return facts.checked(app, project, said)
