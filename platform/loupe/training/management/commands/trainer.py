"""``manage.py trainer``: runs trainings and evaluations, each in a child of its own."""

import signal
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from loupe.training.trainer import Trainer


class Command(BaseCommand):
    help = "Runs trainings and evaluations. Stop it with SIGTERM: runs in work are queued again."

    def handle(self, *args: Any, **options: Any) -> None:
        trainer = Trainer(settings.TRAINING_DEVICES)

        def stop(*_: object) -> None:
            trainer.stopping = True

        signal.signal(signal.SIGTERM, stop)
        signal.signal(signal.SIGINT, stop)
        trainer.run()
