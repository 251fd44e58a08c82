"""`manage.py export <app>`: results in one of the app's formats, to a file or standard output."""

import contextlib
import os
import sys
import tempfile
import uuid
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, cast

from django.core.management.base import BaseCommand, CommandError

from loupe.accounts.models import Project
from loupe.accounts.policy import SYSTEM
from loupe.contract.runtime.errors import LoupeError
from loupe.delivery import exports
from loupe.jobs.results import Filters
from loupe.plugins import registry as apps


class Command(BaseCommand):
    """Writes the whole file or none of it."""

    help = "Export an app's results, newest first."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("app", help="an installed app's slug")
        parser.add_argument("--format", required=True, help="one of the app's exports, e.g. csv")
        parser.add_argument("--out", required=True, help="a file, or - for standard output")
        parser.add_argument(
            "--project", help="the project's short name; needed if there are several"
        )
        parser.add_argument("--job", type=uuid.UUID, help="only results of this job")
        parser.add_argument("--outcome", default="", help="only results with this outcome")
        parser.add_argument("--label", default="", help="only results with this leading class")

    def handle(self, *args: Any, **options: Any) -> None:
        filters = Filters(outcome=options["outcome"], label=options["label"], job_id=options["job"])
        try:
            slug = apps.get(options["app"]).slug
            exports.chosen(slug, options["format"])
            project = _project(options["project"])
            with _opened(options["out"]) as out:
                count = exports.write(SYSTEM, project, slug, options["format"], out, filters)
        except LoupeError as error:
            raise CommandError(error.message) from None
        except OSError as error:
            raise CommandError(f"{options['out']} cannot be written: {error.strerror}.") from None
        self.stderr.write(f"{count} results of {slug} in {project.slug} exported.")


def _project(slug: str | None) -> Project:
    projects = list(Project.objects.order_by("slug"))
    if slug is None and len(projects) == 1:
        return projects[0]
    for project in projects:
        if project.slug == slug:
            return project
    known = ", ".join(project.slug for project in projects) or "none"
    if slug is None:
        raise CommandError(f"Say which project with --project; there are: {known}.")
    raise CommandError(f"No project is called {slug!r}; there are: {known}.")


@contextlib.contextmanager
def _opened(out: str) -> Iterator[BinaryIO]:
    """Standard output, or a new file that takes the place of `out` once it is complete."""
    if out == "-":
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    target = Path(out).absolute()
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            yield cast("BinaryIO", file)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o644)
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
