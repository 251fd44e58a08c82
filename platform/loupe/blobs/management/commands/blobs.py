"""``manage.py blobs check`` and ``manage.py blobs collect``."""

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from loupe.blobs import upkeep
from loupe.blobs.models import Blob


class Command(BaseCommand):
    help = "Checks stored files against their hashes, or removes those nothing refers to."

    def add_arguments(self, parser: ArgumentParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        verbs.add_parser("check", help="read every stored file and compare its sha-256")
        collect = verbs.add_parser("collect", help="remove files that nothing refers to")
        collect.add_argument(
            "--grace-hours",
            type=float,
            default=24.0,
            help="leave what was stored within this many hours (default 24, at least 1)",
        )
        collect.add_argument("--dry-run", action="store_true", help="only say what would go")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["verb"] == "check":
            self._check()
        else:
            self._collect(timedelta(hours=options["grace_hours"]), options["dry_run"])

    def _check(self) -> None:
        found = 0
        for blob, error in upkeep.damage():
            found += 1
            self.stderr.write(f"{error.code} {blob.sha256}: {error.message}")
        total = Blob.objects.count()
        if found:
            raise CommandError(f"{found} of {total} stored files are missing or damaged.")
        self.stdout.write(f"All {total} stored files are as they were stored.")

    def _collect(self, grace: timedelta, dry_run: bool) -> None:
        try:
            done = upkeep.collect(grace, dry_run=dry_run)
        except ValueError as error:
            raise CommandError(str(error)) from error
        verb = "Would remove" if dry_run else "Removed"
        self.stdout.write(
            f"{verb} {done.blobs} unused files and {done.orphans} left-overs, {done.bytes:,} bytes."
        )
