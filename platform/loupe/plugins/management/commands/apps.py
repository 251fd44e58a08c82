"""``manage.py apps``: which apps are installed and what each declares."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from loupe.contract.app import DomainApp
from loupe.plugins import registry


class Command(BaseCommand):
    help = "List the installed apps."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="one JSON object a line")

    def handle(self, *args: Any, **options: Any) -> None:
        for app in registry.installed():
            facts = described(app)
            if options["json"]:
                self.stdout.write(json.dumps(facts, ensure_ascii=False))
            else:
                self.stdout.write(f"{app.slug}: {app.summary}")
                for name in ("inputs", "steps", "commands", "benchmarks"):
                    if facts[name]:
                        self.stdout.write(f"  {name}: {', '.join(facts[name])}")


def described(app: type[DomainApp]) -> dict[str, Any]:
    """What an app declares, by name."""
    return {
        "slug": app.slug,
        "name": app.name.en,
        "inputs": [kind.key for kind in app.inputs],
        "steps": [f"{step.name} ({step.place.value})" for step in app.steps],
        "outcomes": [outcome.key for outcome in app.outcomes],
        "commands": [command.name for command in app.commands],
        "benchmarks": [command.name for command in app.benchmarks],
        "exports": [export.key for export in app.exports],
    }
