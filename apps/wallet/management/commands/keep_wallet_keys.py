"""``manage.py keep_wallet_keys``: the platform's own certificate for Apple Wallet, in the vault."""

import os
from argparse import ArgumentParser
from getpass import getpass
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from apps.core.actor import SYSTEM
from apps.core.refusal import Refusal
from apps.wallet.forms import push_key_rule
from apps.wallet.identities import adopt, read_identity


class Command(BaseCommand):
    help = (
        "Garde au coffre le certificat Apple Wallet de la plateforme, qui signe les cartes des "
        "boutiques sans certificat à elles. Un renouvellement du même « Pass Type ID » prend la "
        "place de l’ancien. Le mot de passe du .p12 est demandé, ou lu dans P12_PASSWORD."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("bundle", type=Path, help="certificat et clé (.p12)")
        parser.add_argument("push_key", type=Path, help="clé APNs (.p8)")
        parser.add_argument("push_key_id", help="« Key ID » de la clé APNs")
        parser.add_argument("--intermediate", type=Path, help="certificat WWDR d’Apple (.cer)")

    def handle(self, *args: Any, **options: Any) -> None:
        password = os.environ.get("P12_PASSWORD")
        middle: Path | None = options["intermediate"]
        try:
            push_key_rule(options["push_key_id"])
            identity = read_identity(
                bundle=options["bundle"].read_bytes(),
                password=getpass("Mot de passe du .p12 : ") if password is None else password,
                intermediate=middle.read_bytes() if middle else b"",
                push_key=options["push_key"].read_bytes(),
                push_key_id=options["push_key_id"],
            )
            adopt(identity, shop=None, by=SYSTEM, now=timezone.now())
        except (OSError, ValidationError) as error:
            raise CommandError(str(error)) from error
        except Refusal as refusal:
            raise CommandError(str(refusal)) from refusal
        self.stdout.write(
            f"{identity.pass_type} (équipe {identity.team}) signe jusqu’au "
            f"{identity.expires_at:%d/%m/%Y}."
        )
