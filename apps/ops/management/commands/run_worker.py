"""``manage.py run_worker``: the schedules brought to their table, then jobs until SIGTERM."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import Error as DatabaseError
from django.urls import get_resolver
from django.utils.module_loading import autodiscover_modules

from apps.core.supervisor import from_settings
from apps.ops.recurring import write_schedules


class Command(BaseCommand):
    help = (
        "Travaille : messages, tâches récurrentes. Surveille ses processus et remplace ceux qui "
        "meurent ou se figent. SIGTERM finit ce qui est en main (WORKER_GRACE secondes), remet "
        "le reste en file, puis part."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            write_schedules()
        except DatabaseError as error:
            raise CommandError("La base de données ne répond pas : rien n’a démarré.") from error
        # Loaded once, before the workers are forked: they share it.
        autodiscover_modules("tasks")
        get_resolver(settings.ROOT_URLCONF)._populate()
        from_settings().run()
