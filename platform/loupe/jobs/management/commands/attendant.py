"""``manage.py attendant``: works on items that take minutes, each in a child of its own."""

import signal
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from loupe.jobs.attending.attendant import Attendant


class Command(BaseCommand):
    help = "Works on items that take minutes. Stop it with SIGTERM: items are handed back."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--at-once", type=int, default=settings.LONG_ITEMS, help="items worked on in parallel"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        attendant = Attendant(options["at_once"])

        def stop(*_: object) -> None:
            attendant.stopping = True

        signal.signal(signal.SIGTERM, stop)
        signal.signal(signal.SIGINT, stop)
        attendant.run()
