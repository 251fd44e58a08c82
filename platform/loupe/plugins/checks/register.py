"""Hands the checks to Django under stable ids."""

from collections.abc import Iterator, Sequence
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any

from django.apps import AppConfig, apps
from django.core.checks import CheckMessage, Error, register

from loupe.contract.discovery import GROUP
from loupe.contract.django import DomainAppConfig
from loupe.plugins import registry
from loupe.plugins.checks import behaviour, declaration, facts, live, training
from loupe.plugins.checks.problem import Check

CHECKS: dict[str, Check] = {
    "loupe.E001": declaration.slug,
    "loupe.E002": declaration.words,
    "loupe.E003": declaration.inputs,
    "loupe.E004": declaration.steps,
    "loupe.E005": behaviour.result_schema,
    "loupe.E006": behaviour.operating_point,
    "loupe.E007": behaviour.reviews,
    "loupe.E008": behaviour.synchronous,
    "loupe.E009": behaviour.pages,
    "loupe.E010": behaviour.extras,
    "loupe.E013": declaration.shipped,
    "loupe.E014": behaviour.examples,
    "loupe.E015": facts.facts,
    "loupe.E016": training.labelling,
    "loupe.E017": training.training,
    "loupe.E018": live.live,
}
INCOMPLETE = "loupe.E020"
WRONG_CONFIG = "loupe.E021"


def check_apps(app_configs: Sequence[AppConfig] | None = None, **_: Any) -> list[CheckMessage]:
    """Every installed app's declaration against the contract."""
    return [message for app in registry.installed() for message in check_app(app)]


def check_app(app: type[Any]) -> list[CheckMessage]:
    """One app's breaches; an incomplete class gets no further question."""
    incomplete = [
        Error(f"{app.__name__} of {app.__module__} {problem.sentence}", hint=problem.hint, obj=app,
              id=INCOMPLETE)
        for problem in declaration.missing(app)
    ]  # fmt: skip
    if incomplete:
        return list(incomplete)
    return [
        Error(f"The app {app.slug!r} {problem.sentence}", hint=problem.hint, id=name)
        for name, check in CHECKS.items()
        for problem in check(app)
    ]


def check_configurations(
    app_configs: Sequence[AppConfig] | None = None, **_: Any
) -> list[CheckMessage]:
    """Every entry point names a `DomainAppConfig`, and Django runs that very class.

    Given only a package, Django silently makes a plain AppConfig of its own.
    """
    return list(_wrong_configurations())


def _wrong_configurations() -> Iterator[CheckMessage]:
    for point in entry_points(group=GROUP):
        config = getattr(import_module(point.module), point.attr or "", None)
        if not (isinstance(config, type) and issubclass(config, DomainAppConfig)):
            yield Error(
                f"The entry point {point.name!r} names {point.value!r}, which is no "
                "DomainAppConfig.",
                hint="Write it as 'package.apps:Name', the full path of a class that derives "
                "loupe.contract.django.DomainAppConfig.",
                id=WRONG_CONFIG,
            )
        elif not any(type(running) is config for running in apps.get_app_configs()):
            yield Error(
                f"Django does not run {point.value!r}, which the entry point {point.name!r} names.",
                hint="INSTALLED_APPS has to hold the full dotted path of the class, not its "
                "package.",
                id=WRONG_CONFIG,
            )


def register_checks() -> None:
    """Called once while Django starts."""
    register(check_apps, "loupe")
    register(check_configurations, "loupe")
