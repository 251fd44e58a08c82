"""Parts know their day on the project's calendar, and the quality page gets its index."""

from zoneinfo import ZoneInfo

from django.db import migrations, models


def fill(apps, schema_editor):  # type: ignore[no-untyped-def]
    """The day of parts that were there before."""
    part = apps.get_model("defect_detection", "Part")
    changed = []
    for row in part.objects.select_related("project").iterator(chunk_size=2000):
        row.day = row.last_at.astimezone(ZoneInfo(row.project.time_zone)).date()
        changed.append(row)
        if len(changed) == 2000:
            part.objects.bulk_update(changed, ["day"])
            changed = []
    part.objects.bulk_update(changed, ["day"])


class Migration(migrations.Migration):
    dependencies = [("defect_detection", "0002_cases")]

    operations = [
        migrations.AddField(
            model_name="part",
            name="day",
            field=models.DateField(null=True, help_text="of `last_at`, on the project's calendar"),
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
        migrations.AlterField(
            model_name="part",
            name="day",
            field=models.DateField(help_text="of `last_at`, on the project's calendar"),
        ),
        migrations.AddIndex(
            model_name="part",
            index=models.Index(
                fields=[
                    "project",
                    "day",
                    "product",
                    "station",
                    "lot",
                    "outcome",
                    "reviewed",
                    "escaped",
                    "overkilled",
                ],
                name="part_quality",
            ),
        ),
    ]
