"""Labels may come from renaming a class."""

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [("datasets", "0002_append_only")]
    operations: ClassVar = [
        migrations.AlterField(
            model_name="labelchange",
            name="source",
            field=models.CharField(
                choices=[
                    ("drawn", "Drawn"),
                    ("accepted", "Accepted from a model"),
                    ("corrected", "Corrected in review"),
                    ("imported", "Imported"),
                    ("undone", "Taken back"),
                    ("renamed", "Class renamed"),
                ],
                max_length=10,
            ),
        ),
    ]
