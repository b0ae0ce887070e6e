"""``manage.py prepare_demo``: ``migrate_shops``, then ``fill_demo``, in one start of Django."""

from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand


class Command(BaseCommand):
    help = "Prépare la démonstration : tables, puis boutiques."

    def handle(self, *args: Any, **options: Any) -> None:
        call_command("migrate_shops", stdout=self.stdout)
        call_command("fill_demo", stdout=self.stdout)
