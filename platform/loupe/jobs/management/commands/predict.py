"""``manage.py predict <app> PATH…``: outcomes of files, with no service up and nothing stored."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from loupe.contract.runtime.errors import LoupeError
from loupe.jobs.offline import choosing
from loupe.jobs.offline.bad_rows import Line
from loupe.jobs.offline.predicting import Predictor
from loupe.jobs.offline.said import facts_of
from loupe.plugins import registry as apps

SOME_REFUSED, WRONG_USE = 1, 2


class Command(BaseCommand):
    help = (
        "Predict files, folders and archives with a registered model. Exit status: 0 all done, "
        "1 some inputs could not be used, 2 the command itself was wrong."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("app", help="the app's slug, as listed by `manage.py apps`")
        parser.add_argument("paths", nargs="+", metavar="PATH", help="files, folders, archives")
        parser.add_argument("--model", metavar="NAME", help="a registered model; else the default")
        parser.add_argument("--project", metavar="SLUG", help="choose as this project would")
        parser.add_argument(
            "--fact", action="append", default=[], metavar="KEY=VALUE",
            help="what a sender would say of the files, as an upload's facts; several may be given",
        )  # fmt: skip
        parser.add_argument("--json", action="store_true", help="one JSON object a line")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            app = apps.get(options["app"])
            choosing.prepare(app)
            choice = choosing.choose(app, options["model"], options["project"])
            facts = facts_of(app, options["fact"], choice.project)
            predictor = Predictor(app, choice, facts)
        except LoupeError as error:
            raise CommandError(error.message, returncode=WRONG_USE) from error
        seen = refused = 0
        with predictor:
            for line in predictor.lines(options["paths"]):
                seen += 1
                if "warning" in line:
                    self.stderr.write(f"{line['name']}: {line['warning']['message']}")
                    continue
                refused += "error" in line
                self.stdout.write(
                    json.dumps(line, ensure_ascii=False) if options["json"] else _row(line)
                )
                self.stdout.flush()
        if not seen:
            raise CommandError("These paths hold no files: name some.", returncode=WRONG_USE)
        if refused:
            raise SystemExit(SOME_REFUSED)


def _row(line: Line) -> str:
    """One line of the table for people: outcome, score, leading class, milliseconds, name."""
    if "error" in line:
        return (
            f"{'refused':<10} {'':>7} {'':<20} {'':>9}  {line['name']}: {line['error']['message']}"
        )
    decision = line["decision"]
    total = sum(line["times_ms"].values())
    place = f"{line['name']}:{line['row']}" if "row" in line else line["name"]
    return (
        f"{line['outcome']:<10} {decision['score']:>7.3f} {decision['label'][:20]:<20} "
        f"{total:>6.0f} ms  {place}"
    )
