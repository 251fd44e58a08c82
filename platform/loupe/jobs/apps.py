"""Django's view of `loupe.jobs`: every process that loads it sends by our Celery application."""

from django.apps import AppConfig

from loupe import celery


class JobsConfig(AppConfig):
    name = "loupe.jobs"
    label = "jobs"
    celery_app = celery.app
