"""Changes of labels, and versions, are only ever added: the database refuses anything else."""

from typing import ClassVar

from django.db import migrations

from loupe.audit.immutable import refusing_changes


class Migration(migrations.Migration):
    dependencies: ClassVar = [("datasets", "0001_initial")]
    operations: ClassVar = [
        refusing_changes("datasets_labelchange"),
        refusing_changes("datasets_datasetversion"),
    ]
