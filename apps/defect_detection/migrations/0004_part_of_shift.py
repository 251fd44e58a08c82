"""Counting a shift reads one index."""

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [
        ("accounts", "0002_project_second_person"),
        ("defect_detection", "0003_part_day"),
    ]

    operations: ClassVar = [
        migrations.AddIndex(
            model_name="part",
            index=models.Index(
                fields=["station", "-last_at", "-id", "outcome"], name="part_of_shift"
            ),
        ),
    ]
