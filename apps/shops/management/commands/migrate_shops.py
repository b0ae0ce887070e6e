"""``manage.py migrate_shops``: public, the template and every shop brought to the code's state."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.shops.deploying import PARALLEL, AlreadyRunning, CannotBegin, behind, bring_up
from apps.shops.progress import Progress

_NAMED = 20


class Command(BaseCommand):
    help = (
        "Met à jour public, le modèle et chaque boutique (rôle propriétaire). Peut être "
        "interrompue à tout moment et relancée ; un comptoir ouvert n’attend jamais une seconde."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--check",
            action="store_true",
            help="dit ce qui est en retard, sans rien faire ; code de sortie 1 s’il y en a",
        )
        parser.add_argument(
            "--verify",
            action="store_true",
            help="relit chaque schéma au lieu de croire le registre, et corrige celui-ci",
        )
        parser.add_argument(
            "--parallel",
            type=int,
            default=PARALLEL,
            metavar="N",
            help=f"boutiques mises à jour en même temps (par défaut {PARALLEL})",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["parallel"] < 1:
            raise CommandError("--parallel : au moins 1.")
        if options["check"]:
            self._check(options["verify"])
            return
        progress = Progress(self.stdout, "boutiques")
        try:
            failed = bring_up(
                progress.say,
                told=progress.told,
                parallel=options["parallel"],
                verify=options["verify"],
            )
        except (AlreadyRunning, CannotBegin) as error:
            raise CommandError(str(error)) from error
        if failed:
            reasons = [f"  {schema} : {sentence}" for schema, sentence in sorted(failed.items())]
            count = len(failed)
            head = (
                f"{count} boutiques n’ont pas pu être mises à jour"
                if count > 1
                else "1 boutique n’a pas pu être mise à jour"
            )
            raise CommandError("\n".join([f"{head} (les autres le sont) :", *reasons]))

    def _check(self, verify: bool) -> None:
        late = behind(verify)
        if late:
            more = f" et {len(late) - _NAMED} autres" if len(late) > _NAMED else ""
            raise CommandError("En retard : " + ", ".join(late[:_NAMED]) + more)
        self.stdout.write("Tout est à jour.")
