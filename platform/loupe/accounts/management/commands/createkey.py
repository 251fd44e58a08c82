"""`manage.py createkey`: one API key, shown once."""

from argparse import ArgumentParser
from datetime import datetime, timedelta
from typing import Any, Literal

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime

from loupe.accounts import keys
from loupe.accounts.models import Project
from loupe.accounts.policy import SCOPES, SYSTEM
from loupe.contract.runtime.errors import LoupeError


def expiry(given: str) -> datetime | Literal["never"]:
    """``never``, a number of days such as ``90d``, a date, or a time with its zone.

    Raises:
        CommandError: none of these.
    """
    if given == "never":
        return "never"
    if given.endswith("d") and given[:-1].isdecimal() and int(given[:-1]) <= 36_500:
        return timezone.now() + timedelta(days=int(given[:-1]))
    try:
        moment = parse_datetime(given)
        day = parse_date(given)
    except ValueError as error:
        raise CommandError(f"--expires {given!r} is no date: {error}.") from None
    if day is not None:
        return timezone.make_aware(datetime(day.year, day.month, day.day))
    if moment is None:
        raise CommandError(
            f"--expires {given!r} is not understood: write never, 90d, 2027-03-31 or "
            "2027-03-31T18:00:00+01:00."
        )
    return moment if timezone.is_aware(moment) else timezone.make_aware(moment)


class Command(BaseCommand):
    """Prints the key and nothing else on standard output; what it is, on standard error."""

    help = "Make an API key of a project. It is shown once and stored nowhere."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--project", required=True, help="the project's short name")
        parser.add_argument("--name", required=True, help="what people call the key")
        parser.add_argument(
            "--scopes", required=True, help=f"comma-separated: {', '.join(sorted(SCOPES))}"
        )
        parser.add_argument(
            "--expires", required=True, help="never, 90d, 2027-03-31 or a time with its zone"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        project = Project.objects.filter(slug=options["project"]).first()
        if project is None:
            known = ", ".join(Project.objects.order_by("slug").values_list("slug", flat=True))
            raise CommandError(
                f"No project is called {options['project']!r}; there are: {known or 'none'}."
            )
        scopes = [word.strip() for word in options["scopes"].split(",") if word.strip()]
        try:
            key, raw = keys.create(
                SYSTEM, project, options["name"], scopes, expiry(options["expires"])
            )
        except LoupeError as error:
            raise CommandError(error.message) from None
        ends = key.expiry_date.isoformat() if key.expiry_date else "never"
        self.stderr.write(
            f"Key {key.prefix} of {project.slug}, scopes {', '.join(key.scopes)}, expires {ends}. "
            "Keep it now: it is not shown again."
        )
        self.stdout.write(raw)
