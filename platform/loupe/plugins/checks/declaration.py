"""C1–C4 and C13: what the app is called, takes, runs and ships."""

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from loupe.contract.app import DomainApp
from loupe.contract.runtime.steps import Place
from loupe.contract.sentences import read
from loupe.contract.text import Text
from loupe.plugins.checks.code import why_not_code
from loupe.plugins.checks.problem import Problem

SHAPES = {(Place.SANDBOX,), (Place.SANDBOX, Place.ENGINE), (Place.CHILD,)}
LIVE_SHAPES = {
    *((Place.ENGINE,), (Place.ENGINE, Place.ENGINE)),
    *((Place.SANDBOX, Place.ENGINE), (Place.SANDBOX, Place.ENGINE, Place.ENGINE)),
}
DECLARED = (
    "slug", "name", "summary", "icon", "inputs", "steps", "result_schema",
    "operating_point_schema", "outcomes", "review_verbs", "pages",
)  # fmt: skip


def missing(app: type[DomainApp]) -> Iterator[Problem]:
    """Attributes the contract asks for and the class does not have."""
    absent = [name for name in DECLARED if not hasattr(app, name)]
    abstract = sorted(getattr(app, "__abstractmethods__", ()))
    if absent:
        yield Problem(
            f"does not declare {', '.join(absent)}.",
            "Declare each in the class body; loupe.contract.app.DomainApp says what they hold.",
        )
    if abstract:
        yield Problem(
            f"does not implement {', '.join(abstract)}.",
            "Write each as a classmethod; loupe.contract.app.DomainApp says what they return.",
        )


def slug(app: type[DomainApp]) -> Iterator[Problem]:
    """C1."""
    if not app.slug.isidentifier() or app.slug != app.slug.lower():
        yield Problem(
            f"has the slug {app.slug!r}, which is not a lower-case identifier.",
            "Use lower-case letters, digits and underscores, starting with a letter.",
        )


def words(app: type[DomainApp]) -> Iterator[Problem]:
    """C2."""
    said: list[tuple[str, object]] = [("name", app.name), ("summary", app.summary)]
    said += [(f"input {kind.key}", kind.label) for kind in app.inputs]
    said += [(f"outcome {outcome.key}", outcome.label) for outcome in app.outcomes]
    said += [(f"review verb {verb.key}", verb.label) for verb in app.review_verbs]
    said += [(f"export {export.key}", export.label) for export in app.exports]
    said += [(f"schedule {schedule.key}", schedule.label) for schedule in app.schedules]
    for what, text in said:
        if not (isinstance(text, Text) and text.en and text.zh):
            yield Problem(
                f"lacks words for its {what} in English or Chinese.",
                "Give a loupe.contract.text.Text with both `en` and `zh`.",
            )


def inputs(app: type[DomainApp]) -> Iterator[Problem]:
    """C3."""
    if not app.inputs:
        yield Problem(
            "takes no kind of input.", "Declare at least one loupe.contract.inputs.InputKind."
        )
    owner: dict[str, str] = {}
    for kind in app.inputs:
        if kind.max_bytes <= 0 or not kind.media_types:
            yield Problem(
                f"has the input {kind.key!r} without a size limit or a media type.",
                "Set `max_bytes` above zero and name at least one media type.",
            )
        for media_type in kind.media_types:
            if owner.setdefault(media_type, kind.key) != kind.key:
                yield Problem(
                    f"gives {media_type!r} to both {owner[media_type]!r} and {kind.key!r}.",
                    "Let each media type belong to one kind of input.",
                )


def steps(app: type[DomainApp]) -> Iterator[Problem]:
    """C4."""
    names = [step.name for step in app.steps]
    if len(set(names)) < len(names):
        yield Problem(f"names two steps alike: {names}.", "Give every step a name of its own.")
    shape = tuple(step.place for step in app.steps)
    if shape not in (SHAPES if app.service is None else LIVE_SHAPES):
        yield Problem(
            f"has steps in the places {[place.value for place in shape]}.",
            "Use one of: sandbox, engine; sandbox; child; or, with a service: the service, perhaps "
            "a sandbox step before it and an engine step for the model behind it.",
        )
    in_engine = [step.run for step in app.steps if step.place is Place.ENGINE]
    if app.service is not None and in_engine and in_engine[0] != app.service:
        yield Problem(
            f"has the service {app.service!r}, and its first engine step runs {in_engine[0]!r}.",
            "Let the first engine step name the service.",
        )
    if app.service is not None and app.needs_model != (len(in_engine) > 1):
        yield Problem(
            f"has a service, {len(in_engine)} engine steps and needs_model={app.needs_model}.",
            "Let a second engine step name the model's runner and set needs_model = True, or "
            "declare neither.",
        )
    targets = [step.run for step in app.steps]
    targets += [target for target in (app.service, app.check_artefact) if target is not None]
    for target in targets:
        why = why_not_code(target)
        if why is not None:
            yield Problem(f"names code by {target!r}, which {why}.", "Correct the path.")


def shipped(app: type[DomainApp]) -> Iterator[Problem]:
    """C13."""
    spec = find_spec(app.__module__.rpartition(".")[0])
    if spec is None or spec.origin is None:
        return
    package = Path(spec.origin).parent
    for name in (*app.shipped_models, *([app.samples] if app.samples else [])):
        folder = package / name
        if not folder.is_dir() or not any(folder.iterdir()):
            yield Problem(
                f"ships the folder {name!r}, which is missing or empty.",
                "Put the files below the app's package and into its package data.",
            )
    if app.sentences is not None:
        try:
            read(package / app.sentences)
        except (OSError, ValueError, KeyError, TypeError) as error:
            yield Problem(
                f"names the sentences {app.sentences!r}, which cannot be read: {error}.",
                "Write a JSON list of objects with code, en and zh, with the same slots in both.",
            )
