from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True
    dependencies = []
    operations = [
        migrations.CreateModel(
            name="Alert",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("result_id", models.BigIntegerField(unique=True)),
                ("project_id", models.UUIDField()),
                ("session", models.CharField(max_length=40)),
                ("account", models.CharField(max_length=64)),
            ],
        ),
    ]
