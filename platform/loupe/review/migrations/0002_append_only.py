"""Rows of review_review are only ever added: the database refuses anything else."""

from typing import ClassVar

from django.db import migrations

from loupe.audit.immutable import refusing_changes


class Migration(migrations.Migration):
    dependencies: ClassVar = [("review", "0001_initial")]
    operations: ClassVar = [refusing_changes("review_review")]
