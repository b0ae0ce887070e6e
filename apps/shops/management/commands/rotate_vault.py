"""``manage.py rotate_vault``: every shop's secrets under the first key of ``VAULT_KEYS``."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.shops.vault import rotate


class Command(BaseCommand):
    help = (
        "Rechiffre les secrets de toutes les boutiques avec la première clé de VAULT_KEYS. "
        "Mettez la nouvelle clé devant l’ancienne, redémarrez, lancez cette commande, puis "
        "retirez l’ancienne. Interrompue, relancez-la : elle reprend où elle en était."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        done, locked = rotate(self.stderr.write)
        self.stdout.write(f"{done} secret(s) sous la première clé.")
        if locked:
            raise CommandError(
                f"{locked} secret(s) restent fermés : gardez l’ancienne clé, ou faites-les "
                "ressaisir par leurs boutiques."
            )
