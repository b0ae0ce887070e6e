"""``manage.py keep_google_wallet_key``: the platform's own issuer at Google, in the vault."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.core.actor import SYSTEM
from apps.core.refusal import Refusal
from apps.wallet.accounts import adopt


class Command(BaseCommand):
    help = (
        "Garde au coffre la clé Google Wallet de la plateforme, pour les boutiques sans compte "
        "d’émetteur à elles."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("account", type=Path, help="clé JSON du compte de service")
        parser.add_argument("issuer", help="« Issuer ID », des chiffres")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            data = options["account"].read_bytes()
            account = adopt(data, options["issuer"], shop=None, by=SYSTEM)
        except OSError as error:
            raise CommandError(str(error)) from error
        except Refusal as refusal:
            raise CommandError(str(refusal)) from refusal
        self.stdout.write(f"{account.email} tient les cartes de l’émetteur {account.issuer}.")
