"""`manage.py auditverify`: is the audit log as it was written?"""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from loupe.audit.chain import verify


class Command(BaseCommand):
    """Says how many events fit and the last hash; exit status 1 at the first that does not."""

    help = "Check the audit log's chain of hashes. Note the printed head outside this machine."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--head", help="a hash printed earlier that must still be in the chain")

    def handle(self, *args: Any, **options: Any) -> None:
        verdict = verify(options["head"])
        if verdict.broken_at is not None:
            raise CommandError(f"{verdict.why} {verdict.events} events before it fit.")
        self.stdout.write(f"{verdict.events} events fit. Head {verdict.head}")
