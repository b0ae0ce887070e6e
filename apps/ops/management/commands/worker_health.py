"""``manage.py worker_health``: for a container's health check."""

import socket
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import Error as DatabaseError

from apps.core.queries import living, oldest_due, wedged


class Command(BaseCommand):
    help = (
        "Sort avec 0 si des processus de travail de cette machine sont en vie et que ce qui est "
        "dû est pris ; avec 1 sinon, en disant pourquoi."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--partout", action="store_true", help="compte les processus de toutes les machines"
        )

    def handle(self, *args: Any, partout: bool = False, **options: Any) -> None:
        try:
            alive = living()
            if not partout:
                alive = alive.filter(host=socket.gethostname()[:255])
            count, waits, stuck = alive.count(), oldest_due(), wedged()
        except DatabaseError as error:
            raise CommandError("La base de données ne répond pas.") from error
        if not count:
            raise CommandError("Aucun processus de travail en vie.")
        if stuck:
            raise CommandError("Des travaux sont dus et personne ne les prend.")
        seconds = round(waits.total_seconds()) if waits else 0
        self.stdout.write(f"{count} processus en vie ; travail dû le plus ancien : {seconds} s")
