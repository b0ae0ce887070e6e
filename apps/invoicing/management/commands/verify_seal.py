"""``manage.py verify_seal``: the chain of invoices, payments and closures of every shop."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.invoicing.verifying import prove_chain
from apps.shops.models import Shop
from apps.shops.services import every_open_shop


class Command(BaseCommand):
    help = (
        "Prouve que rien de ce qui a été scellé (factures, paiements, clôtures) n’a changé, dans "
        "toutes les boutiques ; sort avec 1 et nomme le premier maillon cassé sinon."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("boutiques", nargs="*", help="leurs adresses ; toutes sans rien dire")

    def handle(self, *args: Any, boutiques: list[str], **options: Any) -> None:
        shops = records = wrong = 0
        for shop in every_open_shop():
            if boutiques and shop.slug not in boutiques:
                continue
            proof = prove_chain()
            shops, records = shops + 1, records + proof.records
            if proof.broken:
                wrong += 1
                self.stderr.write(f"{shop.slug} : n° {proof.broken.number}, {proof.broken.why}.")
            elif proof.records:
                self.stdout.write(f"{shop.slug} : {proof.records} maillons, {proof.last}")
        self.stdout.write(f"{shops} boutiques, {records} enregistrements.")
        asked = Shop.objects.filter(closed_at=None).count()
        unread = (len(boutiques) or asked) - shops
        if wrong or unread:
            told = f"{wrong} boutiques dont la chaîne est rompue"
            raise CommandError(f"{told} ; {unread} n’ont pas été lues (migrate_shops).")
