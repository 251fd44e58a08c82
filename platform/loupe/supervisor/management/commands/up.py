"""``manage.py up``: prepares and starts everything, and stays until it is stopped."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError, CommandParser

from loupe.contract.runtime.errors import LoupeError
from loupe.supervisor import demo, preparing
from loupe.supervisor.running import Installation
from loupe.supervisor.single import AlreadyRunning, alone


class Command(BaseCommand):
    help = "Start Loupe: prepare, run every process, print the address."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
        parser.add_argument("--port", type=int, default=settings.PORT, help="port to listen on")

    def handle(self, *args: Any, **options: Any) -> None:
        host, port = str(options["host"]), int(options["port"])
        address = f"http://{'localhost' if host == '127.0.0.1' else host}:{port}/"
        try:
            with alone(Path(settings.VAR), address):
                self._run(host, port, address)
        except AlreadyRunning as running:
            self._tell("\n".join([running.message, *_sign_in(demo.login())]))
        except LoupeError as error:
            raise CommandError(error.message) from error

    def _run(self, host: str, port: int, address: str) -> None:
        for step in preparing.steps():
            self._tell(f"preparing: {step.words}")
            step.do()
        installation = Installation(Path(settings.VAR), host, port, self._tell)
        try:
            installation.start()
            if not installation.stopping:
                self._welcome(address, demo.send_samples())
            installation.stay()
        finally:
            installation.stop()
        self._tell("stopped")

    def _welcome(self, address: str, sent: list[str]) -> None:
        lines = ["", self.style.SUCCESS(f"Loupe is ready: {address}")]
        lines += _sign_in(demo.login())
        if not User.objects.exists():
            lines.append("Add a first person with: .venv/bin/python manage.py createsuperuser")
        if sent:
            lines.append(f"Sample inputs are on their way through: {', '.join(sent)}")
        lines += [f"Logs: {Path(settings.VAR) / 'log'}   Stop: Ctrl-C", ""]
        self._tell("\n".join(lines))

    def _tell(self, words: str) -> None:
        self.stdout.write(words)
        self.stdout.flush()


def _sign_in(login: demo.Login | None) -> list[str]:
    """How to sign in to the demo project, in one line; nothing without a demo."""
    if login is None:
        return []
    if login.password is None:
        return [f"Sign in as {login.username} with the password chosen for it"]
    return [f"Sign in as {login.username} with the password {login.password}"]
