"""``manage.py`` with the commands apps declare: ``manage.py <command> <slug> [arguments]``."""

import argparse
import sys
from collections.abc import Sequence
from typing import Any

from django.core.management import ManagementUtility
from django.core.management.base import BaseCommand, CommandError, CommandParser

from loupe.contract.runtime.errors import LoupeError
from loupe.plugins import registry, running


class OfAnApp(BaseCommand):
    """Hands everything after the slug to the command of that name of that app."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name
        owners = [
            (app.slug, command.help)
            for app in registry.installed()
            for command in app.commands
            if command.name == name
        ]
        self.help = "\n".join(f"{slug}: {text}" for slug, text in owners)

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug", help="the app, e.g. as `manage.py apps` lists it")
        parser.add_argument("arguments", nargs=argparse.REMAINDER, help="the command's own")

    def handle(self, *args: Any, **options: Any) -> None:
        slug, arguments = options["slug"], options["arguments"]
        owner = running.owner_alone(self.name)
        if owner is not None and slug != owner:
            slug, arguments = owner, [slug, *arguments]
        try:
            command = running.command_of(slug, self.name)
        except LoupeError as error:
            raise CommandError(error.message) from error
        status = running.run(command, arguments)
        if status:
            sys.exit(status)


class Utility(ManagementUtility):
    """Django's, which also knows the names apps declare."""

    def fetch_command(self, subcommand: str) -> BaseCommand:
        if subcommand in running.command_names():
            return OfAnApp(subcommand)
        return super().fetch_command(subcommand)

    def main_help_text(self, commands_only: bool = False) -> str:
        text = super().main_help_text(commands_only)
        names = sorted(running.command_names())
        if commands_only:
            return "\n".join([text, *names])
        lines = [f"    {name} <app>" for name in names]
        return "\n".join([text, "", "[apps]", *lines]) if lines else text


def execute(argv: Sequence[str]) -> None:
    """Run one command line."""
    Utility(list(argv)).execute()
