"""The Celery application: wake-ups only, the database holds the truth."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "loupe.settings.dev")
# `manage.py up` runs the system checks; here they would load every page and the whole API.
os.environ.setdefault("CELERY_SKIP_CHECKS", "1")

app = Celery("loupe")
# Without this, threads other than the importing one would send messages by an app of their own.
app.set_default()
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
