"""``manage.py bench [name] [arguments]``: the benchmarks apps declare."""

import argparse
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from loupe.contract.runtime.errors import LoupeError
from loupe.plugins import running


class Command(BaseCommand):
    help = "Run a benchmark of an installed app; without a name, list them."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", nargs="?", help="as listed, e.g. throughput")
        parser.add_argument("arguments", nargs=argparse.REMAINDER, help="the benchmark's own")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["name"] is None:
            for name, command in sorted(running.benchmarks().items()):
                self.stdout.write(f"{name}: {command.help}")
            return
        try:
            command = running.benchmark(options["name"])
        except LoupeError as error:
            raise CommandError(error.message) from error
        status = running.run(command, options["arguments"])
        if status:
            sys.exit(status)
