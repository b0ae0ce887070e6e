"""``manage.py migrate_shops``: public, the template and every shop brought to the code's state."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.shops.migrating import bring_up, pending
from apps.shops.models import TEMPLATE_SCHEMA, Shop


class Command(BaseCommand):
    help = "Met à jour public, le modèle et chaque boutique (rôle propriétaire)."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--check", action="store_true", help="dit ce qui manque, sans rien faire"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if not options["check"]:
            bring_up(self.stdout.write)
            return
        shops = Shop.objects.using("owner").values_list("schema_name", flat=True)
        behind = [name for name in ("public", TEMPLATE_SCHEMA, *shops) if pending(name)]
        if behind:
            raise CommandError("En retard : " + ", ".join(behind))
