"""Django's view of `loupe.jobs`: every process that loads it sends by our Celery application."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate

from loupe import celery
from loupe.jobs.name_index import after_migrate


class JobsConfig(AppConfig):
    name = "loupe.jobs"
    label = "jobs"
    celery_app = celery.app

    def ready(self) -> None:
        post_migrate.connect(after_migrate, sender=self)
