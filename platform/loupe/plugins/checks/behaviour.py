"""C5–C10 and C14: schemas, reviews, the synchronous mode, pages and extras."""

from collections.abc import Iterator
from importlib.util import find_spec

from croniter import croniter
from django.contrib.staticfiles import finders
from django.template import TemplateDoesNotExist, TemplateSyntaxError
from django.template.loader import get_template
from pydantic import BaseModel, ValidationError

from loupe.contract.app import DomainApp
from loupe.contract.runtime.columns import dtypes
from loupe.contract.slots import shown_templates, static_files
from loupe.plugins.checks.code import why_not_code
from loupe.plugins.checks.problem import Problem


def result_schema(app: type[DomainApp]) -> Iterator[Problem]:
    """C5."""
    schema = app.result_schema
    if not schema.model_config.get("frozen") or schema.model_config.get("extra") != "forbid":
        yield Problem(
            f"has the result schema {schema.__name__}, which is open or can be changed.",
            'Set model_config = ConfigDict(frozen=True, extra="forbid").',
        )
    version = schema.model_fields.get("schema_version")
    if version is None or version.is_required():
        yield Problem(
            f"has the result schema {schema.__name__} without a schema_version.",
            "Add `schema_version: int = 1` and raise it with every change of the schema.",
        )
    if app.result_form == "columns":
        yield from _only_columns(schema, "result schema")


def _only_columns(schema: type[BaseModel], what: str) -> Iterator[Problem]:
    try:
        dtypes(schema)
    except TypeError as error:
        yield Problem(
            f"has the {what} {schema.__name__}, which is no row of columns: {error}",
            "Use bool, int, float or str, or dict[str, …] of one of them, and call no field "
            "'decision'.",
        )


def operating_point(app: type[DomainApp]) -> Iterator[Problem]:
    """C6."""
    schema = app.operating_point_schema
    try:
        schema()
    except ValidationError:
        yield Problem(
            f"has the operating point {schema.__name__}, which needs arguments.",
            "Give every field a default: a new model starts with them.",
        )
    if schema.model_config.get("extra") != "forbid":
        yield Problem(
            f"has the operating point {schema.__name__}, which swallows unknown fields.",
            'Set model_config = ConfigDict(extra="forbid").',
        )


def reviews(app: type[DomainApp]) -> Iterator[Problem]:
    """C7."""
    outcomes = {outcome.key for outcome in app.outcomes}
    shortcuts = [verb.shortcut for verb in app.review_verbs]
    keys = [verb.key for verb in app.review_verbs]
    if not shortcuts or len(set(shortcuts)) < len(shortcuts) or len(set(keys)) < len(keys):
        yield Problem(
            f"has the review verbs {keys} with the shortcuts {shortcuts}.",
            "Declare at least one verb, each with a key and a shortcut of its own.",
        )
    for verb in app.review_verbs:
        if verb.outcome is not None and verb.outcome not in outcomes:
            yield Problem(
                f"lets the verb {verb.key!r} set {verb.outcome!r}, which is no outcome.",
                f"Use one of {sorted(outcomes)}.",
            )


def synchronous(app: type[DomainApp]) -> Iterator[Problem]:
    """C8."""
    mode = app.sync
    if mode is None:
        return
    outcomes = {outcome.key for outcome in app.outcomes}
    for fallback in (mode.fail_open, mode.fail_closed):
        if fallback not in outcomes:
            yield Problem(
                f"falls back to {fallback!r}, which is no outcome.",
                f"Use one of {sorted(outcomes)} for fail_open and fail_closed.",
            )
    if mode.body not in {"file", "rows"}:
        yield Problem(f"takes the body {mode.body!r}.", "Use 'file' or 'rows'.")
    if mode.body == "rows":
        why = why_not_code(mode.row_schema or "")
        if mode.max_rows <= 0 or why is not None:
            yield Problem(
                "takes rows without a largest batch or a row schema.",
                "Set max_rows above zero and row_schema to 'package.module:Class'.",
            )


def pages(app: type[DomainApp]) -> Iterator[Problem]:
    """C9."""
    for template in shown_templates(app):
        try:
            get_template(template)
        except TemplateDoesNotExist:
            yield Problem(
                f"shows the template {template!r}, which does not exist.",
                "Put it below the app's templates/ folder and into its package data.",
            )
        except TemplateSyntaxError as error:
            yield Problem(
                f"shows the template {template!r}, which cannot be read: {error}.",
                "Correct the template.",
            )
    for path in static_files(app):
        if not finders.find(path):
            yield Problem(
                f"uses the static file {path!r}, which does not exist.",
                "Put it below the app's static/ folder and into its package data.",
            )


def extras(app: type[DomainApp]) -> Iterator[Problem]:
    """C10."""
    targets = [command.run for command in (*app.commands, *app.benchmarks)]
    targets += [schedule.run for schedule in app.schedules]
    for target in targets:
        why = why_not_code(target)
        if why is not None:
            yield Problem(f"names code by {target!r}, which {why}.", "Correct the path.")
    for schedule in app.schedules:
        if not croniter.is_valid(schedule.default_cron):
            yield Problem(
                f"runs {schedule.key!r} at {schedule.default_cron!r}, which is no time.",
                "Use five cron fields: minute, hour, day of month, month, day of week.",
            )
    for process in app.processes:
        if find_spec(process.module) is None:
            yield Problem(
                f"wants the process {process.module!r}, which does not exist.",
                "Name a module that `python -m` can run.",
            )


def examples(app: type[DomainApp]) -> Iterator[Problem]:
    """C14."""
    default = app.operating_point_schema()
    reached = {app.decide(example, default).outcome for example in app.examples()}
    declared = {outcome.key for outcome in app.outcomes}
    if reached != declared:
        yield Problem(
            f"has examples that reach {sorted(reached)} of the outcomes {sorted(declared)}.",
            "Give one example for each outcome, and decide between declared outcomes only.",
        )
