"""``manage.py fill_demo``: three shops with years of life in them, for a demonstration."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from apps.ops.demo.filling import fill


class Command(BaseCommand):
    help = "Remplit trois boutiques de démonstration (mode local seulement)."

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.LOCAL:
            raise CommandError("Les boutiques de démonstration n’entrent pas en production.")
        fill(self.stdout.write, timezone.now())
