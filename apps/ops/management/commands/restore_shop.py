"""``manage.py restore_shop``: a shop made again from its file."""

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, cast

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError
from django.utils import timezone

from apps.core.refusal import Refusal
from apps.ops.keeping.reading import restore


@contextmanager
def opened(name: str) -> Iterator[BinaryIO]:
    """The file; what comes by the standard input is set aside first, to be read twice."""
    if name != "-":
        with Path(name).open("rb") as file:
            yield file
        return
    with tempfile.TemporaryFile() as aside:
        shutil.copyfileobj(sys.stdin.buffer, aside)
        yield cast(BinaryIO, aside)


class Command(BaseCommand):
    help = (
        "Refait une boutique depuis sa sauvegarde : tout ou rien. Sous son nom, elle redevient "
        "elle-même ; avec --as, c’est une copie, sur un autre hôte. Rien de ce qui attendait "
        "d’être envoyé ne part : l’équipe le voit « non envoyé » et décide."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", help="fichier de backup_shop ; « - » : entrée standard")
        parser.add_argument(
            "--as", dest="slug", default="", metavar="ADRESSE", help="sous un autre nom"
        )
        parser.add_argument(
            "--database",
            default="",
            metavar="URL",
            help="dans une autre base : son URL de rôle propriétaire, base mise à jour par "
            "migrate_shops ; les fichiers vont dans le stockage de cette installation",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            with opened(options["file"]) as file:
                target = restore(
                    file,
                    slug=options["slug"],
                    url=options["database"],
                    now=timezone.now(),
                    say=self.stdout.write,
                )
        except Refusal as refusal:
            raise CommandError(str(refusal)) from refusal
        except OSError as error:
            raise CommandError(f"Lecture impossible, rien n’a été écrit : {error}") from error
        except DatabaseError as error:
            # Its text may quote a row.
            raise CommandError(
                f"La base a refusé : {type(error).__name__}. Rien n’a été écrit."
            ) from error
        kind = "copie" if target.is_copy else "boutique"
        self.stdout.write(f"{kind} « {target.slug} » en service, schéma {target.schema}.")
