"""What a request says of its files: one field for each fact, or ``facts`` as a JSON object.

Read from the query and from a form, the same way by submissions and by synchronous calls.
"""

from collections.abc import Mapping

from django.http import QueryDict
from drf_spectacular.utils import OpenApiParameter

from loupe.api.problems import refuse_field
from loupe.contract.app import DomainApp
from loupe.intake import facts


def facts_said(
    app: type[DomainApp], fields: QueryDict, before: Mapping[str, str] | None = None
) -> dict[str, str]:
    """The facts among `fields`, joined with those of `before`; not yet checked.

    Raises:
        FactRefused: ``facts`` is no JSON object of known facts.
        RequestRefused: one was said twice, differently.
    """
    said = dict(before or {})
    if not app.facts:
        return said
    found = [(key, value) for key in facts.keys(app) for value in fields.getlist(key)]
    for text in fields.getlist(facts.FIELD):
        found += facts.from_json(app, str(text)).items()
    for key, value in found:
        if not isinstance(value, str):
            raise refuse_field(key, f"{key} came as a file: send it as a text field of the form.")
        if not value.strip():
            continue
        if key in said and said[key] != value:
            raise refuse_field(
                key,
                f"{key} was given more than once and differently: {said[key][:80]!r} and "
                f"{value[:80]!r}. Give it once.",
            )
        said[key] = value
    return said


def parameters(app: type[DomainApp]) -> list[OpenApiParameter]:
    """How the API's description shows what can be said to `app`."""
    return [
        OpenApiParameter(
            fact.key,
            {"type": "string", "maxLength": fact.max_length},
            description=f"{fact.label.en}. Also taken as a field of the form, or in `facts`.",
        )
        for fact in app.facts
    ]


FACTS = OpenApiParameter(
    "facts",
    str,
    description="What the sender says of the files, as a JSON object of texts such as "
    '{"lot": "7"}; each fact may also be a parameter or a field of the form by its own name.',
)
