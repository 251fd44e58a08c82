"""Runs a command or benchmark that an app, or a part of the host, declares."""

from collections.abc import Sequence

from django.apps import apps

from loupe.contract.extras import AppCommand
from loupe.contract.runtime.errors import LoupeError
from loupe.contract.runtime.steps import load
from loupe.plugins import registry


class UnknownCommand(LoupeError):
    """No installed app declares a command or benchmark of this name."""

    code = "unknown_command"


def command_names() -> set[str]:
    """Every name under which an app declares a ``manage.py`` command."""
    return {command.name for app in registry.installed() for command in app.commands}


def owner_alone(name: str) -> str | None:
    """The slug of the app whose command `name` needs no slug; None where it is needed."""
    owners = [
        (app.slug, command)
        for app in registry.installed()
        for command in app.commands
        if command.name == name
    ]
    return owners[0][0] if len(owners) == 1 and owners[0][1].says_it_all else None


def command_of(slug: str, name: str) -> AppCommand:
    """The command `name` of the app `slug`.

    Raises:
        UnknownApp: there is no such app.
        UnknownCommand: the app has no such command; the message lists those it has.
    """
    app = registry.get(slug)
    for command in app.commands:
        if command.name == name:
            return command
    having = sorted(
        each.slug
        for each in registry.installed()
        if name in {command.name for command in each.commands}
    )
    raise UnknownCommand(f"The app {slug!r} has no command {name!r}; these have one: {having}.")


def benchmarks() -> dict[str, AppCommand]:
    """Every benchmark by its name, or by ``<owner>.<name>`` where several owners use the name.

    Apps declare theirs on the contract class, parts of the host on their `AppConfig`.
    """
    owned = [(app.slug, command) for app in registry.installed() for command in app.benchmarks]
    owned += [
        (config.label, command)
        for config in apps.get_app_configs()
        for command in getattr(config, "benchmarks", ())
    ]
    names = [command.name for _, command in owned]
    return {
        command.name if names.count(command.name) == 1 else f"{owner}.{command.name}": command
        for owner, command in owned
    }


def benchmark(name: str) -> AppCommand:
    """The benchmark that `benchmarks` lists as `name`.

    Raises:
        UnknownCommand: there is none; the message lists those that are.
    """
    known = benchmarks()
    if name not in known:
        raise UnknownCommand(f"No benchmark is called {name!r}; there are: {sorted(known)}.")
    return known[name]


def run(command: AppCommand, arguments: Sequence[str]) -> int:
    """Import the command's code, call it with its arguments and return its exit status."""
    return int(load(command.run)(list(arguments)))
