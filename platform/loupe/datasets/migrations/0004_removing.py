"""Records can be removed, datasets archived."""

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [("datasets", "0003_renaming")]
    operations: ClassVar = [
        migrations.AddField(
            model_name="dataset",
            name="archived_at",
            field=models.DateTimeField(help_text="put away: not listed, not changed", null=True),
        ),
        migrations.AlterField(
            model_name="record",
            name="state",
            field=models.CharField(
                choices=[
                    ("todo", "To label"),
                    ("labelled", "Labelled"),
                    ("skipped", "Left out"),
                    ("removed", "Removed"),
                ],
                default="todo",
                max_length=10,
            ),
        ),
    ]
