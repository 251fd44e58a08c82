"""``manage.py blobs check``, ``manage.py blobs collect`` and ``manage.py blobs pack``."""

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from loupe.blobs import small, upkeep
from loupe.blobs.models import Blob


class Command(BaseCommand):
    help = "Checks stored files against their hashes, removes unused ones, packs small ones."

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

        verbs.add_parser("pack", help="join small files of the database into compressed packs")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["verb"] == "check":
            self._check()
        elif options["verb"] == "pack":
            self._pack()
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

    def _pack(self) -> None:
        done = small.pack(most=1_000_000)
        files, own, taken = small.room()
        self.stdout.write(
            f"Packed {done.files} small files: {done.bytes:,} bytes are {done.packed_bytes:,} now. "
            f"All {files} small files of {own:,} bytes take {taken:,} bytes, "
            f"{taken / max(files, 1):.0f} each."
        )
