"""``manage.py backup_shop``: one shop, whole, in one file."""

import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError
from django.utils import timezone

from apps.core.refusal import Refusal
from apps.ops.keeping.writing import backup, new_file, note


class Command(BaseCommand):
    help = (
        "Met toute une boutique dans un fichier : ses tables, ses lignes partagées, ses fichiers. "
        "Le fichier contient les données personnelles de ses clients et n’est pas chiffré : il "
        "n’est lisible que par son propriétaire (0600). Pour le chiffrer : "
        "backup_shop cave - | age -r … > cave.age"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug", help="adresse de la boutique, par exemple : cave")
        parser.add_argument(
            "file",
            nargs="?",
            default="",
            help="fichier à écrire ; « - » : sortie standard ; sans rien : <boutique>-<date>.zip",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        slug, name, now = options["slug"], options["file"], timezone.now()
        path = Path(name or f"{slug}-{now:%Y%m%d-%H%M%S}.zip")
        if name == "-" and sys.stdout.isatty():
            raise CommandError("Vers un terminal, rien n’est écrit : dirigez la sortie ailleurs.")
        try:
            if name == "-":
                made = backup(slug, sys.stdout.buffer, now)
                sys.stdout.buffer.flush()
            else:
                with new_file(path) as file:
                    made = backup(slug, file, now)
        except Refusal as refusal:
            raise CommandError(str(refusal)) from refusal
        except OSError as error:
            raise CommandError(f"Écriture impossible, rien n’est gardé : {error}") from error
        except DatabaseError as error:
            # Its text may quote a row.
            raise CommandError(f"La base a refusé ({type(error).__name__}).") from error
        rows = sum(member.get("rows", 0) for member in made["members"].values())
        note(made["schema"], now, rows)
        if name != "-":
            self.stdout.write(
                f"{path} : {len(made['tables'])} tables, {rows} lignes, {path.stat().st_size} "
                "octets. Données personnelles, non chiffrées : droits 0600, à garder sous clé."
            )
