"""C26, C27, C29 and C40: how datasets look and how models are made of them."""

from collections.abc import Iterator
from importlib.util import find_spec

from pydantic import ValidationError

from loupe.contract.app import DomainApp
from loupe.plugins.checks.code import why_not_code
from loupe.plugins.checks.problem import Problem


def labelling(app: type[DomainApp]) -> Iterator[Problem]:
    """C26 and C27."""
    said = app.labelling
    if said is None:
        return
    schema = said.schema
    version = schema.model_fields.get("schema_version")
    closed = schema.model_config.get("extra") == "forbid"
    if not (schema.model_config.get("frozen") and closed) or version is None:
        yield Problem(
            f"has the label schema {schema.__name__}, which is open, can be changed or has no "
            "schema_version.",
            'Set model_config = ConfigDict(frozen=True, extra="forbid") and add schema_version.',
        )
    keys = [layout.key for layout in said.layouts]
    if not keys or len(set(keys)) < len(keys):
        yield Problem(
            f"has the layouts {keys}.", "Declare at least one, each with a key of its own."
        )
    targets = [said.propose, said.check, said.count, said.merge, said.of_model]
    targets += [said.fingerprint] if said.fingerprint else []
    for layout in said.layouts:
        targets += [layout.recognise, layout.read, layout.write]
    yield from _code(targets)


def training(app: type[DomainApp]) -> Iterator[Problem]:
    """C29 and C40."""
    said = app.training
    if said is None:
        return
    try:
        said.config_schema()
    except ValidationError:
        yield Problem(
            f"has the recipe {said.config_schema.__name__}, which needs arguments.",
            "Give every field a default: they are the default recipe.",
        )
    if said.config_schema.model_config.get("extra") != "forbid":
        yield Problem(
            f"has the recipe {said.config_schema.__name__}, which swallows unknown fields.",
            'Set model_config = ConfigDict(extra="forbid").',
        )
    keys = [curve.key for curve in said.curves]
    worded = all(one.label.en and one.label.zh for one in said.curves)
    if not keys or len(set(keys)) < len(keys) or not worded:
        yield Problem(
            f"has the curves {keys}.",
            "Declare at least one, each with a key of its own and words in both languages.",
        )
    for module in (said.module, said.evaluate_module):
        if find_spec(module) is None:
            yield Problem(
                f"trains by the module {module!r}, which does not exist.",
                "Name a package that `python -m` can run.",
            )
    if (said.sources is None) != (said.gather is None):
        yield Problem(
            "names only one of `sources` and `gather`.",
            "Declare both: one tells what can be chosen, the other what it holds.",
        )
    named = (said.sources, said.gather, said.on_evaluated)
    yield from _code([said.gate, *(each for each in named if each)])


def _code(targets: list[str]) -> Iterator[Problem]:
    for target in targets:
        why = why_not_code(target)
        if why is not None:
            yield Problem(f"names code by {target!r}, which {why}.", "Correct the path.")
