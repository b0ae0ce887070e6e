"""``manage.py verify_cards``: every card of every shop against its ledger."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.loyalty.verifying import Proof, prove_cards
from apps.shops.models import Shop
from apps.shops.services import every_open_shop


class Command(BaseCommand):
    help = (
        "Prouve que le solde de chaque carte est la somme de ses mouvements, dans toutes les "
        "boutiques ; sort avec 1 et nomme les premières cartes fausses sinon."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("boutiques", nargs="*", help="leurs adresses ; toutes sans rien dire")

    def handle(self, *args: Any, boutiques: list[str], **options: Any) -> None:
        shops = cards = lines = wrong = 0
        for shop in every_open_shop():
            if boutiques and shop.slug not in boutiques:
                continue
            proof = prove_cards()
            shops, cards, lines = shops + 1, cards + proof.cards, lines + proof.lines
            wrong += proof.wrong
            self._name(shop, proof)
        self.stdout.write(f"{shops} boutiques, {cards} cartes, {lines} mouvements.")
        asked = Shop.objects.filter(closed_at=None).count()
        unread = (len(boutiques) or asked) - shops
        if wrong or unread:
            told = f"{wrong} cartes ne sont pas la somme de leurs mouvements"
            raise CommandError(f"{told} ; {unread} boutiques n’ont pas été lues (migrate_shops).")

    def _name(self, shop: Shop, proof: Proof) -> None:
        if proof.wrong:
            self.stderr.write(f"{shop.slug} : {proof.wrong} cartes sur {proof.cards}")
        for card in proof.first:
            self.stderr.write(
                f"  n° {card.number} : solde {card.balance}, mouvements {card.summed} ; "
                f"récompenses {card.ready}, comptées {card.counted}"
            )
