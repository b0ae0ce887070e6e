"""``manage.py erase_shop``: a shop leaves, but for what the law wants kept."""

import getpass
import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError
from django.utils import timezone

from apps.core.refusal import Refusal
from apps.ops.keeping.erasing import erase


class Command(BaseCommand):
    help = (
        "Efface une boutique : ferme ses hôtes, écrit l’archive scellée que la loi veut garder "
        "(consentements, oppositions, journal), puis supprime son schéma, ses lignes partagées, "
        "ses travaux, ses fichiers, et les comptes qui n’ont plus de boutique. Interrompue, la "
        "même commande finit. Les sauvegardes déjà faites ne sont pas touchées."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug", help="adresse de la boutique, par exemple : cave")
        parser.add_argument(
            "--yes-i-mean",
            default="",
            metavar="ADRESSE",
            help="l’adresse encore une fois, au lieu de la question",
        )
        parser.add_argument(
            "--archive",
            type=Path,
            metavar="DOSSIER",
            help="où mettre l’archive ; sinon dans le stockage, sous archives/",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        slug, folder = options["slug"], options["archive"]
        if folder is not None and not folder.is_dir():
            raise CommandError(f"« {folder} » n’est pas un dossier.")
        self._be_sure(slug, options["yes_i_mean"])
        try:
            done = erase(slug, by=_who(), now=timezone.now(), folder=folder)
        except Refusal as refusal:
            raise CommandError(str(refusal)) from refusal
        except OSError as error:
            raise CommandError(f"Arrêté, relancez pour finir : {error}") from error
        except DatabaseError as error:
            kind = type(error).__name__
            raise CommandError(f"La base a refusé ({kind}) : relancez pour finir.") from error
        self.stdout.write(
            f"« {slug} » est effacée : {done.files} fichiers, {done.people} comptes sans autre "
            f"boutique. Archive : {done.archive}\nSHA-256 {done.archive_sha256}"
        )

    def _be_sure(self, slug: str, meant: str) -> None:
        if not meant:
            if not sys.stdin.isatty():
                raise CommandError(f"Sans terminal, ajoutez --yes-i-mean {slug}.")
            meant = input(f"Tapez l’adresse de la boutique à effacer pour toujours ({slug}) : ")
        if meant.strip() != slug:
            raise CommandError("Ce n’est pas cette boutique : rien n’est effacé.")


def _who() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's number without a name
        return ""
